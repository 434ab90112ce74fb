/** A backlog in the background, and what is urgent beside it: counted, since a busy machine takes its time for both. */
import { assertLess } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import { takes } from "../tasks/ranking.ts";

Deno.test("beside 100,000 background tasks a user-blocking one waits for a few of them", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  let ended = 0;
  const count = () => void ended++;
  for (let n = 0; n < 100_000; n++) sched.go(takes(0.1), { priority: "background" }).then(count, () => {});
  const between: number[] = [];
  while (between.length < 100) {
    const before = ended;
    await soon(sched.go(takes(0.1), { priority: "user-blocking" }), "an urgent one");
    between.push(ended - before);
  }
  assertLess(ended, 50_000, "the backlog is still there");
  // Two that run as it starts, two beside it, and what ends while the host reads its mail.
  between.sort((a, b) => a - b);
  assertLess(between[50], 50);
  assertLess(between[90], 500);
  // Nobody reads the stacks of as many errors.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    await sched.close();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});

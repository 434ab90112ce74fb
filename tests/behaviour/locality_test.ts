/** Which children stay on their parent's thread: those that say more than they do. */
import { assert, assertEquals } from "@std/assert";
import { Scheduler } from "@heddle/heddle";
import { spreads, staysTogether } from "../tasks/chatting.ts";

Deno.test("children with channels stay with their parent while nobody is hungry", async () => {
  await using sched = await Scheduler.start({ procs: 1, preempt: false });
  assert(await sched.go(staysTogether(100)));
});

Deno.test("children that say more than they do stay with their parent also if somebody is hungry", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  // It takes a run or two to know; more where a thread has to wait for its CPU. Otherwise a hungry P gets all but one each time.
  let runs = 0;
  while (!await sched.go(staysTogether(20_000))) assert(++runs < 100, "never");
});

Deno.test("children that do more than they say are spread, again and again", async () => {
  await using sched = await Scheduler.start({ procs: 2, preempt: false });
  for (let run = 0; run < 3; run++) assertEquals(await sched.go(spreads(60, 2)), 2, `run ${run}`);
});

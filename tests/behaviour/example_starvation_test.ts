import { assertEquals, assertGreater, assertLess, assertStringIncludes } from "@std/assert";
import { preemption } from "../support/capabilities.ts";

const program = new URL("../../examples/starvation.ts", import.meta.url).pathname;

async function starvation(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", program, ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("starvation: on one queue fast requests wait as slow ones do, on the scheduler they do not", async () => {
  const { code, stdout, stderr } = await starvation("--seconds=1", "--every=15");
  assertEquals([code, stderr], [0, ""]);
  const rows = stdout.split("\n").filter((line) => line.startsWith("│")).map((line) => {
    return line.split("│").slice(1, -1).map((cell) => cell.trim());
  });
  const timesOf = (what: string, server: string) => {
    const row = rows.find(([first, second]) => first === what && second === server);
    const [fastP50, fastP99, slowP50, slowP99] = row!.slice(2).map(Number);
    return { fastP50, fastP99, slowP50, slowP99 };
  };
  // Of one time, so that what else the machine does counts for both.
  for (const what of ["computes", "blocks"]) {
    const [queue, scheduler] = [timesOf(what, "one queue"), timesOf(what, "scheduler")];
    assertGreater(queue.fastP99, queue.slowP99 / 2, stdout);
    assertLess(scheduler.fastP50, scheduler.slowP50 / 2, stdout);
  }
  // Without the watchdog there would be none.
  if (preemption.isThere) {
    assertGreater(timesOf("two others never end", "scheduler for all").fastP99, 0, stdout);
  } else assertStringIncludes(stdout, "Not measured: two others that never end");
});

Deno.test("starvation shows its usage for a time that is none", async () => {
  const wrong = ["--seconds=0", "--every=often", "--minutes=1", "file"];
  const outcomes = await Promise.all(wrong.map((option) => starvation(option)));
  outcomes.forEach(({ code, stderr }, i) => {
    assertEquals([code, stderr.slice(0, 17)], [2, "Usage: starvation"], wrong[i]);
  });
});

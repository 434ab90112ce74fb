/** Dumps beside all else: whatever is in one is whole. */
import type { DumpedObject } from "@heddle/heddle";
import type { Act } from "../act.ts";

export async function dumps(act: Act): Promise<void> {
  for (let i = act.random.below(20); i >= 0; i--) {
    const dump = act.sched.dump();
    const { tasks, threads, objects } = dump;
    const ids = new Set(tasks.map(({ id }) => id));
    act.check(ids.size === tasks.length, "a task is in a dump twice");
    for (const task of tasks) {
      const isRight = task.id > 0 && task.name !== "" && task.module !== "" && task.thread !== "host";
      act.check(isRight, `a task that is none: ${Deno.inspect(task)}`);
    }
    for (const thread of threads) {
      const isRight = thread.begun >= 0 && (thread.state === "starting") === (thread.tid === 0);
      act.check(isRight, `a thread that is none: ${Deno.inspect(thread)}`);
    }
    for (const object of objects) {
      act.check(isWhole(object), `an object that is none: ${Deno.inspect(object)}`);
    }
    act.check(String(dump).startsWith("Heddle"), "a dump is no text");
    await new Promise((resolve) => setTimeout(resolve, act.random.below(5)));
  }
}

function isWhole(
  { kind, count = 0, limit = 0, isClosed, isPoisoned, heldBy, waiting }: DumpedObject,
): boolean {
  const held = heldBy.reduce((sum, { times }) => sum + times, 0);
  const alone = waiting.filter(({ inSelect }) => !inSelect).map(({ operation }) => operation);
  if (waiting.some(({ count, thread }) => count < 1 || thread === "starting")) return false;
  if (isPoisoned) return true;
  switch (kind) {
    case "channel":
      return count <= limit && new Set(alone).size <= 1 && (!isClosed || !alone.includes("send"));
    case "mutex":
      return held <= 1 && (held === 1 || waiting.length === 0);
    case "Semaphore":
      return count + held === limit;
    case "Barrier":
      return count < limit && count === waiting.reduce((sum, { count }) => sum + count, 0);
    default:
      return count >= 0;
  }
}

import type { Row } from "../row.ts";
import { timed } from "../timed.ts";

const rounds = 1_000_000;

function row(name: string, work: string, how: string): Row {
  return {
    name,
    measure: `lock and unlock a mutex that nobody else wants, ${how}`,
    unit: "ns",
    better: "lower",
    sides: ["heddle", "go", "tokio"],
    comparisons: [{ against: ["go"], atLeast: 0.2 }, { against: ["tokio"] }],
    async inside(pool) {
      const elapsed = await timed(pool, work, rounds, rounds, (counted) => `it was locked ${counted} times`);
      return elapsed * 1e6 / rounds;
    },
  };
}

export const mutex = row("mutex", "mutex", "with its await");
export const mutexTry = row("mutex-try", "mutexTry", "by tryLock() ?? await lock()");

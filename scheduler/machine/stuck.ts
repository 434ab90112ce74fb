/** An M's part in the search for deadlocks, when the host asks (M_ASKED): what is waited for there, and the end of that. */
import { load, store } from "../arena/atomics.ts";
import { decode, encode } from "../codec/codec.ts";
import { DeadlockError, seenByTasks } from "../tasks/errors.ts";
import { offsetOf } from "../arena/heap.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Arena } from "../arena/arena.ts";
import { DEADLOCK_REPORT } from "../arena/layout/header.ts";
import { M_REPORT, M_TID } from "../arena/layout/m.ts";

/** M_ASKED: to say what is waited for; and to end it. */
export const REPORT_WAITS = 1;
export const BREAK_DEADLOCK = 2;

/** Lines of a report for one thread. Guess. */
const MOST_LINES = 12;

/** A report, which the host and an M leave each other. */
export function readReport(arena: Arena, word: number): string {
  return word === 0 ? "" : decode(arena, offsetOf(arena, word)) as string;
}

/** What is waited for here, for the host. */
export function reportWaits(home: Isolate, tasks: string[]): void {
  const counts = new Map<string, number>();
  for (const waiter of home.waiting()) {
    const line = waiter.waited.describe(waiter);
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const record = home.arena.isolate(home.number);
  const lines = [...counts].map(([line, count]) => count === 1 ? line : `${line} (${count} times)`);
  const more = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more`] : [];
  const who = tasks.length === 0 ? "" : ` (tasks: ${[...new Set(tasks)].slice(0, MOST_LINES).join(", ")})`;
  const waits = lines.length === 0
    ? "waits for tasks of other threads"
    : "waits to " + lines.slice(0, MOST_LINES).concat(more).join(", to ");
  const text = `thread ${load(home.words, record + M_TID)}${who} ${waits}`;
  store(home.words, record + M_REPORT, home.heap.put(encode(text).bytes));
}

/** All that is parked here rejects. */
export function breakDeadlock(home: Isolate): void {
  const report = readReport(home.arena, load(home.words, DEADLOCK_REPORT));
  for (const waiter of [...home.waiting()]) {
    if (waiter.withdraw()) waiter.fail(new (seenByTasks(DeadlockError))(report));
  }
}

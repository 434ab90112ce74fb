/** `onStall`: what the host says of tasks that keep their thread for too long. */
import { load } from "../arena/atomics.ts";
import { BlackBox } from "../machine/black_box.ts";
import type { Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { M_RAN_ON, M_STALLED, M_TID } from "../arena/layout/m.ts";

/**
 * A task that has kept its thread for longer than `stallMs`, without a turn for the others that have begun there. What
 * `onStall` gets.
 */
export interface Stall {
  /** The name of the task that began, or went on, last on the thread. */
  readonly task: string;
  /** Its id. */
  readonly id: number;
  /** What kinds of values its arguments are, and how large: `(number, Uint8Array of 1024 bytes)`. */
  readonly shape: string;
  /** Milliseconds so far in which the thread has run: what it was frozen does not count. */
  readonly ms: number;
  /** The number of the thread: see {@linkcode TaskContext.tid}. */
  readonly tid: number;
  /** Where the task is: in a second report, if it has looked at `ctx.shouldYield` since the first one. */
  readonly stack?: string;
}

export class Stalls {
  readonly #arena: Arena;
  readonly #heap: Heap;
  readonly #onStall: (stall: Stall) => void;
  /** What was reported last: by isolate. */
  readonly #reported: number[] = [];

  constructor(arena: Arena, heap: Heap, onStall: (stall: Stall) => void) {
    this.#arena = arena;
    this.#heap = heap;
    this.#onStall = onStall;
  }

  /** When sysmon has something to say. */
  look(isolates: readonly number[]): void {
    for (const isolate of isolates) {
      const record = this.#arena.isolate(isolate);
      // Partner: the store in Preemption.#report, after that of M_RAN_ON.
      const turn = load(this.#arena.i32, record + M_STALLED);
      const box = new BlackBox(this.#arena, isolate);
      const stack = box.readStack(this.#heap);
      if (turn === 0 || (turn === this.#reported[isolate] && stack === undefined)) continue;
      this.#reported[isolate] = turn;
      const entry = box.read();
      // It has gone on just now.
      if (entry === undefined) continue;
      const stall: Stall = {
        task: entry.name,
        id: entry.id,
        shape: entry.shape,
        ms: load(this.#arena.i32, record + M_RAN_ON),
        tid: load(this.#arena.i32, record + M_TID),
        ...(stack !== undefined && { stack }),
      };
      // Outside of the host's poll: what it throws is an uncaught error of its own.
      queueMicrotask(() => this.#onStall(stall));
    }
  }
}

/**
 * The global run queues: one for each priority. Notes that an M needs a P, and whatever spills from rings, are user-visible.
 *
 * What is not user-visible is in no ring: one of these is taken at a time, so that nothing of a lower priority is in front of
 * what comes later. As long as there never was any, PRIORITIES is 0, and the other two queues are not looked at. It is set with the
 * push, and nobody sets it back; so who announces a sleep and reads 0 then is found by the wake that follows the push
 * (parking/README.md, "No wakeup is lost").
 *
 * Nothing starves. A user-blocking task comes before what is in a ring, but for one of RING_TICK turns of an M. Of the turns in
 * which an M looks here before it looks at its own children (GLOBAL_TICK) every other one takes a background task first.
 */
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { PRIORITIES } from "../arena/layout/header.ts";
import { BACKGROUND, USER_BLOCKING, USER_VISIBLE } from "../tasks/priority.ts";
import { GlobalRunQueue } from "./global_run_queue.ts";

export class GlobalRunQueues {
  readonly #words: Int32Array;
  readonly #visible: GlobalRunQueue;
  readonly #blocking: GlobalRunQueue;
  readonly #background: GlobalRunQueue;

  constructor(arena: Arena) {
    this.#words = arena.i32;
    this.#visible = new GlobalRunQueue(arena, USER_VISIBLE);
    this.#blocking = new GlobalRunQueue(arena, USER_BLOCKING);
    this.#background = new GlobalRunQueue(arena, BACKGROUND);
  }

  push(entry: number, priority = USER_VISIBLE): void {
    if (priority === USER_VISIBLE) return this.#visible.push(entry);
    // Partner: #areUsed.
    if (!this.#areUsed) store(this.#words, PRIORITIES, 1);
    (priority === BACKGROUND ? this.#background : this.#blocking).push(entry);
  }

  /** A batch of user-visible ones, or one other, as `GlobalRunQueue.pop`. */
  pop(most: number, take: (entry: number) => void): number {
    const taken = this.#visible.pop(most, take);
    if (taken > 0 || !this.#areUsed) return taken;
    return this.#blocking.pop(1, take) || this.#background.pop(1, take);
  }

  popBlocking(take: (entry: number) => void): number {
    return this.#areUsed ? this.#blocking.pop(1, take) : 0;
  }

  popBackground(take: (entry: number) => void): number {
    return this.#areUsed ? this.#background.pop(1, take) : 0;
  }

  /** `GlobalRunQueue.popNote`. */
  popNote(): number {
    return this.#visible.popNote();
  }

  /** What is the `n`th entry but for background ones, as `GlobalRunQueue.peek`. Nobody loses a P for these. */
  peek(n: number): number | undefined {
    if (!this.#areUsed) return this.#visible.peek(n);
    const blocking = Math.max(0, this.#blocking.length);
    return n < blocking ? this.#blocking.peek(n) : this.#visible.peek(n - blocking);
  }

  /** Changes whenever one of these is taken. */
  get head(): number {
    return (this.#visible.head + (this.#areUsed ? this.#blocking.head : 0)) | 0;
  }

  /** `GlobalRunQueue.includes`, of a note. */
  includes(note: number): boolean {
    return this.#visible.includes(note);
  }

  /** A hint, as `GlobalRunQueue.isEmpty`. */
  isEmpty(): boolean {
    return this.#visible.isEmpty() &&
      (!this.#areUsed || (this.#blocking.isEmpty() && this.#background.isEmpty()));
  }

  /** The same, but for background ones. */
  isEmptyInFront(): boolean {
    return this.#visible.isEmpty() && (!this.#areUsed || this.#blocking.isEmpty());
  }

  /** A hint. Of those that are taken in batches. */
  get visible(): number {
    return this.#visible.length;
  }

  /** A hint. */
  get background(): number {
    return this.#background.length;
  }

  /** A hint. */
  get length(): number {
    return this.#visible.length + this.#blocking.length + this.#background.length;
  }

  /** Partner: push. */
  get #areUsed(): boolean {
    return load(this.#words, PRIORITIES) === 1;
  }
}

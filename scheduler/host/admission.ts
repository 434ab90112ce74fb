/**
 * Who may start a task: none while too many wait for a thread (`maxQueue`), and none any more once the scheduler is drained.
 *
 * Who waits for room hears of it by mail. An M that finds nothing in the global queue tells the host, if that wants to know:
 * the host sets ROOM_WANTED and then looks at the queues, the M looks at the queue and then at ROOM_WANTED.
 */
import { load, store } from "../arena/atomics.ts";
import { ROOM_WANTED } from "../arena/layout/header.ts";
import type { Shared } from "../parking/shared.ts";
import { QueueFullError } from "../tasks/errors.ts";
import { BACKGROUND, USER_VISIBLE } from "../tasks/priority.ts";

/** The host's tasks. */
export interface Crowd {
  /** Those that wait for a slot; if so only those that are not in the background. */
  waiting(isInFront?: boolean): number;
  readonly heldBack: number;
}

export class Admission {
  /** No task may start any more. */
  isDraining = false;
  readonly #words: Int32Array;
  readonly #shared: Shared;
  readonly #tasks: Crowd;
  readonly #maxQueue: number;
  #waiters: (PromiseWithResolvers<void> & { readonly priority: number })[] = [];
  readonly #drained = Promise.withResolvers<void>();

  constructor(shared: Shared, tasks: Crowd, maxQueue: number) {
    this.#words = shared.words;
    this.#shared = shared;
    this.#tasks = tasks;
    this.#maxQueue = maxQueue;
  }

  /** Tasks that wait for a thread, for a slot, or for their turn in a view. */
  get queued(): number {
    return this.#queued() + this.#tasks.heldBack;
  }

  /** The same without those of views. In front of the background ones: without these as well. */
  #queued(isInFront = false): number {
    const { global, wakeups } = this.#shared;
    const queued = this.#tasks.waiting(isInFront) + wakeups.tasksQueued;
    return isInFront ? queued - global.background : queued;
  }

  /** For one more. A backlog in the background leaves no task of another priority without room. */
  requireRoom(priority: number): void {
    if (this.#maxQueue === Infinity) return;
    const queued = this.#queued(priority !== BACKGROUND) + this.#tasks.heldBack;
    if (queued >= this.#maxQueue) throw new QueueFullError(queued, this.#maxQueue);
  }

  /** Fewer wait than there are Ps, so that none of these has to wait for the next. */
  #hasRoom(priority: number): boolean {
    return this.#queued(priority !== BACKGROUND) < Math.min(this.#shared.idle.procs, this.#maxQueue);
  }

  ready(priority = USER_VISIBLE): Promise<void> {
    if (this.#hasRoom(priority)) return Promise.resolve();
    const waiter = { priority, ...Promise.withResolvers<void>() };
    this.#waiters.push(waiter);
    this.look();
    return waiter.promise;
  }

  /** Whether anybody waits for room. */
  get isAwaited(): boolean {
    return this.#waiters.length > 0;
  }

  /** Then whenever the host has read its mail. */
  look(): void {
    if (load(this.#words, ROOM_WANTED) === 0) store(this.#words, ROOM_WANTED, 1);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#hasRoom(waiter.priority)) waiter.resolve();
      else this.#waiters.push(waiter);
    }
    if (this.#waiters.length === 0) store(this.#words, ROOM_WANTED, 0);
  }

  /** Resolves as `ended` is called with nothing in flight, or at once. */
  drain(inFlight: number): Promise<void> {
    this.isDraining = true;
    if (inFlight === 0) this.#drained.resolve();
    return this.#drained.promise;
  }

  /** Nothing is in flight. */
  ended(): void {
    if (this.isDraining) this.#drained.resolve();
  }

  close(error: Error): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}

/** What a G, or a scope of one, waits for without an object that is shared. */
import { reserveStack } from "../codec/stack_reserve.ts";
import { noPromise, promiseOf, reject, type Resolver } from "../tasks/promise.ts";
import type { Clock } from "../queues/cancellation.ts";
import type { Timer } from "../queues/timers.ts";
import type { Meter } from "../tracing/meter.ts";
import { PAUSED } from "../tracing/tracer.ts";

/** The G, or the scope, as its waits know it. */
export interface Waiting {
  /** The newest of them, and by it the others. */
  waits: Wait | undefined;
  readonly services: {
    readonly agenda: Clock & {
      /** Gs in `ctx.sleep`. */
      sleeping: number;
      resumeLater(resume: { fire(): void }): void;
    };
    readonly home: { readonly meter: Meter };
  };
}

/** Resolves when `performance.now()` is `at`. It was not cancelled, as of the next two. */
export function sleepUntil(waiting: Waiting, at: number): Promise<void> {
  reserveStack();
  const wait = new Wait(waiting, 0);
  waiting.services.agenda.startTimer(wait, at);
  return promiseOf(wait) as Promise<void>;
}

/** What the promise comes to, under a P. */
export function waitFor<T>(waiting: Waiting, promise: PromiseLike<T>): Promise<T> {
  reserveStack();
  const outside = awaited(promise);
  const ended = () => waiting.services.agenda.resumeLater(wait);
  outside.then(ended, ended);
  const wait = new Wait(waiting, NO_TIMER);
  return promiseOf(wait).then(() => outside);
}

/** A promise of ours: the caller's may throw wherever it is looked at, or call back twice. */
async function awaited<T>(promise: PromiseLike<T>): Promise<T> {
  return await promise;
}

/** All reject. */
export function endWaits(waiting: Waiting, reason: unknown): void {
  while (waiting.waits !== undefined) waiting.waits.end(reason);
}

/** In place of its place in the heap: it waits for a promise of the outside. */
const NO_TIMER = -1;

/**
 * A G's wait for a time or for a promise outside: resolved by `fire`, under a P, or rejected by a
 * cancellation. It is its own timer, since sleeping Gs come in hundreds of thousands.
 */
export class Wait implements Timer, Resolver {
  place: number;
  resolve: (value?: unknown) => void = noPromise;
  /** Undefined once it has ended. */
  g: Waiting | undefined;
  /** Its neighbours in the G's list. */
  before: Wait | undefined = undefined;
  after: Wait | undefined;

  constructor(g: Waiting, place: number) {
    this.place = place;
    this.g = g;
    this.after = g.waits;
    if (this.after) this.after.before = this;
    g.waits = this;
    if (place !== NO_TIMER) g.services.agenda.sleeping++;
    g.services.home.meter.tap?.waits(this, place === NO_TIMER ? "a promise of the outside" : "sleep");
  }

  fire(): void {
    if (unlink(this)) this.resolve();
  }

  end(reason: unknown): void {
    const g = this.g;
    if (!unlink(this)) return;
    if (this.place !== NO_TIMER) g!.services.agenda.stopTimer(this);
    reject(this, reason);
  }
}

/** False: it has ended before. */
function unlink(wait: Wait): boolean {
  const { g } = wait;
  if (g === undefined) return false;
  if (wait.before) wait.before.after = wait.after;
  else g.waits = wait.after;
  if (wait.after) wait.after.before = wait.before;
  if (wait.place !== NO_TIMER) g.services.agenda.sleeping--;
  g.services.home.meter.tap?.waited(wait, PAUSED, 0);
  wait.g = undefined;
  return true;
}

/**
 * What ends a task or an operation before its time: a signal, or a deadline. All that follows signals follows them from
 * here: a signal has one listener of ours, however many follow it, since adding and removing a listener takes as long as
 * there are others.
 */
import type { Timer } from "./timers.ts";

/** Called with the signal's reason. An object of its own for each who follows, so that a set tells them apart. */
interface Follower {
  readonly heard: (reason: unknown) => void;
}

/** Weak: a signal that nobody follows leaves nothing behind, and one that is given up takes who follows it along. */
const followed = new WeakMap<AbortSignal, Followed>();

class Followed {
  readonly #signal: AbortSignal;
  /** In the order in which they came. */
  readonly #followers = new Set<Follower>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#abort, { once: true });
    followed.set(signal, this);
  }

  readonly #abort = (): void => {
    followed.delete(this.#signal);
    // Who ends another one of them takes it out of the set meanwhile.
    for (const follower of this.#followers) {
      this.#followers.delete(follower);
      follower.heard(this.#signal.reason);
    }
  };

  add(follower: Follower): void {
    this.#followers.add(follower);
  }

  remove(follower: Follower): void {
    if (!this.#followers.delete(follower) || this.#followers.size > 0) return;
    // A listener keeps the timer of AbortSignal.timeout() from letting the process end.
    this.#signal.removeEventListener("abort", this.#abort);
    if (followed.get(this.#signal) === this) followed.delete(this.#signal);
  }
}

/** Of a signal that is not aborted yet: calls `heard` once it is. Returns what ends that. `heard` throws nothing. */
export function whenAborted(signal: AbortSignal, heard: (reason: unknown) => void): () => void {
  const follower = { heard };
  const of = followed.get(signal) ?? new Followed(signal);
  of.add(follower);
  return () => of.remove(follower);
}

/** What may end a task or a scope. */
export interface Limits {
  signal?: AbortSignal;
  timeout?: number;
}

/** The timers of an isolate's loop. */
export interface Clock {
  /** It fires when `performance.now()` is `at`. */
  startTimer(timer: Timer, at: number): void;
  /** Nothing happens if it has fired. */
  stopTimer(timer: Timer): void;
}

/**
 * Calls `end` with the reason of the signal, at once if that is aborted, or with what `late` makes when the time is over.
 * Returns what ends that; undefined if there is nothing to end.
 */
export function limit(
  { signal, timeout = Infinity }: Limits,
  clock: Clock,
  end: (reason: unknown) => void,
  late: (timeout: number) => unknown,
): (() => void) | undefined {
  if (signal?.aborted) {
    end(signal.reason);
    return undefined;
  }
  const unfollow = signal && whenAborted(signal, end);
  if (timeout === Infinity) return unfollow;
  const stop = alarm(clock, performance.now() + timeout, () => end(late(timeout)));
  return () => {
    unfollow?.();
    stop();
  };
}

/** Calls `fire` when `performance.now()` is `at`. Returns what ends that. */
export function alarm(clock: Clock, at: number, fire: () => void): () => void {
  const timer = { place: 0, fire };
  clock.startTimer(timer, at);
  return () => clock.stopTimer(timer);
}

/** `limit` for a task. Who cannot be followed starts nothing: the signal may have an `addEventListener` of its own. */
export function limitTask(
  task: { cancel(reason: unknown): void },
  limits: Limits,
  clock: Clock,
  late: (timeout: number) => unknown,
): (() => void) | undefined {
  try {
    return limit(limits, clock, (reason) => task.cancel(reason), late);
  } catch (error) {
    task.cancel(error);
    throw error;
  }
}

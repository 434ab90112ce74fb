/** Scopes: children that do not outlive the code that started them (after Go's errgroup and Trio's nurseries). */
import type { Call, GoOptions, Task } from "./call.ts";

/**
 * A part of a task that ends as a whole: where children are started that end before it does, and a context with its own
 * deadline, as those that Go derives by `context.WithTimeout` and `WithCancel`. Its `sleep`, `wait` and `yield` are those of the
 * task, and end with the reason as soon as the scope is cancelled, too.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go } from "@heddle/heddle";
 * import { retries } from "./tasks.ts";
 *
 * // In the task, each attempt has a deadline, and the whole has one, which ends the pauses between them as well:
 * //
 * // ctx.scope(async (scope) => {
 * //   for (let attempt = 1;; attempt++) {
 * //     try {
 * //       return await scope.scope((one) => one.go(unreliable(attempt)), { timeout: 1000 });
 * //     } catch {
 * //       await scope.sleep(2 ** attempt);
 * //     }
 * //   }
 * // }, { timeout: 10_000 });
 * assertEquals(await go(retries()), 3);
 * ```
 */
export interface Scope {
  /** Aborted when the scope is cancelled: by a failure, by the task's own cancellation, or by its timeout. */
  readonly signal: AbortSignal;
  /**
   * As `ctx.go`. A child that is started after the scope was cancelled is cancelled before it starts. One that is cancelled
   * by itself, by its own signal or timeout too, counts as one that has failed.
   *
   * @throws {DOMException} named AbortError if the scope has ended.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /**
   * As `ctx.sleep`. Rejects with the reason when the scope is cancelled; what still sleeps when the scope ends rejects with an
   * `AbortError`, so nothing is left of a sleep that lost a race.
   */
  sleep(ms: number): Promise<void>;
  /** As `ctx.wait`. Ends with the scope as `sleep` does, while the promise goes on. */
  wait<T>(promise: PromiseLike<T>): Promise<T>;
  /** As `ctx.yield`. Rejects with the reason if the scope was cancelled, before or meanwhile. */
  yield(): Promise<void>;
  /**
   * A scope in this one: cancelled with it, and waited for by it. Its own failure is told to who awaits it and to nobody else.
   * So a `catch` around it bounds what fails.
   */
  scope<T>(body: (scope: Scope) => T | Promise<T>, options?: ScopeOptions): Promise<T>;
  /** Cancels all children and nested scopes; the scope rejects with the reason. Default: an `AbortError`. */
  cancel(reason?: unknown): void;
}

/** Options of `ctx.scope`. */
export interface ScopeOptions {
  /** Aborting it cancels the scope with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds from now until the scope is cancelled with a {@linkcode TaskTimeoutError}. Default: never. */
  timeout?: number;
}

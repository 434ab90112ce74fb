/** Scopes: children that do not outlive the code that started them (after Go's errgroup and Trio's nurseries). */
import type { Call, GoOptions, Task } from "./call.ts";

/** Where children are started that end before the scope does. */
export interface Scope {
  /** Aborted when the scope is cancelled: by a failure, by the task's own cancellation, or by its timeout. */
  readonly signal: AbortSignal;
  /**
   * As `ctx.go`. A child that is started after the scope was cancelled is cancelled before it starts. One that is cancelled
   * by itself, by its own signal or timeout too, counts as one that has failed.
   */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Cancels all children; the scope rejects with the reason. Default: an `AbortError`. */
  cancel(reason?: unknown): void;
}

/** Options of `ctx.scope`. */
export interface ScopeOptions {
  /** Aborting it cancels the scope with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds from now until the scope is cancelled with a {@linkcode TaskTimeoutError}. Default: never. */
  timeout?: number;
}

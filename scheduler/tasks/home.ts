/** Where channels and locks are made. */
import type { Call, GoOptions, Task } from "./call.ts";
import type { StreamCall, StreamOptions, TaskStream } from "./stream.ts";

/** By which a home says whose it is: what that is, the room of what tasks share knows. */
export const HOME: unique symbol = Symbol.for("heddle.home") as typeof HOME;

/**
 * What channels and locks are made with, and tasks are started with: a {@linkcode Scheduler}; in a task its
 * {@linkcode TaskContext}.
 */
export interface Home {
  /** Starts a task. */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Starts a task that yields many results. */
  go<T>(call: StreamCall<T>, options?: StreamOptions): TaskStream<T>;
  /** @internal */
  readonly [HOME]: unknown;
}

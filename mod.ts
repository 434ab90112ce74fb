/**
 * Heddle: an embeddable userspace scheduler for Deno. It brings Go's G/M/P scheduler to TypeScript: tasks that start in
 * about a microsecond on a pool of threads, and threads that are dedicated to one task and exempt from the pool's limit.
 *
 * Tasks live in a module that every thread can import:
 *
 * ```ts ignore
 * // tasks.ts
 * import { task } from "@heddle/heddle";
 *
 * export const sum = task(import.meta, "sum", (_ctx, from: number, to: number) => {
 *   let total = 0;
 *   for (let n = from; n < to; n++) total += n;
 *   return total;
 * });
 * ```
 *
 * Calling one makes a call, and `go` starts it:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { go } from "@heddle/heddle";
 * import { sum } from "./tasks.ts";
 *
 * assertEquals(await go(sum(0, 10)), 45);
 * ```
 *
 * Run with `--allow-read`, for the modules that threads import, and `--allow-ffi`, for preemption and native calls: these are for
 * Linux on x86-64 and aarch64. All else runs wherever Deno does: {@linkcode Scheduler.capabilities}.
 *
 * @module
 */
export type { Capabilities } from "./ffi/capabilities.ts";
export type {
  Dump,
  DumpedAwait,
  DumpedCycle,
  DumpedDescriptor,
  DumpedHolder,
  DumpedObject,
  DumpedPlace,
  DumpedProcessor,
  DumpedQueues,
  DumpedStep,
  DumpedTask,
  DumpedThread,
  DumpedWait,
} from "./scheduler/host/dump.ts";
export { Barrier } from "./scheduler/sync/barrier.ts";
export { Channel } from "./scheduler/sync/channel.ts";
export type { ChannelEnd, ReceiveChannel, Received, SendChannel } from "./scheduler/sync/channel_ends.ts";
export {
  ChannelClosedError,
  DeadlockError,
  QueueFullError,
  SchedulerClosedError,
  TaskAbandonedError,
  TaskTimeoutError,
  ThreadDiedError,
} from "./scheduler/tasks/errors.ts";
export type { Metrics, ThreadMetrics } from "./scheduler/host/metrics.ts";
export type { Trace, TraceOptions } from "./scheduler/host/trace.ts";
export { finishTrace, type TraceSummary } from "./scheduler/host/finish_trace.ts";
export type { Histogram } from "./scheduler/tracing/histogram.ts";
export { prometheus } from "./scheduler/prometheus.ts";
export { move } from "./scheduler/codec/moves.ts";
export { Mutex } from "./scheduler/sync/mutex.ts";
export type { SharedOptions } from "./scheduler/sync/object_name.ts";
export { Pollable, pollable, readable, writable } from "./scheduler/sync/pollable.ts";
export { Once } from "./scheduler/sync/once.ts";
export {
  failedItem,
  parallelMap,
  type ParallelMapOptions,
  type ParallelMapResult,
} from "./scheduler/parallel_map.ts";
export { Pipeline, pipeline, type PipelineOptions, type Stage, type Stages } from "./scheduler/pipeline.ts";
export { RWMutex } from "./scheduler/sync/rw_mutex.ts";
export { select, type Selected, type SelectOptions } from "./scheduler/sync/select.ts";
export { after, onAbort, recv, type SelectCase, send } from "./scheduler/sync/select_case.ts";
export type { Stall } from "./scheduler/host/stall.ts";
export type { ThreadLocker } from "./scheduler/locker.ts";
export type { BlockingOptions, TaskContext } from "./scheduler/tasks/context.ts";
export type { NativeCall } from "./scheduler/native/calls.ts";
export type {
  NativeFunction,
  NativeLibrary,
  NativeSymbol,
  NativeSymbols,
} from "./scheduler/native/library.ts";
export type { NativeFunctionDefinition, NativeThread } from "./scheduler/native/thread.ts";
export {
  dedicate,
  type DedicateOptions,
  type DrainOptions,
  go,
  type ReadyOptions,
  Scheduler,
  type SchedulerStats,
} from "./scheduler/scheduler.ts";
export type { SchedulerOptions } from "./scheduler/host/scheduler_options.ts";
export type { Scope, ScopeOptions } from "./scheduler/tasks/scope.ts";
export { Semaphore } from "./scheduler/sync/semaphore.ts";
export { Call, type GoOptions, type Task, type TaskState } from "./scheduler/tasks/call.ts";
export {
  type Cloneable,
  type GeneratorDefinition,
  perThread,
  type StreamDefinition,
  task,
  type TaskDefinition,
  type Uncloneable,
} from "./scheduler/tasks/define.ts";
export {
  TaskController,
  type TaskControllerOptions,
  type TaskSignal,
} from "./scheduler/tasks/task_controller.ts";
export { tasksFrom, type TasksOf } from "./scheduler/tasks/tasks_from.ts";
export type { Home } from "./scheduler/tasks/home.ts";
export { WaitGroup } from "./scheduler/sync/wait_group.ts";
export { View, type ViewOptions } from "./scheduler/view.ts";
export type { Priority } from "./scheduler/tasks/priority.ts";
export type { PerThread, ThreadIdentity } from "./scheduler/tasks/per_thread.ts";
export { StreamCall, type StreamOptions, type TaskStream } from "./scheduler/tasks/stream.ts";
export type { WaitOptions } from "./scheduler/tasks/options.ts";
export type { NativeThreadOptions, ThreadOptions } from "./scheduler/tasks/thread_options.ts";

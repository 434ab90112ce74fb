/* @ts-self-types="./mod.ts" */
// Generated from mod.ts by native/build.ts: do not edit.
// deno-lint-ignore-file
// deno-fmt-ignore-file

// What the package exports, in one file: a hundred take 15 ms more. A thread has all of that already, and nothing is loaded there.
const { heddle = await import("./heddle.js") } = globalThis[Symbol.for("heddle.registry")] ?? {};
export const { Barrier, Call, Channel, ChannelClosedError, DeadlockError, Mutex, Once, Pipeline, Pollable, QueueFullError, RWMutex, Scheduler, SchedulerClosedError, Semaphore, StreamCall, TaskAbandonedError, TaskController, TaskTimeoutError, ThreadDiedError, View, WaitGroup, after, dedicate, failedItem, finishTrace, go, move, onAbort, parallelMap, perThread, pipeline, pollable, prometheus, readable, recv, select, send, task, tasksFrom, writable } = heddle;

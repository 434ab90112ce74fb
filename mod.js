/* @ts-self-types="./mod.ts" */
/**
 * What the package exports: `mod.ts`, with all that it imports in one file, since a hundred take 15 ms more. A thread has all of that
 * already, and nothing is loaded there.
 */
const { heddle = await import("./heddle.js") } = globalThis[Symbol.for("heddle.registry")] ?? {};

export const {
  after,
  Barrier,
  Call,
  Channel,
  ChannelClosedError,
  DeadlockError,
  dedicate,
  go,
  move,
  Mutex,
  onAbort,
  Once,
  parallelMap,
  Pipeline,
  pipeline,
  recv,
  RWMutex,
  Scheduler,
  SchedulerClosedError,
  select,
  Semaphore,
  send,
  task,
  TaskAbandonedError,
  TaskTimeoutError,
  ThreadDiedError,
  WaitGroup,
} = heddle;

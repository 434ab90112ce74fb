/** The promises that are handed out, and what settles them. */
import type { Task, TaskState } from "./call.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { follow } from "../codec/trace.ts";

/** What stands behind a Task in the isolate that started it, and is its `progress`. */
export interface Caller extends AsyncIterable<unknown> {
  readonly id: number;
  /** False if it had settled before. Otherwise the caller of this silences the promise. */
  cancel(reason: unknown): boolean;
}

/**
 * Where a promise leaves its one function. It keeps no other: what parks comes in hundreds of thousands, and the second
 * one takes 56 bytes. `reject` does without.
 */
export interface Resolver {
  resolve: (value: unknown) => void;
}

/** What that is before there is a promise. */
export function noPromise(): never {
  throw new Error("Heddle: an operation without a promise was settled.");
}

/** A promise that `its` resolves. */
export function promiseOf(its: Resolver): Promise<unknown> {
  return new Promise((resolve) => {
    its.resolve = resolve;
  });
}

/** It rejects a turn of the microtask queue later. */
export function reject(its: Resolver, reason: unknown): void {
  its.resolve(new Rejection(reason));
}

/** The same with an error that was made for this promise: its stack will say who awaits it. */
export function rejectAnew(its: Resolver, error: unknown): void {
  its.resolve(new Failure(error));
}

/** A promise that is resolved with one rejects. */
class Rejection {
  readonly #reason: unknown;

  constructor(reason: unknown) {
    this.#reason = reason;
  }

  then(_resolve: unknown, reject: (reason: unknown) => void): void {
    reject(this.#reason);
  }
}

class Failure {
  readonly #error: unknown;

  constructor(error: unknown) {
    this.#error = error;
  }

  then(_resolve: unknown, reject: (error: unknown) => void): void {
    follow(this.#error);
    reject(this.#error);
  }
}

/** The host's task: its state is looked up. */
export class HostTask extends Promise<unknown> implements Task<unknown> {
  declare caller: Caller & { readonly state: TaskState };

  static start(caller: HostTask["caller"] & Resolver): HostTask {
    const task = new HostTask((resolve) => {
      caller.resolve = resolve;
    });
    task.caller = caller;
    return task;
  }

  get id(): number {
    return this.caller.id;
  }

  get state(): TaskState {
    return this.caller.state;
  }

  get progress(): AsyncIterable<unknown> {
    return this.caller;
  }

  cancel(reason: unknown = defaultReason()): void {
    if (this.caller.cancel(reason)) silence(this);
  }
}

// What follows a task is no task: then() makes plain promises. And `await` takes a promise as it is if its constructor
// is Promise; an instance of a subclass it wraps in another one.
HostTask.prototype.constructor = Promise;

/** A child as its parent's thread has it. `state` is assigned to; see `watchState`. */
export interface ChildTask extends Task<unknown> {
  state: TaskState;
  readonly progress: Caller;
}

/**
 * A plain promise with properties of its own. As an instance of a subclass, a child's start and await takes 185 ns
 * instead of 145: construction and `await` leave V8's fast paths.
 */
export function newChildTask(caller: Caller & Resolver): ChildTask {
  const promise = promiseOf(caller) as { -readonly [Key in keyof ChildTask]: ChildTask[Key] };
  promise.id = caller.id;
  promise.state = "queued";
  promise.cancel = cancelTask;
  promise.progress = caller;
  return promise;
}

function cancelTask(this: ChildTask, reason: unknown = defaultReason()): void {
  if (this.progress.cancel(reason)) silence(this);
}

/** `state` is what `look` says, until it is assigned to: for a task that runs where its caller does not see it. */
export function watchState(task: ChildTask, look: () => TaskState): void {
  Object.defineProperty(task, "state", {
    configurable: true,
    enumerable: true,
    get: look,
    set: (value) => Object.defineProperty(task, "state", { value, writable: true }),
  });
}

/** What `cancel()` without a reason rejects with. */
export function defaultReason(): DOMException {
  const reason = new DOMException("The task was cancelled", "AbortError");
  defaults.add(reason);
  return reason;
}

const defaults = new WeakSet<object>();

/** Any isolate can make one of its own. To send one takes 30 us, for its stack. */
export function isDefaultReason(reason: unknown): boolean {
  return defaults.has(reason as object);
}

/** Whether what a task was cancelled with was made for that task. */
export function isOwnReason(reason: unknown): boolean {
  return isDefaultReason(reason) || (reason as Error | null | undefined)?.name === "TaskTimeoutError";
}

/** Of an operation. Near the end of the stack it is thrown: nobody might get hold of the promise. */
export function rejection(error: unknown): Promise<never> {
  reserveStack();
  return Promise.reject(error);
}

/**
 * A promise that was rejected on purpose is not an unhandled rejection. A turn later: to V8 a promise with two reactions is awaited
 * by nobody in particular.
 */
export function silence(promise: Promise<unknown>): void {
  Promise.resolve().then(() => promise.catch(() => {}));
}

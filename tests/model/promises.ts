/** Promises, the event loop and its timers, as the modules under test see them: each thread has its own. */
import { $maybe, listen, now, pick, type Routine, running, unhandled, waitAsync } from "./world.ts";

const PENDING = 0;
const RESOLVED = 1;
const REJECTED = 2;

type Reaction = (value: unknown) => unknown;

/** `Promise` in the modules under test. */
export class ModelPromise {
  // Private: modules add properties of their own to promises.
  #state = PENDING;
  #value: unknown = undefined;
  readonly #reactions: { onDone: Reaction; onError: Reaction }[] = [];
  #isHandled = false;

  constructor(executor?: (resolve: Reaction, reject: Reaction) => void) {
    executor?.((value) => this.resolve(value), (reason) => this.reject(reason));
  }

  static resolve(value: unknown): ModelPromise {
    if (value instanceof ModelPromise) return value;
    const promise = new ModelPromise();
    promise.resolve(value);
    return promise;
  }

  static reject(reason: unknown): ModelPromise {
    const promise = new ModelPromise();
    promise.reject(reason);
    return promise;
  }

  static all(promises: Iterable<unknown>): ModelPromise {
    const all = new ModelPromise();
    const values: unknown[] = [];
    let left = 0;
    for (const one of promises) {
      const place = left++;
      ModelPromise.resolve(one).then((value) => {
        values[place] = value;
        if (--left === 0) all.resolve(values);
      }, (reason) => all.reject(reason));
    }
    if (left === 0) all.resolve(values);
    return all;
  }

  static race(promises: Iterable<unknown>): ModelPromise {
    const first = new ModelPromise();
    for (const one of promises) {
      ModelPromise.resolve(one).then((value) => first.resolve(value), (reason) => first.reject(reason));
    }
    return first;
  }

  static withResolvers(): { promise: ModelPromise; resolve: Reaction; reject: Reaction } {
    const promise = new ModelPromise();
    return {
      promise,
      resolve: (value) => promise.resolve(value),
      reject: (reason) => promise.reject(reason),
    };
  }

  get isPending(): boolean {
    return this.#state === PENDING;
  }

  /** Throws what it was rejected with, if it was. */
  rethrow(): void {
    if (this.#state === REJECTED) throw this.#value;
  }

  resolve(value: unknown): void {
    if (this.#state !== PENDING) return;
    if (value instanceof ModelPromise) {
      value.then((value) => this.resolve(value), (reason) => this.reject(reason));
      return;
    }
    if (value instanceof Object && "then" in value && typeof value.then === "function") {
      const then = value.then.bind(value);
      running().microtasks.push(() =>
        then((value: unknown) => this.resolve(value), (reason: unknown) => this.reject(reason))
      );
      return;
    }
    this.#settle(RESOLVED, value);
  }

  reject(reason: unknown): void {
    if (this.#state !== PENDING) return;
    this.#settle(REJECTED, reason);
    if (!this.#isHandled) unhandled.set(this, reason);
  }

  #settle(state: number, value: unknown): void {
    this.#state = state;
    this.#value = value;
    for (const reaction of this.#reactions.splice(0)) this.#react(reaction);
  }

  #react({ onDone, onError }: { onDone: Reaction; onError: Reaction }): void {
    running().microtasks.push(() => (this.#state === RESOLVED ? onDone : onError)(this.#value));
  }

  /** Somebody asks how it ended. */
  handle(): void {
    this.#isHandled = true;
    unhandled.delete(this);
  }

  #on(onDone: Reaction, onError: Reaction): void {
    this.handle();
    const reaction = { onDone, onError };
    if (this.#state === PENDING) this.#reactions.push(reaction);
    else this.#react(reaction);
  }

  then(onDone?: Reaction | null, onError?: Reaction | null): ModelPromise {
    const next = new ModelPromise();
    const follow = (reaction: Reaction) =>
      function* (value: unknown): Routine {
        try {
          next.resolve(yield* $maybe(reaction(value)));
        } catch (error) {
          next.reject(error);
        }
      };
    this.#on(
      onDone ? follow(onDone) : (value) => next.resolve(value),
      onError ? follow(onError) : (reason) => next.reject(reason),
    );
    return next;
  }

  catch(onError: Reaction): ModelPromise {
    return this.then(undefined, onError);
  }

  finally(onEnd: () => unknown): ModelPromise {
    return this.then(
      function* (value): Routine<unknown> {
        yield* $maybe(onEnd());
        return value;
      },
      function* (reason): Routine {
        yield* $maybe(onEnd());
        throw reason;
      },
    );
  }

  /** The awaiting function goes on, as a microtask. */
  resume(body: Routine<unknown>, result: ModelPromise): void {
    this.#on((value) => drive(body, result, value, false), (reason) => drive(body, result, reason, true));
  }
}

/** What an async function returns: it has run as far as its first await. */
export function* $async(body: Routine<unknown>): Routine<ModelPromise> {
  const result = new ModelPromise();
  yield* drive(body, result, undefined, false);
  return result;
}

/** What it yields for: everything else that is yielded is the turn of another thread. */
export function $await(value: unknown): ModelPromise {
  return ModelPromise.resolve(value);
}

function* drive(body: Routine<unknown>, result: ModelPromise, value: unknown, isError: boolean): Routine {
  for (;;) {
    let step: IteratorResult<unknown, unknown>;
    try {
      step = isError ? body.throw(value) : body.next(value);
    } catch (error) {
      result.reject(error);
      return;
    }
    if (step.done) return result.resolve(step.value);
    if (step.value instanceof ModelPromise) return step.value.resume(body, result);
    isError = false;
    value = yield;
  }
}

/** A thread: its body, then its event loop until the promise is settled that the body returned. */
export function* thread(body: () => unknown): Routine {
  const result = yield* $maybe(body());
  if (!(result instanceof ModelPromise)) return;
  result.handle();
  while (result.isPending) yield* turn();
  result.rethrow();
}

/** One macrotask, or a part of what has to follow on one: all microtasks, then all ticks, and so on until there are none. */
function* turn(): Routine {
  const { microtasks, ticks, tasks, immediates } = running();
  if (microtasks.length > 0) return void (yield* $maybe(microtasks.shift()!()));
  if (ticks.length > 0) {
    // What one of them makes due comes after all of them.
    while (ticks.length > 0) yield* $maybe(ticks.shift()!());
    return;
  }
  if (tasks.length === 0 && immediates.length === 0) yield* listen();
  const task = tasks.shift() ?? immediates.shift();
  if (task !== undefined) yield* $maybe(task());
}

export function* $sleepInEventLoop(
  words: Int32Array,
  index: number,
  expected: number,
  timeoutMs: number,
  site: number,
): Routine<ModelPromise> {
  const promise = new ModelPromise();
  const wake = () => promise.resolve(undefined);
  if (!(yield* waitAsync(words, index, expected, timeoutMs !== Infinity, wake, site))) wake();
  return promise;
}

// Collected by hand: see scenario.ts.

const registered = new WeakMap<object, { called: Reaction; held: unknown }[]>();
const collected = new WeakSet<object>();

class ModelRegistry {
  constructor(readonly called: Reaction) {}

  register(object: object, held: unknown): void {
    const all = registered.get(object) ?? [];
    registered.set(object, all);
    all.push({ called: this.called, held });
  }
}

class ModelWeakRef {
  constructor(readonly object: object) {}

  deref(): object | undefined {
    return collected.has(this.object) ? undefined : this.object;
  }
}

export function* collectObject(object: object): Routine {
  collected.add(object);
  for (const { called, held } of registered.get(object) ?? []) yield* $maybe(called(held));
}

/** By their size. Each run has an arena, and the collector would have to follow memory that is not on its heap. */
const buffers = new Map<number, FixedBuffer[]>();
let given: FixedBuffer[] = [];

/** Nothing of the run before is used any more. */
export function reuseBuffers(): void {
  for (const buffer of given) buffers.getOrInsert(buffer.byteLength, []).push(buffer);
  given = [];
}

/** Shared among the model's threads, which are one. */
class FixedBuffer extends ArrayBuffer {
  constructor(bytes: number) {
    const used = buffers.get(bytes)?.pop();
    if (used !== undefined) {
      new Uint8Array(used).fill(0);
      given.push(used);
      return used;
    }
    super(bytes);
    given.push(this);
  }

  get growable(): boolean {
    return false;
  }
}

/** What the modules under test find in place of node:process. */
export const process = { nextTick: (task: () => unknown) => void running().ticks.push(task) };

/** What the modules under test find in place of the globals of these names. */
export const globals: Record<string, unknown> = {
  Promise: ModelPromise,
  setImmediate: (task: () => unknown) => void running().immediates.push(task),
  queueMicrotask: (task: () => unknown) => void running().microtasks.push(task),
  setTimeout: (task: () => unknown) => {
    const thread = running();
    const timer = { index: -1, wake: () => void thread.immediates.push(task), isTimed: true };
    thread.listens.push(timer);
    return timer;
  },
  clearTimeout: (timer: never) => {
    const { listens } = running();
    const at = listens.indexOf(timer);
    if (at >= 0) listens.splice(at, 1);
  },
  setInterval: () => 0,
  clearInterval: () => {},
  performance: { now: () => now() / 1e6 },
  Math: Object.assign(Object.create(Math), { random: () => pick(2) * 0.75 }),
  Deno: Object.assign(Object.create(Deno), { refTimer: () => {}, unrefTimer: () => {} }),
  SharedArrayBuffer: FixedBuffer,
  FinalizationRegistry: ModelRegistry,
  WeakRef: ModelWeakRef,
};

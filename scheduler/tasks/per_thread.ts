/** What each thread sets up for itself, and how one is known that comes from whichever instance of this module. */
import { shown } from "./options.ts";

/** The thread on which something is opened. */
export interface ThreadIdentity {
  /** The kernel's number of the thread, as in `/proc/self/task`. */
  readonly tid: number;
  /** From 1 up. No other thread of the scheduler has it at the same time, and one that has ended leaves it to another one. */
  readonly number: number;
}

const IS_PER_THREAD = Symbol.for("heddle.perThread");

/** What {@linkcode perThread} makes: for `ctx.use` and `ctx.used`, and for `Scheduler.start({ warm })`. */
export class PerThread<T> {
  /** The URL of the module that made it. @internal */
  readonly module: string;
  /** Unique in that module. */
  readonly name: string;
  /** By which all isolates know it, as a task's definition. @internal */
  readonly key: string;
  /** @internal */
  readonly open: (thread: ThreadIdentity) => unknown;
  /** @internal */
  readonly close: ((value: never) => unknown) | undefined;
  /** Only for the type checker: what `open` gives. */
  declare readonly value: T;

  /** @internal */
  constructor(
    module: string,
    name: string,
    key: string,
    open: PerThread<T>["open"],
    close: PerThread<T>["close"],
  ) {
    this.module = module;
    this.name = name;
    this.key = key;
    this.open = open;
    this.close = close;
  }
}
Object.defineProperty(PerThread.prototype, IS_PER_THREAD, { value: true });

export function isPerThread(value: unknown): value is PerThread<unknown> {
  return (value as { [IS_PER_THREAD]?: true } | null | undefined)?.[IS_PER_THREAD] === true;
}

/** Throws a TypeError unless it is one. */
export function requirePerThread(what: string, value: unknown): void {
  if (isPerThread(value)) return;
  throw new TypeError(
    `${what}(${shown(value)}): give what perThread(import.meta, "name", open) has made.`,
  );
}

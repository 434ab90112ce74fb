/**
 * What tasks have opened for this thread: see `perThread`. Each is opened once, and those that ask meanwhile await the same promise.
 * The thread closes all as it ends by itself, the newest first, without a P.
 */
import { store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { M_CLOSES } from "../arena/layout/m.ts";
import { within } from "../queues/timers.ts";
import type { PerThread, ThreadIdentity } from "../tasks/per_thread.ts";
import { tellUncaught } from "./task_signal.ts";

/** Milliseconds that a thread has for closing. Guess: several times what releasing a model or a connection takes. */
export const CLOSING_LIMIT = 1000;

/** What is open, or about to be. */
interface Entry {
  readonly promise: Promise<unknown>;
  isOpen: boolean;
  value: unknown;
}

export class PerThreads {
  /** In the order in which they were opened. */
  readonly #entries = new Map<PerThread<unknown>, Entry>();
  readonly #thread: ThreadIdentity;
  readonly #words: Int32Array;
  /** Of M_CLOSES, which is written here alone. */
  readonly #closes: number;
  #isClosing = false;

  constructor(arena: Arena, thread: ThreadIdentity) {
    this.#words = arena.i32;
    this.#closes = arena.isolate(thread.number) + M_CLOSES;
    this.#thread = thread;
  }

  /** Undefined if it is not open. */
  find(what: PerThread<unknown>): { readonly value: unknown } | undefined {
    const entry = this.#entries.get(what);
    return entry?.isOpen ? entry : undefined;
  }

  /** Rejects with what opening it throws: after that it is as if it had not been tried. */
  open(what: PerThread<unknown>): Promise<unknown> {
    const before = this.#entries.get(what);
    if (before !== undefined) return before.promise;
    if (this.#isClosing) {
      return Promise.reject(new Error(`"${what.name}" is not opened any more: its thread is ending.`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const entry: Entry = { promise, isOpen: false, value: undefined };
    this.#add(what, entry);
    // Before those who asked hear of it.
    promise.then((value) => {
      entry.isOpen = true;
      entry.value = value;
    }, () => this.#remove(what));
    try {
      resolve(what.open(this.#thread));
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  #add(what: PerThread<unknown>, entry: Entry): void {
    this.#entries.set(what, entry);
    this.#tell();
  }

  #remove(what: PerThread<unknown>): void {
    this.#entries.delete(what);
    this.#tell();
  }

  /** Reader: the host, as it closes. */
  #tell(): void {
    let closes = 0;
    for (const { close } of this.#entries.keys()) if (close !== undefined) closes++;
    store(this.#words, this.#closes, closes);
  }

  /** By the thread that ends. What is being opened is awaited first. Resolves after a while whatever that code does. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#entries.size === 0) return;
    await within(CLOSING_LIMIT, this.#closeAll());
  }

  async #closeAll(): Promise<void> {
    for (const [what, { promise }] of [...this.#entries].reverse()) {
      if (what.close !== undefined) await promise.then((value) => close(what, value), () => {});
      this.#remove(what);
    }
  }
}

async function close(what: PerThread<unknown>, value: unknown): Promise<void> {
  try {
    await what.close!(value as never);
  } catch (error) {
    tellUncaught(`as "${what.name}" was closed`, error);
  }
}

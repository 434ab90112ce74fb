/** One pthread on which every call runs, in order: for libraries that are bound to the thread that began with them. */
import { settersOf } from "../../ffi/shim.ts";
import { shimSymbols, threadSymbols } from "../../ffi/symbols.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";
import type { Callee, NativeCall, NativeCalls } from "./calls.ts";
import { type NativeFunction, type NativeLibrary, openLibrary } from "./library.ts";
import type { NativeQueue } from "./queue.ts";
import { compile, type Signature, type SignatureDefinition } from "./signature.ts";
import { haveThreadOptionsWorn, type NativeThreadOptions } from "../tasks/thread_options.ts";

/** What {@linkcode NativeThread.call} is told of a function. */
export interface NativeFunctionDefinition {
  /** The types of its parameters, as in `Deno.dlopen`. */
  readonly parameters: readonly Deno.NativeType[];
  /** The type of its result. */
  readonly result: Deno.NativeResultType;
}

/** Of the shim, what sets a thread up when it runs there. */
const settings = {
  heddle_gettid: shimSymbols.heddle_gettid,
  ...threadSymbols,
};

/** The call without a function, after which the thread ends. */
const leaving: Signature = { write() {}, read() {} };

/**
 * A thread of C, made by {@linkcode Scheduler.thread}, for libraries that want to be called from one thread only: OpenGL,
 * ptrace, JNI, per-thread namespaces. Calls run there one after the other, in the order in which they were made; any
 * number may be under way. While it has nothing to do it sleeps, and does not keep the process alive.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 *
 * await using sched = await Scheduler.start();
 * await using thread = await sched.thread({ name: "tracer" });
 * const libc = thread.dlopen("libc.so.6", { gettid: { parameters: [], result: "i32" } });
 * assertEquals(await libc.symbols.gettid(), thread.tid);
 * ```
 */
export class NativeThread implements AsyncDisposable {
  /** The kernel's id of the thread. */
  readonly tid: number;
  readonly #calls: NativeCalls;
  readonly #queue: NativeQueue;
  readonly #signatures = new WeakMap<SignatureDefinition, Signature>();
  #closing: Promise<void> | undefined = undefined;

  private constructor(calls: NativeCalls, queue: NativeQueue, tid: number) {
    this.#calls = calls;
    this.#queue = queue;
    this.tid = tid;
  }

  /** @internal */
  static async open(calls: NativeCalls, options: NativeThreadOptions): Promise<NativeThread> {
    // The default stack, 8 MB of addresses: nobody knows what runs here, and drivers that compile need much.
    const limits = { statuses: 0, stackBytes: 0, idleUs: -1, limit: 1, maxThreads: 1 };
    const queue = calls.queues.openForThread(limits);
    const shim = openLibrary("Scheduler.thread", calls, queue, calls.shim.path, settings);
    const set = shim.symbols;
    try {
      // The first call starts the thread.
      const thread = new NativeThread(calls, queue, await set.heddle_gettid());
      await haveThreadOptionsWorn(settersOf(() => set), calls.shim, options);
      return thread;
    } catch (error) {
      if (queue.threads > 0) await leave(calls, queue);
      else calls.queues.forget(queue);
      throw error;
    } finally {
      shim.close();
    }
  }

  /**
   * {@linkcode Scheduler.dlopen}, with all calls on this thread, in order.
   *
   * @throws {TypeError} after `close()`, and as `Scheduler.dlopen`.
   */
  dlopen<const S extends Deno.ForeignLibraryInterface>(path: string | URL, symbols: S): NativeLibrary<S> {
    this.#requireOpen("dlopen");
    return openLibrary("NativeThread.dlopen", this.#calls, this.#queue, path, symbols, () => {
      this.#requireOpen("A call");
    });
  }

  /**
   * Calls a function by its address, such as one that `eglGetProcAddress` returned.
   *
   * @throws {TypeError} after `close()`, for a null pointer, and for what does not fit.
   *
   * @example
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Scheduler } from "@heddle/heddle";
   *
   * await using sched = await Scheduler.start();
   * await using thread = await sched.thread();
   * const libc = thread.dlopen("libc.so.6", { labs: { type: "pointer" } });
   * assertEquals(await thread.call(libc.symbols.labs, { parameters: ["i64"], result: "i64" }, -5n), 5n);
   * ```
   */
  call<const F extends NativeFunctionDefinition>(
    fn: Deno.PointerValue,
    definition: F,
    ...args: Parameters<NativeFunction<F>>
  ): NativeCall<Deno.FromNativeResultType<F["result"]>> {
    this.#requireOpen("call");
    const address = fn === null ? 0 : Number(this.#calls.shim.pointerAddress(fn));
    if (address === 0) throw new TypeError("call(null, …): give the pointer of a function.");
    let signature = this.#signatures.get(definition);
    if (signature === undefined) {
      signature = compile("call", definition, this.#calls.words, this.#calls.shim);
      this.#signatures.set(definition, signature);
    }
    const callee: Callee = { name: "native call", queue: this.#queue, signature, address };
    return this.#calls.start(callee, args) as NativeCall<Deno.FromNativeResultType<F["result"]>>;
  }

  /** Ends the thread once the calls that are under way have returned; resolves then. */
  close(): Promise<void> {
    return this.#closing ??= leave(this.#calls, this.#queue);
  }

  /** For `await using`: {@linkcode NativeThread.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #requireOpen(what: string): void {
    if (this.#closing === undefined) return;
    throw new TypeError(`${what}: the native thread ${this.tid} was closed; open another one.`);
  }
}

/** After all calls that were made before. */
async function leave(calls: NativeCalls, queue: NativeQueue): Promise<void> {
  try {
    await calls.start({ name: "leave", queue, signature: leaving, address: 0 }, []);
  } catch (error) {
    // The scheduler was closed: the thread ends as soon as the call that it is in returns.
    if (!(error instanceof SchedulerClosedError)) throw error;
  }
  calls.queues.forget(queue);
}

/**
 * The threads of a scheduler, as the host sees them: starting, keeping one spare, replacing what dies.
 *
 * Isolate numbers are reused, and there are twice as many as threads: one is free when its thread is buried and no slot
 * that it owned is in flight (burial.ts).
 *
 * **The system may refuse a thread**: at a limit of processes, memory or descriptors, without /proc, or since the permission
 * for foreign functions was revoked (of these Deno would make the end of the process, so the host asks before); or a thread
 * ends before it is up. Then tasks wait as at `maxThreads`, the host says so once, and asks again, at growing intervals. A try
 * that is refused takes 0.1 ms.
 */
import { MessageChannel, type MessagePort, SHARE_ENV, Worker } from "node:worker_threads";
import { isGranted } from "../../ffi/permitted.ts";
import { errnoName, type Shim } from "../../ffi/shim.ts";
import { load, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { CLOSING, ISOLATES, PREEMPTED } from "../arena/layout/header.ts";
import { HOST, M_ASKED, M_CLOSES, M_DEATH, M_GIVEN, M_STUCK, M_TID } from "../arena/layout/m.ts";
import type { Parker } from "../parking/parker.ts";
import { NATIVE_HOST_THREADS } from "../arena/layout/native.ts";
import type { Idle } from "../parking/idle.ts";
import { AWAKE, SPARE_FUTEX } from "../parking/sleep_word.ts";
import type { Shared } from "../parking/shared.ts";
import { DEDICATED, NONE, POOL, type Roles, SPARE } from "../parking/roles.ts";
import { SideChannel } from "../slots/side_channel.ts";
import { HEAP_FULL, type ThreadStart, type Up } from "./thread_start.ts";
import type { DrainStart } from "./trace_drain.ts";
import { LOOK, type Unwatched } from "./unwatched.ts";
import type { Warm } from "./warm.ts";
import { source } from "./worker_bundle.ts";

// The bundle is a function's text. As a blob: or data: module Deno would parse it for its imports, 18 ms for 190 KB, and keep a
// data: URL 20 times as the module's name; as a file it could not be read without --allow-read, nor be part of a user's bundle.
const entry = new URL(
  `data:text/javascript,import process from "node:process"; import { workerData } from "node:worker_threads"; ` +
    `(0, eval)(workerData.bundle)(process.getBuiltinModule);`,
);

/**
 * Of V8's heap for new objects, in all its parts: a thread that allocates without end keeps up to two thirds of it, and 67 MB
 * without a limit. With 24 MB parsing TypeScript took 1.06 times as long as with 48, rendering Markdown 1.03 times (medians of 14
 * runs), and the process 0 and 10 MB less; 96 MB were no faster.
 */
const YOUNG_MB = 48;

/**
 * Descriptors that a thread opens as it starts: Deno (2.9) ends the process if one of the 6 cannot be had. Those that are
 * starting have not opened all of theirs.
 */
const DESCRIPTORS = 8;
/** Milliseconds from a refusal to the next try; doubled for each one that follows. Guesses. */
const FIRST_RETRY = 50;
const LAST_RETRY = 5000;
/**
 * Milliseconds from one thread to the next that nothing waits for, at the least. It is so long as the first one took to be up, which
 * a first task needs no longer for, to import its module and to end: also on a busy machine, where another thread would delay it.
 * Then doubled for each look, up to the longest, which is a guess.
 */
const SETTLE = 20;
const LONGEST_SETTLE = 1000;

export interface Thread {
  readonly isolate: number;
  readonly worker: Worker;
  readonly side: SideChannel;
  /** Resolves when it runs, rejects with what kept it from starting. */
  readonly up: Promise<void>;
  isUp: boolean;
  readonly ended: Promise<void>;
  /** What it threw outside of every task, if that ended it. */
  error?: unknown;
  /** It has ended, or was given up. */
  isGone: boolean;
}

export interface ThreadLimits {
  readonly maxThreads: number;
  readonly heapLimitMb: number;
  /** What each thread imports before it begins. */
  readonly warm: readonly Warm[];
}

export class Threads {
  readonly #arena: Arena;
  readonly #shim: Shim;
  readonly #idle: Idle;
  readonly #parker: Parker;
  readonly #roles: Roles;
  readonly #limits: ThreadLimits;
  readonly #unwatched: Unwatched;
  readonly #died: (thread: Thread, why: string) => void;
  readonly #revive: (isolate: number) => boolean;
  /** Calls `balance`. */
  readonly #continue: () => void;
  /** Of this thread. The main one ends with the process. */
  readonly #life: number | undefined;
  readonly #threads = new Map<number, Thread>();
  /** Numbers of threads that were given up and have not ended. */
  readonly #abandoned = new Set<number>();
  #sysmon: Worker | undefined = undefined;
  /** Somebody waits for the pool's threads. */
  #isAwaited = false;
  /** A thread has come up. */
  #hasBegun = false;
  #settle = SETTLE;
  /** The next step of balance(). */
  #continuation: ReturnType<typeof setTimeout> | undefined = undefined;
  /** Why there are no more threads than there are, until the next try. */
  #refusal: Error | undefined = undefined;
  /** While it is set no thread is started. */
  #retryTimer: ReturnType<typeof setTimeout> | undefined = undefined;
  #retryMs = FIRST_RETRY;
  #hasWarned = false;

  /**
   * `died` is called when a thread has ended, for whatever reason, and removes it. `revive` makes the number of such a one ready
   * for another one, unless something is in flight that it owned.
   */
  constructor(
    { arena, idle, parker, roles }: Shared,
    shim: Shim,
    limits: ThreadLimits,
    unwatched: Unwatched,
    died: (thread: Thread, why: string) => void,
    revive: (isolate: number) => boolean,
    goOn: () => void,
  ) {
    this.#arena = arena;
    this.#shim = shim;
    this.#idle = idle;
    this.#parker = parker;
    this.#roles = roles;
    this.#limits = limits;
    this.#unwatched = unwatched;
    this.#died = died;
    this.#revive = revive;
    this.#continue = goOn;
    this.#life = shim.life();
    store(arena.i32, ISOLATES, HOST + 1);
  }

  get all(): Thread[] {
    return [...this.#threads.values()];
  }

  /** What the system has refused, if the last try was in vain. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** There is a watchdog, or it is on its way. */
  get isWatched(): boolean {
    return this.#sysmon !== undefined;
  }

  get(isolate: number): Thread | undefined {
    return this.#threads.get(isolate);
  }

  /**
   * Brings the pool to `procs` threads that are not in a blocking call, then adds the watchdog if it is needed, and one spare if it
   * could be of use, as far as `maxThreads` and the system let it. First one thread alone, or the pool's if somebody waits for
   * these: `new Worker` holds its caller until V8 is up in the new one (Deno 2.9: 12 to 30 ms), and the first task's result is not
   * to wait for threads that it has no use for.
   */
  balance(procs: number): void {
    // Where the host may end without a word no thread goes to sleep before there is one.
    if (this.#life !== undefined && this.#sysmon === undefined) this.#startSysmon();
    while (this.#roles.available < procs) {
      const spare = this.#claim(POOL);
      if (spare !== undefined) {
        // It joins the pool, or looks at its role before it sleeps the first time.
        this.#parker.unpark(spare.isolate, SPARE_FUTEX, AWAKE);
      } else if (this.#awaitsFirst && !this.#isAwaited || this.#start(POOL) === undefined) return;
    }
    if (this.#awaitsFirst) return;
    if (this.#sysmon === undefined) {
      if (!this.#unwatched.needsSysmon()) return this.#continueLater(LOOK);
      this.#startSysmon();
      return this.#continueWhenSettled();
    }
    if (this.#roles.count(SPARE) > 0) return;
    if (this.#isSpareOfUse) this.#start(SPARE);
    else this.#continueWhenSettled();
  }

  /** Its start is 50 ms of a CPU and 15 MB: where all Ps compute, no call blocks and nobody is frozen, for nothing. */
  get #isSpareOfUse(): boolean {
    return this.#idle.idlePs > 0 || this.#roles.blocked > 0 || load(this.#arena.i32, PREEMPTED) > 0;
  }

  /**
   * Resolves when the pool's threads are on their way, and the first one is up; or all of them, if they are to be warm. Rejects if
   * the system refuses one, or those do not come up.
   */
  async complete(): Promise<void> {
    this.#isAwaited = true;
    this.#continue();
    this.#isAwaited = false;
    if (this.#refusal !== undefined) throw this.#refusal;
    const pool = this.all.filter(({ isolate }) => this.#roles.of(isolate) === POOL);
    const up = pool.map((thread) => thread.up);
    if (this.#limits.warm.length > 0) await Promise.all(up);
    else await Promise.any(up).catch(({ errors }: AggregateError) => Promise.reject(errors[0]));
  }

  get #awaitsFirst(): boolean {
    return !this.#hasBegun && this.#threads.size > 0;
  }

  #continueWhenSettled(): void {
    if (this.#continuation !== undefined) return;
    this.#continueLater(this.#settle);
    this.#settle = Math.min(2 * this.#settle, LONGEST_SETTLE);
  }

  /** After so many milliseconds, unless something else brings the host to it before, as work that a thread is wanted for. */
  #continueLater(ms: number): void {
    if (this.#continuation !== undefined || load(this.#arena.i32, CLOSING) === 1) return;
    this.#continuation = setTimeout(() => {
      this.#continuation = undefined;
      this.#continue();
    }, ms);
    Deno.unrefTimer(this.#continuation as unknown as number);
  }

  /**
   * A thread for one task alone, which the caller mails to it; undefined if all `maxThreads` are in use or needed by the pool, or
   * the system refuses one.
   */
  forOneTask(procs: number): Thread | undefined {
    if (this.#roles.poolCanHave(this.#limits.maxThreads) <= procs) return undefined;
    return this.#claim(DEDICATED) ?? this.#start(DEDICATED);
  }

  #claim(role: typeof POOL | typeof DEDICATED): Thread | undefined {
    return this.all.find(({ isolate }) => this.#roles.claim(isolate, role));
  }

  /** Undefined if there are `maxThreads`, or the system refuses another one. */
  #start(role: typeof SPARE | typeof POOL | typeof DEDICATED): Thread | undefined {
    if (this.#retryTimer !== undefined) return undefined;
    const isolate = this.#freeNumber();
    if (isolate === undefined) return undefined;
    const { port1, port2 } = new MessageChannel();
    const record = this.#arena.isolate(isolate);
    this.#roles.set(isolate, role);
    // The last thread of that number may have ended anywhere.
    for (const word of [M_TID, M_DEATH, M_GIVEN, M_STUCK, M_ASKED, M_CLOSES]) {
      store(this.#arena.i32, record + word, 0);
    }
    const begun = performance.now();
    const worker = this.#startWorker(isolate, port2);
    if (worker === undefined) {
      port1.close();
      port2.close();
      this.#roles.set(isolate, NONE);
      return undefined;
    }
    const thread = this.#follow(isolate, worker, new SideChannel(port1), begun);
    this.#threads.set(isolate, thread);
    return thread;
  }

  /** From its start, at `begun`, to its end. */
  #follow(isolate: number, worker: Worker, side: SideChannel, begun: number): Thread {
    const ended = Promise.withResolvers<void>();
    const up = Promise.withResolvers<void>();
    up.promise.catch(() => {});
    const thread: Thread = {
      isolate,
      worker,
      side,
      up: up.promise,
      isUp: false,
      ended: ended.promise,
      isGone: false,
    };
    worker.once("message", ({ cold, cause }: Up) => {
      thread.isUp = true;
      if (cold === undefined) up.resolve();
      else up.reject(new Error(cold, { cause }));
      this.#hasComeUp(performance.now() - begun);
    });
    worker.on("error", (error) => thread.error = error);
    worker.once("exit", (code) => {
      const why = this.#causeOfDeath(thread, code);
      const error = new Error(`A Heddle thread did not start: ${why}.`, { cause: thread.error });
      if (!thread.isUp) this.#refused(error);
      up.reject(error);
      if (!this.#abandoned.delete(isolate)) this.#died(thread, why);
      ended.resolve();
    });
    return thread;
  }

  /** A thread, after so many milliseconds. */
  #hasComeUp(ms: number): void {
    this.#retryMs = FIRST_RETRY;
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#settle = Math.max(SETTLE, ms);
    this.#continueWhenSettled();
  }

  /** Undefined if the system refuses it. */
  #startWorker(isolate: number, port?: MessagePort, drain?: DrainStart): Worker | undefined {
    const workerData: ThreadStart = {
      buffer: this.#arena.buffer,
      shape: this.#arena.shape,
      isolate,
      bundle: source,
      shimPath: this.#shim.path,
      warm: isolate === HOST ? [] : this.#limits.warm,
      ...(this.#life !== undefined && { life: this.#life }),
      ...(port !== undefined && { port }),
      ...(drain !== undefined && { drain }),
    };
    const resourceLimits = drain !== undefined ? undefined : {
      maxOldGenerationSizeMb: this.#limits.heapLimitMb,
      maxYoungGenerationSizeMb: YOUNG_MB,
    };
    const starting = this.all.filter(({ isUp }) => !isUp).length;
    const missing = whatIsMissing(this.#shim, Math.min(DESCRIPTORS * (starting + 2), 256));
    if (missing !== undefined) {
      this.#refused(missing);
      return undefined;
    }
    try {
      const transferList = port && [port];
      // Of its own the environment would be a copy of the whole, for which Deno asks its user if that is not granted.
      const worker = new Worker(entry, { workerData, transferList, resourceLimits, env: SHARE_ENV });
      worker.unref();
      return worker;
    } catch (cause) {
      const { code = cause } = cause as { code?: string };
      this.#refused(
        new Error(`The system refused a thread: ${code}; it has too many threads or too little memory.`, {
          cause,
        }),
      );
    }
  }

  /** Those that there are go on, and tasks wait for them, as with `maxThreads`. */
  #refused(error: Error): void {
    if (load(this.#arena.i32, CLOSING) === 1) return;
    this.#refusal = error;
    this.#askLater();
  }

  #askLater(): void {
    if (this.#retryTimer !== undefined) return;
    this.#retryTimer = setTimeout(() => {
      // Who starts a scheduler that can have no thread is told otherwise.
      if (this.#refusal !== undefined && !this.#hasWarned) {
        const { size } = this.#threads;
        console.warn(
          `${this.#refusal.message} The scheduler goes on with ${size}, and asks again now and then.`,
        );
        this.#hasWarned = true;
      }
      this.#retryTimer = this.#refusal = undefined;
      this.#continue();
    }, this.#retryMs);
    // What waits for a thread holds the process by itself.
    Deno.unrefTimer(this.#retryTimer as unknown as number);
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY);
  }

  /** The watchdog. It ends when all is closing. */
  #startSysmon(): void {
    const worker = this.#startWorker(HOST);
    if (worker === undefined) return;
    this.#sysmon = worker;
    let error: unknown;
    worker.on("error", (thrown) => error = thrown);
    worker.once("exit", () => {
      this.#sysmon = undefined;
      if (load(this.#arena.i32, CLOSING) === 1) return;
      console.error("Heddle's watchdog has died, and is started again:", error);
      this.#askLater();
    });
  }

  /** The thread that collects a trace. Throws if the system refuses it. */
  startDrainer(drain: DrainStart): Worker {
    const worker = this.#startWorker(HOST, undefined, drain);
    if (worker !== undefined) return worker;
    throw this.#refusal ?? new Error("The scheduler is closing: it starts no thread.");
  }

  /** No thread is started any more, but perhaps the watchdog. */
  close(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#continuation);
  }

  /** All is closing, and some do not end: who computes on is frozen by the watchdog, for which it may have been too early. */
  watchEnd(): void {
    if (this.#sysmon === undefined && this.#threads.size > 0) this.#startSysmon();
  }

  /** By `died`, when it has read what the thread posted. */
  remove(isolate: number): void {
    const thread = this.#threads.get(isolate)!;
    thread.isGone = true;
    thread.side.close();
    this.#threads.delete(isolate);
    this.#roles.set(isolate, NONE);
  }

  /** By `died`, of one that will never end, or not for long: it sleeps for good, or runs in code that nothing can stop. */
  abandon(isolate: number): void {
    this.remove(isolate);
    this.#abandoned.add(isolate);
  }

  /** It has something to close, or is about to have. */
  closes(thread: Thread): boolean {
    return load(this.#arena.i32, this.#arena.isolate(thread.isolate) + M_CLOSES) !== 0;
  }

  /** Ends a thread that does not end by itself. One that never leaves its code goes on using its core. */
  terminate(thread: Thread): void {
    thread.worker.terminate();
  }

  /** Those, and sysmon: of itself a thread ends only when the host's event loop has heard of it. */
  terminateAll(): void {
    for (const thread of this.all) this.terminate(thread);
    // Where it has to outlive native threads it ends by itself, after them.
    const { i32, nativeHost } = this.#arena;
    if (this.#life === undefined || load(i32, nativeHost + NATIVE_HOST_THREADS) === 0) {
      this.#sysmon?.terminate();
    }
  }

  #freeNumber(): number | undefined {
    if (this.#threads.size >= this.#limits.maxThreads) return undefined;
    const used = load(this.#arena.i32, ISOLATES);
    for (let isolate = HOST + 1; isolate < used; isolate++) {
      if (this.#threads.has(isolate) || this.#abandoned.has(isolate)) continue;
      if (this.#revive(isolate)) return isolate;
    }
    if (used > this.#arena.numbers) return undefined;
    store(this.#arena.i32, ISOLATES, used + 1);
    return used;
  }

  #causeOfDeath(thread: Thread, code: number): string {
    const death = load(this.#arena.i32, this.#arena.isolate(thread.isolate) + M_DEATH);
    const { error } = thread;
    if (death === HEAP_FULL || (error as { code?: string })?.code === "ERR_WORKER_OUT_OF_MEMORY") {
      return `its heap reached the limit of ${this.#limits.heapLimitMb} MB (heapLimitMb)`;
    }
    if (error !== undefined) return `${error} was thrown outside of every task`;
    return `the thread ended with code ${code}, by process.exit() or Deno.exit()`;
  }
}

/** What a thread could not start without. Deno (2.9) ends the process, or prints the thread's error, which nobody asked for. */
function whatIsMissing(shim: Shim, descriptors: number): Error | undefined {
  if (shim.capabilities.native && !isGranted({ name: "ffi" })) {
    return new Deno.errors.NotCapable(
      "No thread can start without the permission for foreign functions (--allow-ffi), which was revoked.",
    );
  }
  const result = shim.tryWorker(descriptors);
  if (result >= 0) return undefined;
  const code = errnoName(result);
  if (["EMFILE", "ENFILE", "ENOMEM"].includes(code)) {
    return new Error(`The system refused the descriptors of a thread: ${code}.`);
  }
  return new Error(`No thread can start without /proc (/proc/self/exe: ${code}). Mount it.`);
}

/**
 * Native calls as the host has them: writing one, handing it to a queue, and reading what came back. See
 * native/README.md, "Native Ms", and native/shim.h for the structs.
 *
 * Calls that are done come in one list, newest first, which native Ms push by CAS and the host takes whole by exchange:
 * as in mailbox.ts, no ABA problem and no capacity. The host polls it as it polls its mailbox. When it sleeps, C cannot
 * wake it (only JavaScript can notify a waitAsync), so it asks to be told, and sysmon does that.
 */
import { errnoName, type Shim } from "../../ffi/shim.ts";
import { exchange, load, store } from "../arena/atomics.ts";
import { SchedulerClosedError } from "../tasks/errors.ts";
import type { Heap } from "../arena/heap.ts";
import type { Arena } from "../arena/arena.ts";
import { SYSMON } from "../arena/layout/header.ts";
import {
  CALL_ERROR,
  CALL_FUNCTION,
  CALL_NEXT,
  CALL_WORDS,
  NATIVE_CALLS,
  NATIVE_HOST_ASLEEP,
  NATIVE_HOST_CALLS,
  NATIVE_HOST_CPU,
  NATIVE_HOST_DONE,
  NATIVE_HOST_SYSMON,
  NATIVE_HOST_THREADS,
} from "../arena/layout/native.ts";
import { Fifo } from "../queues/fifo.ts";
import type { NativeQueue } from "./queue.ts";
import { NativeQueues } from "./queues.ts";
import { CallWords, putNumber, type Signature } from "./signature.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Meter } from "../tracing/meter.ts";
import { CALLED_NATIVE } from "../tracing/tracer.ts";
import { promiseOf, reject, type Resolver, silence } from "../tasks/promise.ts";

/** A call that is under way: a promise of its result. */
export interface NativeCall<R> extends Promise<R> {
  /**
   * What the call left in C's `errno`, 0 if it did not touch it. Of use once the promise has resolved, and, as in C, if
   * the result says that the call failed.
   */
  readonly errno: number;
}

/** What a call needs besides its arguments. */
export interface Callee {
  /** As a trace has it. */
  readonly name: string;
  readonly queue: NativeQueue;
  readonly signature: Signature;
  /** Address of the function; 0 ends the thread of the queue. */
  readonly address: number;
  /** One of its calls has returned or was given up. */
  ended?(): void;
}

class Pending implements Resolver {
  resolve!: (value: unknown) => void;
  promise!: { -readonly [Key in keyof NativeCall<unknown>]: NativeCall<unknown>[Key] };

  /** The arguments are kept until the call returns, since C uses the memory of buffers among them. */
  constructor(readonly callee: Callee, public args: readonly unknown[] | undefined) {}
}

/** What native Ms may still touch after their scheduler was closed, until the last one has ended. */
const outliving = new Set<NativeCalls>();
/** Milliseconds between looks at these: from, to. Guess: threads that are in no call end in 0.1 ms. */
const FIRST_CHECK = 1;
const LAST_CHECK = 100;

/** What else may have something for the host, from threads that cannot wake it by its sleep word. */
export interface Inbox {
  isEmpty(): boolean;
  read(): void;
  /** The host is about to sleep. It looks at `isEmpty()` once more after this. */
  announce(): void;
  retract(): void;
}

/** The host's loop: the process waits for what has begun and not ended. */
interface Vigil {
  begin(): void;
  end(): void;
  listenTo(inbox: Inbox): void;
}

export class NativeCalls implements Inbox {
  readonly words: CallWords;
  readonly shim: Shim;
  readonly queues: NativeQueues;
  readonly #arena: Arena;
  readonly #i32: Int32Array;
  readonly #loop: Vigil;
  readonly #meter: Meter;
  /** By number of the call. */
  readonly #pending: (Pending | undefined)[] = [];
  readonly #free: number[] = [];
  /** Numbers from here on were never used. The last one is never handed out: see #start. */
  #fresh = 0;
  /** What exceeds the calls that there can be, each with its words. */
  readonly #waiting = new Fifo<{ pending: Pending; words: Int32Array }>();
  readonly #order: number[] = [];
  #inFlight = 0;
  /** What NATIVE_HOST_CPU says. */
  #cpu = 0;
  #isClosed = false;

  constructor(arena: Arena, shim: Shim, heap: Heap, loop: Vigil, meter: Meter) {
    this.#arena = arena;
    this.#i32 = arena.i32;
    this.shim = shim;
    this.#loop = loop;
    this.#meter = meter;
    this.words = new CallWords(arena.buffer);
    const addressOfWord = (index: number) => shim.addressOf(arena.i32.subarray(index));
    this.queues = new NativeQueues(arena, shim, heap, addressOfWord(arena.nativeHost));
    const { f64 } = this.words;
    // Plain stores: no native M has started.
    f64[(arena.nativeHost + NATIVE_HOST_CALLS) / 2] = addressOfWord(arena.nativeCalls);
    f64[(arena.nativeHost + NATIVE_HOST_SYSMON) / 2] = addressOfWord(SYSMON);
    loop.listenTo(this);
  }

  /** Calls that have not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get threads(): number {
    return load(this.#i32, this.#arena.nativeHost + NATIVE_HOST_THREADS);
  }

  // Starting ----------------------------------------------------------------------------------------------------------

  /** Throws a TypeError for arguments that do not fit, and then nothing has happened. */
  start(callee: Callee, args: readonly unknown[]): NativeCall<unknown> {
    if (this.#isClosed) throw new SchedulerClosedError("The scheduler is closed: start another one.");
    reserveStack();
    const number = this.#waiting.length === 0 ? this.#allocate() : undefined;
    // Without a free one it is written to the last one, of which a copy is kept.
    const at = this.#at(number ?? NATIVE_CALLS - 1);
    try {
      callee.signature.write(at, args);
    } catch (error) {
      if (number !== undefined) this.#free.push(number);
      throw error;
    }
    putNumber(this.#i32, at + CALL_FUNCTION, callee.address);
    const pending = new Pending(callee, args);
    const promise = promiseOf(pending) as Pending["promise"];
    promise.errno = 0;
    pending.promise = promise;
    this.#inFlight++;
    this.#loop.begin();
    this.#meter.tracer?.waits(pending, callee.name);
    if (number !== undefined) this.#submit(number, pending);
    else this.#waiting.push({ pending, words: this.#i32.slice(at, at + CALL_WORDS) });
    return promise;
  }

  #submit(number: number, pending: Pending): void {
    this.#pending[number] = pending;
    const { queue } = pending.callee;
    const cpu = this.shim.cpu();
    if (cpu !== this.#cpu) store(this.#i32, this.#arena.nativeHost + NATIVE_HOST_CPU, this.#cpu = cpu);
    queue.push(number);
    const result = queue.wake();
    if (result < 0 && queue.threads === 0) this.#refuseAll(queue, result);
  }

  /** No thread, and none can be started: what waits for one would wait for ever. */
  #refuseAll(queue: NativeQueue, result: number): void {
    for (let number = queue.take(); number !== undefined; number = queue.take()) {
      const pending = this.#release(number);
      this.#settle(pending);
      reject(
        pending,
        new Error(
          `The system refused a native thread: ${
            errnoName(result)
          }; it has too many threads or too little memory.`,
        ),
      );
    }
  }

  #allocate(): number | undefined {
    return this.#free.pop() ?? (this.#fresh < NATIVE_CALLS - 1 ? this.#fresh++ : undefined);
  }

  #at(number: number): number {
    return this.#arena.nativeCalls + number * CALL_WORDS;
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  isEmpty(): boolean {
    return this.#isClosed || load(this.#i32, this.#arena.nativeHost + NATIVE_HOST_DONE) === 0;
  }

  /** Settles what is done, oldest first. */
  read(): void {
    if (this.#isClosed) return;
    const order = this.#order;
    for (let entry = exchange(this.#i32, this.#arena.nativeHost + NATIVE_HOST_DONE, 0); entry !== 0;) {
      order.push(entry - 1);
      entry = this.#i32[this.#at(entry - 1) + CALL_NEXT];
    }
    // Plain reads: a call in that list is the host's again.
    while (order.length > 0) {
      const number = order.pop()!;
      const at = this.#at(number);
      const pending = this.#release(number);
      const value = pending.callee.signature.read(at);
      pending.promise.errno = this.#i32[at + CALL_ERROR];
      this.#settle(pending);
      pending.resolve(value);
    }
    if (this.#waiting.length > 0) this.#refill();
  }

  #release(number: number): Pending {
    const pending = this.#pending[number]!;
    this.#pending[number] = undefined;
    this.#free.push(number);
    // Something may hold on to the settler of a promise.
    pending.args = undefined;
    return pending;
  }

  #settle(pending: Pending): void {
    this.#inFlight--;
    this.#loop.end();
    this.#meter.tracer?.waited(pending, CALLED_NATIVE, 0);
    pending.callee.ended?.();
  }

  #refill(): void {
    while (this.#waiting.length > 0) {
      const number = this.#allocate();
      if (number === undefined) return;
      const { pending, words } = this.#waiting.popOldest()!;
      this.#i32.set(words, this.#at(number));
      this.#submit(number, pending);
    }
  }

  /** The host is about to sleep, and looks at `isEmpty()` after this. Partner: give_back in native/native_m.c. */
  announce(): void {
    store(this.#i32, this.#arena.nativeHost + NATIVE_HOST_ASLEEP, 1);
  }

  retract(): void {
    store(this.#i32, this.#arena.nativeHost + NATIVE_HOST_ASLEEP, 0);
  }

  /** What is in flight rejects. Threads end when their calls return, and then this resolves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const waiting = this.#waiting.takeAll().map(({ pending }) => pending);
    for (const pending of [...this.#pending, ...waiting]) {
      if (pending === undefined) continue;
      this.#inFlight--;
      this.#loop.end();
      reject(pending, new SchedulerClosedError("The scheduler was closed before the native call returned."));
      silence(pending.promise);
    }
    this.queues.close();
    // What they may touch is kept: the arena, with the queues, and the arguments of their calls.
    outliving.add(this);
    for (let ms = FIRST_CHECK; this.threads > 0; ms = Math.min(2 * ms, LAST_CHECK)) {
      await new Promise<void>((resolve) => Deno.unrefTimer(setTimeout(resolve, ms)));
    }
    outliving.delete(this);
    for (const pending of this.#pending) pending?.callee.ended?.();
    this.#pending.length = 0;
  }
}

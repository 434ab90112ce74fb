/**
 * The native shim as plain functions over numbers. Pointers do not leave this folder: an address is a number, and a
 * failure is a negative errno, as in native/shim.h, whose contracts hold here.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const shim = loadShim();
 * const word = new Int32Array(new SharedArrayBuffer(4));
 * const result = shim.futexWait(shim.addressOf(word), 1, -1);
 * assertEquals(errnoName(result), "EAGAIN"); // the word is 0, not 1
 * ```
 */

import { addressOf } from "./address.ts";
import type { Capabilities, Tier } from "./capabilities.ts";
import { cpusWithin } from "./cpus.ts";
import { base64, soname } from "./embedded.ts";
import { errnoName } from "./errno.ts";
import { cString, loadFromMemory, open } from "./load.ts";
import { nativeSymbols, pollSymbols, shimAbi, shimSymbols, threadSymbols } from "./symbols.ts";

export { errnoName } from "./errno.ts";
export { cString } from "./load.ts";
export { type Platform, requireSupported } from "./load.ts";

/** How the calling thread is to look to the system. `R`: a number, or a promise of one if it is another thread that calls. */
export interface Setters<R> {
  /** At most 15 bytes of UTF-8, else -ERANGE. */
  setThreadName(name: string): R;
  setAffinity(cpus: readonly number[]): R;
  setNice(nice: number): R;
  /** SCHED_FIFO, from 1 to 99. */
  setFifoPriority(priority: number): R;
}

/** In a program that has to do without, shimless.ts has the same interface. */
export interface Shim extends Setters<number>, Tier {
  /** Its soname: what another isolate of this process passes to `loadShim`. Empty if there is no shim. */
  readonly path: string;
  /**
   * The address of the first byte of a buffer or view. It holds for as long as the buffer lives; keep it reachable.
   * An unshared typed array of less than 65 bytes may lie in V8's heap and move: use shared buffers.
   */
  addressOf(buffer: ArrayBufferLike | ArrayBufferView): number;
  /**
   * As `addressOf`, for `buffer` parameters of foreign functions: null and what is empty have the address 0, and a small
   * array is moved out of V8's heap, so that the address holds. Throws a TypeError for anything else.
   */
  bufferAddress(buffer: unknown): number;
  /**
   * The address that a `Deno.PointerValue` stands for, as a bigint where a number would not be exact, as for C's
   * `(void *)-1`. Throws a TypeError for anything else.
   */
  pointerAddress(pointer: unknown): number | bigint;
  /** `heddle_native_wake`: 0, or the negative errno of a thread that did not start. */
  nativeWake(queue: number): number;
  /** 0 when woken (perhaps for nothing), or -EAGAIN, -ETIMEDOUT. `timeoutUs` < 0 waits for ever. */
  futexWait(address: number, expected: number, timeoutUs: number): number;
  /** How many threads were woken. */
  futexWake(address: number, count: number): number;
  gettid(): number;
  /**
   * 0 if a worker would find what Deno (2.9) ends the process without: /proc, and so many descriptors, at most 256. Else the
   * negative errno: ENOENT, or another one of readlink(), if there is no /proc.
   */
  tryWorker(descriptors: number): number;
  /** What `hasEnded` takes, of the calling thread. Undefined for the main one, which ends with the process. */
  life(): number | undefined;
  /** Whether the thread has ended, and its isolate with it. */
  hasEnded(life: number): boolean;
  /** How many CPUs the process may use at once. */
  cpus(): number;
  /** The CPU that the caller runs on at this moment. */
  cpu(): number;
  /** Lets another runnable thread have this CPU first. */
  yieldCpu(): number;
  /**
   * CLOCK_MONOTONIC, which no other clock of JavaScript shows. Without the shim it is made of the system's clock when the isolate
   * began: if that was set since, isolates differ.
   */
  nowNs(): number;
  /** The CPU's counter, if that can be one clock for all threads (ffi/counter.ts): 10 ns, where `nowNs` takes 28. Without the shim the same as `nowNs`. */
  ticks(): number;
  /** Of the thread `tid`. Default: the calling one. */
  getAffinity(tid?: number): number[];
  /** Of the calling thread. 0 restores its default. */
  setTimerSlack(ns: number): number;
  /** Installs the handler of SIGURG for the process, once: 0, or a negative errno. */
  installPreemption(): number;
  /** From here on the calling thread may be frozen: `thread` is the address of its `struct heddle_preemptible`; 0: no more. */
  makePreemptible(thread: number): number;
  /** Has the thread `tid` look at its sleep word, in the handler. */
  preempt(tid: number): number;
  /** The CPU time of the thread `tid`; -1 if there is none. */
  cpuNs(tid: number): number;
  /** Writes where code lies that was made at run time to the address: see native/shim.h. How many ranges. */
  readCode(ranges: number, most: number): number;
  /** `heddle_poll_open`: the number of a poll set, or a negative errno. */
  pollOpen(): number;
  /** `heddle_poll_control`: 0 or a negative errno. */
  pollControl(set: number, operation: number, descriptor: number, events: number, generation: number): number;
  /** `heddle_poll_take`: how many there are, of which each takes three words of `ready`. */
  pollTake(set: number, ready: Int32Array<ArrayBuffer>): number;
  /** 0 or a negative errno. */
  closeDescriptor(descriptor: number): number;
  /** `heddle_poller_open`, and the next two: with addresses. */
  pollerOpen(poller: number, sysmon: number): number;
  pollerArm(poller: number, set: number, word: number): number;
  pollerClose(poller: number): void;
  /** Nothing of this object is used afterwards. */
  close(): void;
}

const HIGHEST_CPU = 65535;

const CAPABILITIES: Capabilities = { preemption: true, native: true, threadOptions: true, poller: true };

/**
 * Loads the shim, of which a process has one copy, with its static variables: the dynamic linker finds what is loaded by its
 * soname, which names the version. Threads are given it as `path`.
 */
export function loadShim(path: string = soname): Shim {
  const library = openLoaded(path);
  const { symbols } = library;
  const abi = symbols.heddle_abi();
  if (abi !== shimAbi) {
    throw new Error(
      `The shim at ${path} has ABI ${abi}, and this version of Heddle needs ${shimAbi}: they were mixed.`,
    );
  }
  const opened: { close(): void }[] = [library];
  const later = <S extends Deno.ForeignLibraryInterface>(what: S) => {
    let kind: Deno.DynamicLibrary<S> | undefined;
    return () => {
      if (kind === undefined) opened.push(kind = open(path, what));
      return kind.symbols;
    };
  };
  const [thread, native, poll] = [later(threadSymbols), later(nativeSymbols), later(pollSymbols)];
  return {
    capabilities: CAPABILITIES,
    lack: "",
    path,
    addressOf,
    bufferAddress: (buffer) => bufferAddress(native(), buffer),
    pointerAddress: (pointer) => pointerAddress(native(), pointer as Deno.PointerValue),
    nativeWake: (queue) => native().heddle_native_wake(queue),
    futexWait: symbols.heddle_futex_wait,
    futexWake: symbols.heddle_futex_wake,
    gettid: symbols.heddle_gettid,
    tryWorker: symbols.heddle_try_worker,
    life: () => lifeOf(symbols),
    hasEnded: (life) => symbols.heddle_has_ended(life) === 1,
    cpus: () => cpusWithin(affinityOf(symbols, Deno.pid)),
    cpu: symbols.heddle_cpu,
    yieldCpu: symbols.heddle_yield,
    nowNs: symbols.heddle_now_ns,
    ticks: symbols.heddle_ticks,
    ...settersOf(thread),
    getAffinity: (tid = 0) => affinityOf(symbols, tid),
    setTimerSlack: symbols.heddle_set_timer_slack,
    installPreemption: symbols.heddle_install_preemption,
    makePreemptible: symbols.heddle_make_preemptible,
    preempt: symbols.heddle_preempt,
    cpuNs: symbols.heddle_cpu_ns,
    readCode: symbols.heddle_read_code,
    pollOpen: () => poll().heddle_poll_open(),
    pollControl: (set, operation, descriptor, events, generation) =>
      poll().heddle_poll_control(set, operation, descriptor, events, generation),
    pollTake: (set, ready) => poll().heddle_poll_take(set, ready, Math.floor(ready.length / 3)),
    closeDescriptor: (descriptor) => poll().heddle_close_descriptor(descriptor),
    pollerOpen: (poller, sysmon) => poll().heddle_poller_open(poller, sysmon),
    pollerArm: (poller, set, word) => poll().heddle_poller_arm(poller, set, word),
    pollerClose: symbols.heddle_poller_close,
    close() {
      for (const library of opened) library.close();
    },
  };
}

/** Those functions of the shim, by whoever calls them. */
interface SetterSymbols<R> {
  heddle_set_thread_name(name: Uint8Array<ArrayBuffer>): R;
  heddle_set_affinity(mask: Uint8Array<ArrayBuffer>, bytes: number): R;
  heddle_set_nice(nice: number): R;
  heddle_set_fifo_priority(priority: number): R;
}

export function settersOf<R>(symbols: () => SetterSymbols<R>): Setters<R> {
  return {
    setThreadName: (name) => symbols().heddle_set_thread_name(cString(name)),
    setAffinity(cpus) {
      const mask = cpuMask(cpus);
      return symbols().heddle_set_affinity(mask, mask.length);
    },
    setNice: (nice) => symbols().heddle_set_nice(nice),
    setFifoPriority: (priority) => symbols().heddle_set_fifo_priority(priority),
  };
}

type Symbols<S extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<S>["symbols"];

function openLoaded(path: string): Deno.DynamicLibrary<typeof shimSymbols> {
  try {
    return open(path, shimSymbols);
  } catch (error) {
    if (path !== soname || error instanceof Deno.errors.NotCapable) throw error;
  }
  loadFromMemory("heddle", Uint8Array.fromBase64(base64));
  // If another isolate did the same just now, both find the first of the two.
  return open(soname, shimSymbols);
}

function bufferAddress(symbols: Symbols<typeof nativeSymbols>, buffer: unknown): number {
  // Asking for its buffer moves a small array out of V8's heap. Deno 2.9 does that too when it takes the address, but says
  // so nowhere.
  if (ArrayBuffer.isView(buffer) && buffer.buffer === undefined) return 0;
  const view = buffer instanceof SharedArrayBuffer ? new Uint8Array(buffer) : buffer;
  return symbols.heddle_address(view as Uint8Array<ArrayBuffer>);
}

function pointerAddress(
  symbols: Symbols<typeof nativeSymbols>,
  pointer: Deno.PointerValue,
): number | bigint {
  const address = symbols.heddle_address_of_pointer(pointer);
  return address <= Number.MAX_SAFE_INTEGER ? address : Deno.UnsafePointer.value(pointer);
}

function lifeOf(symbols: Symbols<typeof shimSymbols>): number | undefined {
  if (symbols.heddle_gettid() === Deno.pid) return undefined;
  const life = symbols.heddle_life();
  if (life >= 0) return life;
  throw new Error(`Nobody could tell when this thread has ended: ${errnoName(life)}.`);
}

function affinityOf(symbols: Symbols<typeof shimSymbols>, tid: number): number[] {
  // The kernel wants room for every CPU that it could have (at most 8192 in Linux 6), not that it has.
  const mask = new Uint8Array(1024);
  const bytes = symbols.heddle_get_affinity(tid, mask, mask.length);
  const cpus = [];
  for (let cpu = 0; cpu < bytes * 8; cpu++) {
    if (mask[cpu >> 3] & (1 << (cpu & 7))) cpus.push(cpu);
  }
  return cpus;
}

/** As `heddle_set_affinity` takes it. Throws a RangeError for what is no CPU's number. */
function cpuMask(cpus: readonly number[]): Uint8Array<ArrayBuffer> {
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu > HIGHEST_CPU) {
      throw new RangeError(`CPU ${cpu} in an affinity of [${cpus}]: give integers from 0 to ${HIGHEST_CPU}.`);
    }
  }
  // In words of 64 bits, as the kernel has them: qemu takes no others.
  const mask = new Uint8Array(((Math.max(0, ...cpus) >> 6) + 1) * 8);
  for (const cpu of cpus) mask[cpu >> 3] |= 1 << (cpu & 7);
  return mask;
}

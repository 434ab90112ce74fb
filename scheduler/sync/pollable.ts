/** Descriptors that tasks wait for. */
import type { Home } from "../tasks/home.ts";
import { requireInteger, signalOf, type WaitOptions } from "../tasks/options.ts";
import { rejection } from "../tasks/promise.ts";
import { isolateOf } from "./isolate.ts";
import { type Descriptor, type Direction, Poller, READ, WRITE } from "./poller.ts";

/** The largest number that the kernel gives. */
const MOST = 2 ** 31 - 1;

/**
 * Resolves when something can be read from a descriptor without waiting: also when its other end was closed, when it has an error,
 * and, for a socket that listens, when a connection can be accepted. That is a hint: another one may have read it before, so read
 * without blocking (`O_NONBLOCK`, `SOCK_NONBLOCK`), and wait again if that says EAGAIN.
 *
 * Any descriptor will do that the kernel's epoll takes: sockets, pipes, eventfd, timerfd, signalfd, inotify, pidfd, tun, netlink, the
 * listener of a seccomp filter. The thread goes on with other tasks meanwhile; all descriptors of a scheduler take one native
 * thread, which begins with the first one. A wait takes two or three system calls; for a descriptor that is waited for often,
 * {@linkcode pollable} takes fewer. A signalfd tells of signals that were sent to the process and that all its threads have blocked:
 * they do if who starts it says so (`env --block-signal=USR1 deno run …`). As an operation on a channel it goes on after its task
 * was cancelled, unless it was given that task's signal. Outside of tasks it keeps the process alive, as the runtime's own sockets do.
 *
 * **Who closes a descriptor** while it is waited for is to do that by {@linkcode Pollable.close}: then those who wait on the same
 * thread reject. The kernel tells nobody else; of a socket, `shutdown()` tells all.
 *
 * It rejects with the signal's reason; with a `Deno.errors.BadResource` if the descriptor is not open, or is closed; with a
 * `TypeError` for a file on a disk, or without {@linkcode Capabilities.poller}; with a `RangeError` for what is no number of a descriptor.
 *
 * After Go's netpoller (`runtime/netpoll.go`) and libuv's `uv_poll_t`.
 *
 * @param home The scheduler, or the context of the task that waits.
 *
 * @example
 * ```ts
 * import { readable, Scheduler } from "@heddle/heddle";
 *
 * const libc = Deno.dlopen("libc.so.6", {
 *   eventfd: { parameters: ["u32", "i32"], result: "i32" },
 *   eventfd_write: { parameters: ["i32", "u64"], result: "i32" },
 *   close: { parameters: ["i32"], result: "i32" },
 * });
 * await using sched = await Scheduler.start({ procs: 1 });
 * if (sched.capabilities.poller) {
 *   const fd = libc.symbols.eventfd(0, 0);
 *   const heard = readable(sched, fd);
 *   libc.symbols.eventfd_write(fd, 1n);
 *   await heard;
 *   libc.symbols.close(fd);
 * }
 * libc.close();
 * ```
 */
export function readable(home: Home, fd: number, options?: WaitOptions): Promise<void> {
  return wait("readable", home, fd, READ, options);
}

/**
 * Resolves when something can be written to a descriptor without waiting, or when that would fail. All else is as with
 * {@linkcode readable}.
 *
 * @example
 * ```ts
 * import { Scheduler, writable } from "@heddle/heddle";
 *
 * const libc = Deno.dlopen("libc.so.6", {
 *   eventfd: { parameters: ["u32", "i32"], result: "i32" },
 *   close: { parameters: ["i32"], result: "i32" },
 * });
 * await using sched = await Scheduler.start({ procs: 1 });
 * if (sched.capabilities.poller) {
 *   const fd = libc.symbols.eventfd(0, 0);
 *   await writable(sched, fd, { signal: AbortSignal.timeout(1000) });
 *   libc.symbols.close(fd);
 * }
 * libc.close();
 * ```
 */
export function writable(home: Home, fd: number, options?: WaitOptions): Promise<void> {
  return wait("writable", home, fd, WRITE, options);
}

/**
 * A descriptor for which a thread waits again and again: it is registered once, and a wait that finds it ready takes no system
 * call. It belongs to the thread that makes it; another thread may have one of the same descriptor. Each descriptor that
 * {@linkcode readable} takes is taken here.
 *
 * It is edge-triggered: **read or write until that says EAGAIN, then wait.** Who waits without having tried may wait for ever, as what
 * was there before is not told again.
 *
 * @param home The scheduler, or the context of the task that makes it.
 * @throws {TypeError} for a file on a disk; if this thread has one of it; without {@linkcode Capabilities.poller}.
 * @throws {Deno.errors.BadResource} if the descriptor is not open.
 * @throws {RangeError} if it is no number of a descriptor.
 * @throws {Error} if the system refuses it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pollable, Scheduler } from "@heddle/heddle";
 *
 * const libc = Deno.dlopen("libc.so.6", {
 *   pipe2: { parameters: ["buffer", "i32"], result: "i32" },
 *   read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
 *   write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
 * });
 * await using sched = await Scheduler.start({ procs: 1 });
 * if (sched.capabilities.poller) {
 *   const ends = new Int32Array(2);
 *   libc.symbols.pipe2(ends, 0o4000); // O_NONBLOCK
 *   using input = pollable(sched, ends[0]);
 *   using output = pollable(sched, ends[1]);
 *   const bytes = new Uint8Array(100);
 *   libc.symbols.write(output.fd, new TextEncoder().encode("hello"), 5n);
 *   let length = libc.symbols.read(input.fd, bytes, 100n);
 *   while (length < 0n) {
 *     await input.readable();
 *     length = libc.symbols.read(input.fd, bytes, 100n);
 *   }
 *   assertEquals(new TextDecoder().decode(bytes.subarray(0, Number(length))), "hello");
 * }
 * libc.close();
 * ```
 */
export function pollable(home: Home, fd: number): Pollable {
  return new Pollable(pollerOf("pollable", home, fd).open(fd));
}

/** What {@linkcode pollable} makes. */
export class Pollable implements Disposable {
  readonly #descriptor: Descriptor;

  /** @internal */
  constructor(descriptor: Descriptor) {
    this.#descriptor = descriptor;
  }

  /** The number of the descriptor. */
  get fd(): number {
    return this.#descriptor.number;
  }

  /** Resolves when there may be more to read than the last time. Rejects as {@linkcode readable} does. */
  readable(options?: WaitOptions): Promise<void> {
    return waitAgain(this.#descriptor, READ, options);
  }

  /** Resolves when there may be more room to write than the last time. Rejects as {@linkcode writable} does. */
  writable(options?: WaitOptions): Promise<void> {
    return waitAgain(this.#descriptor, WRITE, options);
  }

  /**
   * Closes the descriptor. What waits for it on this thread rejects with a `Deno.errors.BadResource`. If it was closed or given back
   * before nothing happens, and nothing happens to another file that has its number by now, if this thread has waited for that.
   *
   * @throws {Deno.errors.BadResource} if somebody else has closed it.
   */
  close(): void {
    this.#descriptor.isolate.closeDescriptor(this.#descriptor);
  }

  /** As {@linkcode Pollable.close}, but the descriptor stays open: somebody else is to close it. */
  release(): void {
    this.#descriptor.isolate.release(this.#descriptor);
  }

  /** {@linkcode Pollable.close}, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** No private method, which would take eight bytes of each Pollable. */
function waitAgain(
  descriptor: Descriptor,
  direction: Direction,
  options: WaitOptions | undefined,
): Promise<void> {
  try {
    return descriptor.isolate.waitAgain(descriptor, direction, signalOf(options));
  } catch (error) {
    return rejection(error);
  }
}

function wait(
  what: string,
  home: Home,
  fd: number,
  direction: Direction,
  options: WaitOptions | undefined,
): Promise<void> {
  try {
    const signal = signalOf(options);
    return pollerOf(what, home, fd).wait(fd, direction, signal);
  } catch (error) {
    return rejection(error);
  }
}

/** The isolate's. It begins with the first descriptor. */
function pollerOf(what: string, home: Home, fd: number): Poller {
  const isolate = isolateOf(home, what);
  requireInteger(`${what}: the descriptor`, fd, 0, MOST);
  if (isolate.shutdown !== undefined) throw isolate.shutdown();
  return (isolate.pollSet ??= new Poller(isolate, `${what}()`)) as Poller;
}

/** The messages of a filter's listener: seccomp user notification. Numbers and layouts are those of linux/seccomp.h. */

import { open } from "../../ffi/load.ts";

// ioctl is variadic in C; on x86-64 a call with three plain arguments is passed the same way.
const symbols = {
  /** `int ioctl(int fd, unsigned long request, void *argument)` */
  ioctl: { parameters: ["i32", "u32", "buffer"], result: "i32" },
  /** `int ioctl(int fd, unsigned long request, unsigned long argument)` */
  ioctlValue: { name: "ioctl", parameters: ["i32", "u32", "u32"], result: "i32" },
  /** `int poll(struct pollfd *fds, unsigned long count, int timeout)` */
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_ID_VALID = 0x40082102;
const NOTIF_SET_FLAGS = 0x40082104;
const SYNC_WAKE_UP = 1;
const FLAG_CONTINUE = 1;

/** What poll says of a descriptor. */
export const POLLIN = 1, POLLHUP = 0x10;
const POLLERR = 0x8, POLLNVAL = 0x20;

/** Waits, without a timeout, until one of the descriptors is ready. Returns what holds of each. */
export type Poll = () => readonly number[];

export function poll(descriptors: readonly number[]): Poll {
  const libc = open("libc.so.6", symbols).symbols;
  const table = new Int32Array(descriptors.length * 2); // struct pollfd: int fd; short events, revents
  const events = new Int16Array(table.buffer);
  for (const [i, fd] of descriptors.entries()) {
    table[2 * i] = fd;
    events[4 * i + 2] = POLLIN;
  }
  const results = descriptors.map(() => 0);
  return () => {
    while (libc.poll(new Uint8Array(table.buffer), descriptors.length, -1) < 0); // EINTR
    for (let i = 0; i < results.length; i++) {
      results[i] = events[4 * i + 3];
      if (results[i] & (POLLERR | POLLNVAL)) {
        throw new Error(`poll reports 0x${results[i].toString(16)} for descriptor ${descriptors[i]}`);
      }
    }
    return results;
  };
}

/** A call that waits for its answer. It is overwritten by the next `receive`. */
export interface Notification {
  /** The thread that made the call, in the supervisor's PID namespace. */
  readonly thread: number;
  readonly number: number;
  /** Argument `index` as an address or a length: its lower 53 bits. */
  argument(index: number): number;
  /** Argument `index` as a C int. */
  int(index: number): number;
}

/** The receiving end of a filter. */
export class Listener {
  readonly #libc = open("libc.so.6", symbols).symbols;
  readonly #fd: number;
  readonly #notification = new Uint8Array(80); // struct seccomp_notif
  readonly #incoming = new DataView(this.#notification.buffer);
  readonly #response = new Uint8Array(24); // struct seccomp_notif_resp
  readonly #outgoing = new DataView(this.#response.buffer);

  constructor(fd: number) {
    this.#fd = fd;
    // The answering thread then hands its CPU to the waiting one (Linux 6.6; older kernels refuse: only slower).
    this.#libc.ioctlValue(fd, NOTIF_SET_FLAGS, SYNC_WAKE_UP);
  }

  /** The next call, or undefined when its thread has gone before it could be received. */
  receive(): Notification | undefined {
    this.#notification.fill(0); // the kernel demands it
    if (this.#libc.ioctl(this.#fd, NOTIF_RECV, this.#notification) < 0) return undefined;
    const view = this.#incoming;
    return {
      thread: view.getUint32(8, true),
      number: view.getInt32(16, true),
      argument: (index) =>
        view.getUint32(32 + 8 * index, true) + (view.getUint32(36 + 8 * index, true) & 0x1fffff) * 2 ** 32,
      int: (index) => view.getInt32(32 + 8 * index, true),
    };
  }

  /**
   * Whether the received call still waits. Checked after looking at its process: before that the number of a process
   * that has ended could have been given to another.
   */
  stillWaits(): boolean {
    return this.#libc.ioctl(this.#fd, NOTIF_ID_VALID, this.#notification) === 0;
  }

  /** Lets the kernel carry the call out, with arguments that it reads again. */
  proceed(): void {
    this.#answer(FLAG_CONTINUE);
  }

  #answer(flags: number): void {
    this.#response.fill(0);
    this.#response.set(this.#notification.subarray(0, 8)); // id
    this.#outgoing.setUint32(20, flags, true);
    if (this.#libc.ioctl(this.#fd, NOTIF_SEND, this.#response) < 0 && this.stillWaits()) {
      throw new Error(
        "The kernel refused the answer to a call: letting calls continue takes Linux 5.5 or later.",
      );
    }
  }
}

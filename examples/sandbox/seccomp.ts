/** The messages of a filter's listener: seccomp user notification. Numbers and layouts are those of linux/seccomp.h. */

import { open } from "../../ffi/load.ts";
import { ioctl, O_CLOEXEC } from "./system_call.ts";

// ioctl is variadic in C; on x86-64 a call with three plain arguments is passed the same way.
const symbols = {
  /** `int ioctl(int fd, unsigned long request, unsigned long argument)` */
  ioctlValue: { name: "ioctl", parameters: ["i32", "u32", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const NOTIF_ID_VALID = 0x40082102;
const NOTIF_ADDFD = 0x40182103;
const NOTIF_SET_FLAGS = 0x40082104;
const SYNC_WAKE_UP = 1;
const FLAG_CONTINUE = 1;

/** A call that waits for its answer. It is overwritten by the next `receive`. */
export interface Notification {
  /** What the answer names. */
  readonly id: bigint;
  /** The thread that made the call, in the supervisor's PID namespace. */
  readonly thread: number;
  readonly number: number;
  /** Argument `index` as an address or a length: its lower 53 bits. */
  argument(index: number): number;
  /** Argument `index` as a C int. */
  int(index: number): number;
}

/** How calls end that have been received: whoever has the descriptor may end them, on any thread. */
export class Answers {
  readonly #fd: number;
  // Each once, as views and their bytes: what is made for every call costs more than the call.
  readonly #id = new BigUint64Array(1);
  readonly #idBytes = new Uint8Array(this.#id.buffer);
  readonly #response = new DataView(new ArrayBuffer(24)); // struct seccomp_notif_resp
  readonly #responseBytes = new Uint8Array(this.#response.buffer);
  readonly #descriptor = new DataView(new ArrayBuffer(24)); // struct seccomp_notif_addfd
  readonly #descriptorBytes = new Uint8Array(this.#descriptor.buffer);

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Whether the call still waits. Checked after looking at its process: before that the number of a process that has
   * ended could have been given to another.
   */
  stillWaits(id: bigint): boolean {
    this.#id[0] = id;
    return ioctl(this.#fd, NOTIF_ID_VALID, this.#idBytes) === 0;
  }

  /** Lets the kernel carry the call out, with arguments that it reads again. False if it does not wait any more. */
  proceed(id: bigint): boolean {
    if (this.#answer(id, 0, FLAG_CONTINUE) >= 0) return true;
    if (!this.stillWaits(id)) return false;
    throw new Error(
      "The kernel refused the answer to a call: letting calls continue takes Linux 5.5 or later.",
    );
  }

  /** Ends the call with its result, or a negative errno. Nothing is done if it does not wait any more. */
  end(id: bigint, result: number): void {
    this.#answer(id, result, 0);
  }

  /**
   * Gives the process of the call a copy of a descriptor. Returns its number, or a negative errno. With `ends` the call
   * ends with it, if that works.
   */
  give(id: bigint, fd: number, closesOnExec: boolean, ends: boolean): number {
    const ADDFD_FLAG_SEND = 2;
    this.#descriptor.setBigUint64(0, id, true);
    this.#descriptor.setUint32(8, ends ? ADDFD_FLAG_SEND : 0, true);
    this.#descriptor.setUint32(12, fd, true);
    this.#descriptor.setUint32(20, closesOnExec ? O_CLOEXEC : 0, true);
    return ioctl(this.#fd, NOTIF_ADDFD, this.#descriptorBytes);
  }

  #answer(id: bigint, result: number, flags: number): number {
    this.#response.setBigUint64(0, id, true);
    this.#response.setInt32(8, Math.max(result, 0), true); // the lower half: results that are given fit
    this.#response.setInt32(16, Math.min(result, 0), true);
    this.#response.setUint32(20, flags, true);
    return ioctl(this.#fd, NOTIF_SEND, this.#responseBytes);
  }
}

/** The receiving end of a filter. */
export class Listener extends Answers {
  readonly #libc = open("libc.so.6", symbols).symbols;
  readonly #fd: number;
  readonly #notification = new Uint8Array(80); // struct seccomp_notif
  readonly #incoming = new DataView(this.#notification.buffer);

  constructor(fd: number) {
    super(fd);
    this.#fd = fd;
    // The answering thread then hands its CPU to the waiting one (Linux 6.6; older kernels refuse: only slower).
    this.#libc.ioctlValue(fd, NOTIF_SET_FLAGS, SYNC_WAKE_UP);
  }

  /** The next call, or undefined when its thread has gone before it could be received. */
  receive(): Notification | undefined {
    this.#notification.fill(0); // the kernel demands it
    if (ioctl(this.#fd, NOTIF_RECV, this.#notification) < 0) return undefined;
    const view = this.#incoming;
    return {
      id: view.getBigUint64(0, true),
      thread: view.getUint32(8, true),
      number: view.getInt32(16, true),
      argument: (index) =>
        view.getUint32(32 + 8 * index, true) + (view.getUint32(36 + 8 * index, true) & 0x1fffff) * 2 ** 32,
      int: (index) => view.getInt32(32 + 8 * index, true),
    };
  }
}

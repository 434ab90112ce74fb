/**
 * The kernel's side of seccomp user notification: the filter program, and the messages on its listener. Numbers and
 * layouts are those of linux/seccomp.h, linux/audit.h, linux/bpf_common.h and the x86-64 system call table.
 */

import { open } from "../../ffi/load.ts";

/** System calls that the supervisor sees. */
export const intercepted = {
  open: 2,
  connect: 42,
  execve: 59,
  openat: 257,
  execveat: 322,
  openat2: 437,
} as const;

/** Other ways to open a file, which the supervisor could not see: these fail with ENOSYS. */
const unavailable = { open_by_handle_at: 304, io_uring_setup: 425 } as const;

const AUDIT_ARCH_X86_64 = 0xc000003e;
const X32_SYSCALL_BIT = 0x40000000;

const SECCOMP_RET_KILL_PROCESS = 0x80000000;
const SECCOMP_RET_ERRNO = 0x00050000;
const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const ENOSYS = 38;

const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_JMP_JGE_K = 0x35;
const BPF_RET_K = 0x06;

/** Offsets in struct seccomp_data. */
const NUMBER = 0, ARCHITECTURE = 4;

/**
 * The filter as struct sock_filter[], 8 bytes each. 32-bit calls have other numbers, so a 32-bit program is killed
 * (SIGSYS) rather than let through unseen; x32 calls fail with ENOSYS, as on most kernels without any filter.
 */
export function filterProgram(): Uint8Array<ArrayBuffer> {
  const numbers = Object.values(intercepted), missing = Object.values(unavailable);
  type Instruction = [code: number, k: number, ifTrue?: number, ifFalse?: number];
  const program: Instruction[] = [
    [BPF_LD_W_ABS, ARCHITECTURE],
    [BPF_JMP_JEQ_K, AUDIT_ARCH_X86_64, 1, 0],
    [BPF_RET_K, SECCOMP_RET_KILL_PROCESS],
    [BPF_LD_W_ABS, NUMBER],
  ];
  // Jumps count from the next instruction; the three results stand at the end.
  const end = program.length + 1 + numbers.length + missing.length;
  const to = (result: number) => end + result - program.length - 1;
  program.push([BPF_JMP_JGE_K, X32_SYSCALL_BIT, to(1), 0]);
  for (const number of missing) program.push([BPF_JMP_JEQ_K, number, to(1), 0]);
  for (const number of numbers) program.push([BPF_JMP_JEQ_K, number, to(2), 0]);
  program.push(
    [BPF_RET_K, SECCOMP_RET_ALLOW],
    [BPF_RET_K, SECCOMP_RET_ERRNO | ENOSYS],
    [BPF_RET_K, SECCOMP_RET_USER_NOTIF],
  );
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, k, ifTrue = 0, ifFalse = 0]] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, ifTrue);
    view.setUint8(i * 8 + 3, ifFalse);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}

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

  /** A poll over this listener and others: the first result is the listener's. */
  poll(...others: number[]): Poll {
    const descriptors = [this.#fd, ...others];
    const table = new Int32Array(descriptors.length * 2); // struct pollfd: int fd; short events, revents
    const events = new Int16Array(table.buffer);
    for (const [i, fd] of descriptors.entries()) {
      table[2 * i] = fd;
      events[4 * i + 2] = POLLIN;
    }
    const results = descriptors.map(() => 0);
    return () => {
      while (this.#libc.poll(new Uint8Array(table.buffer), descriptors.length, -1) < 0); // EINTR
      for (let i = 0; i < results.length; i++) {
        results[i] = events[4 * i + 3];
        if (results[i] & (POLLERR | POLLNVAL)) {
          throw new Error(`poll reports 0x${results[i].toString(16)} for descriptor ${descriptors[i]}`);
        }
      }
      return results;
    };
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
    this.#answer(0, FLAG_CONTINUE);
  }

  /** Makes the call fail. */
  refuse(errno: number): void {
    this.#answer(-errno, 0);
  }

  #answer(error: number, flags: number): void {
    this.#response.fill(0);
    this.#response.set(this.#notification.subarray(0, 8)); // id
    this.#outgoing.setInt32(16, error, true);
    this.#outgoing.setUint32(20, flags, true);
    if (this.#libc.ioctl(this.#fd, NOTIF_SEND, this.#response) < 0 && this.stillWaits()) {
      throw new Error(
        "The kernel refused the answer to a call: letting calls continue takes Linux 5.5 or later.",
      );
    }
  }
}

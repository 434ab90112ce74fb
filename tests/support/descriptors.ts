/** Descriptors of the kernel that never block, for tasks on any thread. */
const libc = Deno.dlopen("libc.so.6", {
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "pointer"], result: "i32" },
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64"], result: "i64" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  dup: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

const NONBLOCK = 0o4000;
/** pidfd_open of x86-64. */
const PIDFD_OPEN = 434n;

export const { close, dup, dup2, shutdown } = libc;

export function pipe(): [input: number, output: number] {
  const ends = new Int32Array(2);
  libc.pipe2(ends, NONBLOCK);
  return [ends[0], ends[1]];
}

export function socketPair(): [number, number] {
  const ends = new Int32Array(2);
  // AF_UNIX, SOCK_STREAM
  libc.socketpair(1, 1 | NONBLOCK, 0, ends);
  return [ends[0], ends[1]];
}

/** Something can be read when it has been signalled. */
export function eventfd(): number {
  return libc.eventfd(0, NONBLOCK);
}

export function signal(eventfd: number): void {
  libc.write(eventfd, new Uint8Array(new BigUint64Array([1n]).buffer), 8);
}

/** Something can be read after so many milliseconds. */
export function timerfd(ms: number): number {
  // CLOCK_MONOTONIC
  const fd = libc.timerfd_create(1, NONBLOCK);
  libc.timerfd_settime(fd, 0, new BigInt64Array([0n, 0n, 0n, BigInt(ms) * 1_000_000n]), null);
  return fd;
}

/** A struct signalfd_siginfo of 128 bytes can be read when the process was sent SIGUSR2, which all its threads have blocked. */
export function signalfd(): number {
  return libc.signalfd(-1, new BigUint64Array([1n << (12n - 1n), ...Array<bigint>(15).fill(0n)]), NONBLOCK);
}

/** Something can be read when a file was made in the folder. */
export function inotify(folder: string): number {
  const fd = libc.inotify_init1(NONBLOCK);
  // IN_CREATE
  libc.inotify_add_watch(fd, new TextEncoder().encode(`${folder}\0`), 0x100);
  return fd;
}

/** Something can be read when the process has ended. */
export function pidfd(pid: number): number {
  return Number(libc.syscall(PIDFD_OPEN, BigInt(pid), 0n));
}

/** How many bytes were read; 0 at the end, below that if there is nothing now. */
export function read(fd: number, into: Uint8Array<ArrayBuffer>): number {
  return libc.read(fd, into, into.length);
}

export function write(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
  return libc.write(fd, bytes, bytes.length);
}

/** Until nothing is there any more: how many bytes. */
export function readAll(fd: number): number {
  const bytes = new Uint8Array(1 << 16);
  let sum = 0;
  for (let count = read(fd, bytes); count > 0; count = read(fd, bytes)) sum += count;
  return sum;
}

export function writeUntilFull(fd: number): number {
  const bytes = new Uint8Array(1 << 12);
  let sum = 0;
  for (let count = write(fd, bytes); count > 0; count = write(fd, bytes)) sum += count;
  return sum;
}

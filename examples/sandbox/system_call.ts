/**
 * System calls with exact errors: each returns its result, or a negative errno. Numbers are those of x86-64. Strings are
 * strings of bytes (characters 0 to 255), as paths of other processes are.
 */

import { Buffer } from "node:buffer";
import { addressOf } from "../../ffi/address.ts";
import { loadFromMemory, open } from "../../ffi/load.ts";
import type { ByteString } from "./plan.ts";
import { base64, soname } from "./system_call_x86_64.ts";

const name = "sandbox_system_call";

/** All of them are `int sandbox_system_call(int number, …)`, see system_call.c; arguments are passed as what they are. */
const symbols = {
  ints: { name, parameters: ["i32", "i32", "i32", "i32", "i32", "i32"], result: "i32" },
  longs: { name, parameters: ["i32", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
  path: { name, parameters: ["i32", "buffer", "i64", "i32", "i32", "i32"], result: "i32" },
  pathAt: { name, parameters: ["i32", "i32", "buffer", "u32", "u32", "i32"], result: "i32" },
  bytesAt: { name, parameters: ["i32", "i32", "buffer", "buffer", "u32", "i32"], result: "i32" },
  twoPathsAt: { name, parameters: ["i32", "i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  pathTo: { name, parameters: ["i32", "buffer", "i32", "buffer", "i32", "i32"], result: "i32" },
  request: { name, parameters: ["i32", "i32", "i32", "u32", "buffer", "i32"], result: "i32" },
  control: { name, parameters: ["i32", "i32", "u32", "buffer", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

let library: Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined;
let isPlaced = false;

function calls() {
  if (library) return library;
  try {
    return library = open(soname, symbols).symbols;
  } catch (error) {
    if (isPlaced) throw error;
  }
  // One copy serves all threads; two that place it at once have one too many, and no harm is done.
  loadFromMemory("sandbox-calls", Uint8Array.fromBase64(base64));
  isPlaced = true;
  return calls();
}

/** Loads what is behind these functions: for a thread that soon cannot open files any more. */
export function loadSystemCalls(): void {
  calls();
}

/**
 * Where strings lie while a call reads them, as calls take one or two: a new array for each would cost more than most calls,
 * since V8 has to move what is small out of its heap first.
 */
const places = [new Uint8Array(8192), new Uint8Array(8192)] as const;

function cBytes(string: ByteString, place: 0 | 1 = 0): Uint8Array<ArrayBuffer> {
  const bytes = string.length < places[place].length ? places[place] : new Uint8Array(string.length + 1);
  for (let i = 0; i < string.length; i++) bytes[i] = string.charCodeAt(i);
  bytes[string.length] = 0;
  return bytes;
}

export const EPERM = 1,
  ENOENT = 2,
  ESRCH = 3,
  EINTR = 4,
  E2BIG = 7,
  EBADF = 9,
  EAGAIN = 11,
  EACCES = 13,
  EFAULT = 14,
  EBUSY = 16,
  EEXIST = 17,
  EXDEV = 18,
  EISDIR = 21,
  EINVAL = 22,
  ENOSYS = 38,
  EMSGSIZE = 90,
  ENOBUFS = 105,
  EINPROGRESS = 115;

export const O_WRONLY = 1,
  O_RDWR = 2,
  O_ACCMODE = 3,
  O_CREAT = 0o100,
  O_EXCL = 0o200,
  O_NOCTTY = 0o400,
  O_TRUNC = 0o1000,
  O_APPEND = 0o2000,
  O_NONBLOCK = 0o4000,
  O_DIRECT = 0o40000,
  O_LARGEFILE = 0o100000,
  O_DIRECTORY = 0o200000,
  O_NOFOLLOW = 0o400000,
  O_NOATIME = 0o1000000,
  O_CLOEXEC = 0o2000000,
  O_PATH = 0o10000000,
  /** Without O_DIRECTORY, which always comes with it. */
  O_TMPFILE = 0o20000000;
export const RESOLVE_NO_MAGICLINKS = 0x02,
  RESOLVE_NO_SYMLINKS = 0x04,
  RESOLVE_BENEATH = 0x08,
  RESOLVE_IN_ROOT = 0x10;
export const AT_FDCWD = -100, AT_SYMLINK_FOLLOW = 0x400;

export function close(fd: number): void {
  calls().ints(3, fd, 0, 0, 0, 0);
}

export function openAt(directory: number, path: ByteString, flags: number, mode = 0): number {
  return calls().pathAt(257, directory, cBytes(path), flags, mode, 0);
}

const how = new Uint32Array(6); // struct open_how: u64 flags, mode, resolve, of which the lower halves say all
const howBytes = new Uint8Array(how.buffer);

/** All that openat knows; openat2 takes nothing else. */
const KNOWN_FLAGS = 0o37777703;

export function openAt2(
  directory: number,
  path: ByteString,
  flags: number,
  resolve: number,
  mode = 0,
): number {
  how[0] = flags & KNOWN_FLAGS;
  how[2] = mode;
  how[4] = resolve;
  return calls().bytesAt(437, directory, cBytes(path), howBytes, howBytes.length, 0);
}

const target = Buffer.from(new ArrayBuffer(4096)); // PATH_MAX

/** Where a link points to, or undefined for everything else. */
export function readLink(path: ByteString, directory = AT_FDCWD): ByteString | undefined {
  const length = calls().bytesAt(267, directory, cBytes(path), target, target.length, 0);
  return length < 0 ? undefined : target.toString("latin1", 0, length);
}

/** `flags` are those of fcntl's F_SETFL. */
export function setFlags(fd: number, flags: number): number {
  return calls().ints(72, fd, 4, flags, 0, 0);
}

export function getFlags(fd: number): number {
  return calls().ints(72, fd, 3, 0, 0, 0);
}

export function renameAt(
  fromDirectory: number,
  from: ByteString,
  toDirectory: number,
  to: ByteString,
  flags: number,
): number {
  return calls().twoPathsAt(316, fromDirectory, cBytes(from), toDirectory, cBytes(to, 1), flags);
}

export function linkAt(
  fromDirectory: number,
  from: ByteString,
  toDirectory: number,
  to: ByteString,
  flags: number,
): number {
  return calls().twoPathsAt(265, fromDirectory, cBytes(from), toDirectory, cBytes(to, 1), flags);
}

export function symlinkAt(text: ByteString, directory: number, path: ByteString): number {
  return calls().pathTo(266, cBytes(text), directory, cBytes(path, 1), 0, 0);
}

export function unlinkAt(directory: number, path: ByteString, flags: number): number {
  return calls().pathAt(263, directory, cBytes(path), flags, 0, 0);
}

export function makeDirectoryAt(directory: number, path: ByteString, mode: number): number {
  return calls().pathAt(258, directory, cBytes(path), mode, 0, 0);
}

export function makeNodeAt(directory: number, path: ByteString, mode: number, device: number): number {
  return calls().pathAt(259, directory, cBytes(path), mode, device, 0);
}

export function truncate(path: ByteString, length: number): number {
  return calls().path(76, cBytes(path), BigInt(length), 0, 0, 0);
}

export function connect(socket: number, address: Uint8Array<ArrayBuffer>): number {
  return calls().pathAt(42, socket, address, address.length, 0, 0);
}

const MSG_DONTWAIT = 0x40, MSG_NOSIGNAL = 0x4000;

/** Sends one message, and does not wait for room. */
export function send(
  socket: number,
  { address, payload, control, flags }: {
    readonly address?: Uint8Array<ArrayBuffer>;
    readonly payload: Uint8Array<ArrayBuffer>;
    readonly control?: Uint8Array<ArrayBuffer>;
    readonly flags: number;
  },
): number {
  // In shared memory, as V8 moves small arrays.
  const parts = [address, payload, control].map((bytes) => {
    const part = new Uint8Array(new SharedArrayBuffer(Math.max(bytes?.length ?? 0, 1)));
    if (bytes) part.set(bytes);
    return { part, at: BigInt(bytes?.length ? addressOf(part) : 0), length: BigInt(bytes?.length ?? 0) };
  });
  const [to, data, rest] = parts;
  const vector = new BigUint64Array(new SharedArrayBuffer(16)); // struct iovec
  vector.set([data.at, data.length]);
  const header = new BigUint64Array([
    to.at,
    to.length,
    BigInt(addressOf(vector)),
    1n,
    rest.at,
    rest.length,
    0n,
  ]);
  const bytes = new Uint8Array(header.buffer); // struct msghdr
  return calls().pathAt(46, socket, bytes, flags | MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
}

export function ioctl(fd: number, request: number, bytes: Uint8Array<ArrayBuffer>): number {
  return calls().control(16, fd, request, bytes, 0, 0);
}

const PIDFD_THREAD = O_EXCL;

export function openThread(thread: number): number {
  return calls().ints(434, thread, PIDFD_THREAD, 0, 0, 0);
}

/** A copy of a descriptor of that thread. */
export function descriptorOf(pidfd: number, fd: number): number {
  return calls().ints(438, pidfd, fd, 0, 0, 0);
}

/** ptrace(2), `data` being a number: a signal, a set of options, or what is written at `address`. */
export function ptrace(request: number, thread: number, address = 0, data = 0): number {
  return calls().longs(101, BigInt(request), BigInt(thread), BigInt(address), BigInt(data), 0n);
}

/** A tracee goes on, with that signal. As above, without a BigInt. */
export function resume(request: number, thread: number, signal: number): number {
  return calls().ints(101, request, thread, 0, signal, 0);
}

/** ptrace(2) whose answer goes into `bytes`; it is told how many those are. */
export function ptraceInto(request: number, thread: number, bytes: Uint8Array<ArrayBuffer>): number {
  return calls().request(101, request, thread, bytes.length, bytes, 0);
}

/** Waits for a tracee of the calling thread, and stores its status: -ECHILD when there is none left. */
export function waitForTracee(status: Uint8Array<ArrayBuffer>): number {
  const WALL_NOTHREAD = 0x60000000; // also threads; of this thread alone
  return calls().pathAt(61, -1, status, WALL_NOTHREAD, 0, 0);
}

export function sendSignal(process: number, signal: number): void {
  calls().ints(62, process, signal, 0, 0, 0);
}

const parameter = new Uint8Array(4); // struct sched_param: int priority

/** From here on the thread of this process runs only where nobody else wants to. There may be no way back. */
export function makeIdle(thread: number): void {
  const SCHED_IDLE = 5;
  const own = openAt(AT_FDCWD, `/proc/self/task/${thread}`, O_PATH | O_CLOEXEC);
  if (own < 0) return; // it has ended, and its number may be another process's
  close(own);
  calls().control(144, thread, SCHED_IDLE, parameter, 0, 0);
}

/**
 * Puts the calling thread, and no other one, behind the ruleset, without any capability, with file mode masks of its own.
 * There is no way back. Throws what was refused.
 */
export function enterWall(ruleset: number | undefined): void {
  const CLONE_FS = 0x200n, PR_SET_NO_NEW_PRIVS = 38n, CAPABILITY_VERSION = 0x20080522;
  const header = new Int32Array(new SharedArrayBuffer(8));
  header[0] = CAPABILITY_VERSION;
  const none = new Int32Array(new SharedArrayBuffer(24));
  const steps: [string, number][] = [
    ["unshare", calls().longs(272, CLONE_FS, 0n, 0n, 0n, 0n)],
    ["umask", calls().longs(95, 0n, 0n, 0n, 0n, 0n)],
    ["capset", calls().longs(126, BigInt(addressOf(header)), BigInt(addressOf(none)), 0n, 0n, 0n)],
    ["prctl", calls().longs(157, PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n)],
    ...(ruleset === undefined
      ? []
      : [["landlock_restrict_self", calls().ints(446, ruleset, 0, 0, 0, 0)] as [string, number]]),
  ];
  for (const [step, result] of steps) {
    if (result < 0) throw new Error(`${step} failed with errno ${-result}`);
  }
}

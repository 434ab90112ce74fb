/** What an intercepted call asks for: its arguments decoded. Numbers are those of the x86-64 system call interface. */

import { type ByteString, fromBytes, toText } from "./plan.ts";
import type { RemoteMemory } from "./remote_memory.ts";
import { AT_FDCWD, type RemotePath } from "./remote_path.ts";
import type { Notification } from "./seccomp.ts";
import {
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  RESOLVE_IN_ROOT,
} from "./system_call.ts";

/** The calls by which a program reaches files, other programs and addresses. */
export const reaching = {
  open: 2,
  connect: 42,
  execve: 59,
  truncate: 76,
  rename: 82,
  mkdir: 83,
  rmdir: 84,
  creat: 85,
  link: 86,
  unlink: 87,
  symlink: 88,
  mknod: 133,
  openat: 257,
  mkdirat: 258,
  mknodat: 259,
  unlinkat: 263,
  renameat: 264,
  linkat: 265,
  symlinkat: 266,
  renameat2: 316,
  execveat: 322,
  openat2: 437,
} as const;

/** The calls that are shown, and asked what they need. */
export const intercepted = {
  ...reaching,
  bind: 49,
  chmod: 90,
  chown: 92,
  lchown: 94,
  utime: 132,
  setxattr: 188,
  utimes: 235,
  fchownat: 260,
  fchmodat: 268,
  utimensat: 280,
} as const;

export type CallName = keyof typeof intercepted;

/** What a call can need a permission for. An entry is a name in its directory: writing that is writing the directory. */
export type Use = "read" | "write" | "run" | "entry";

export interface FileNeed {
  readonly use: Use;
  readonly at: RemotePath;
}

export interface InterceptedCall {
  readonly name: CallName;
  /** The path or address, for people to read: made when it is shown. */
  subject(): string;
  readonly files: readonly FileNeed[];
  readonly net?: NetNeed;
}

export interface NetNeed {
  /** `:PORT` or `unix`, as a permission has it. */
  readonly address: string;
  /** Of a Unix socket with a name. */
  readonly path?: string;
  readonly isLoopback: boolean;
  /** It is an address to serve, and not one to reach. */
  readonly serves: boolean;
}

const names = Object.fromEntries(
  Object.entries(intercepted).map(([name, number]) => [number, name as CallName]),
);

export function isIntercepted(number: number): boolean {
  return number in names;
}

/** Calls whose arguments are nothing but paths. The directory is an argument too, or the working directory. */
interface PathArgument {
  readonly path: number;
  readonly directory?: number;
  readonly use: Use;
  readonly follow?: boolean;
}

const entry = (path: number, directory?: number): PathArgument => ({ path, directory, use: "entry" });
const writes = (path: number, directory?: number): PathArgument => ({
  path,
  directory,
  use: "write",
  follow: true,
});

const pathCalls: Partial<Record<CallName, readonly PathArgument[]>> = {
  truncate: [writes(0)],
  rename: [entry(0), entry(1)],
  mkdir: [entry(0)],
  rmdir: [entry(0)],
  link: [entry(0), entry(1)],
  unlink: [entry(0)],
  symlink: [entry(1)],
  chmod: [writes(0)],
  chown: [writes(0)],
  lchown: [entry(0)],
  utime: [writes(0)],
  mknod: [entry(0)],
  setxattr: [writes(0)],
  utimes: [writes(0)],
  mkdirat: [entry(1, 0)],
  mknodat: [entry(1, 0)],
  fchownat: [writes(1, 0)],
  unlinkat: [entry(1, 0)],
  renameat: [entry(1, 0), entry(3, 2)],
  linkat: [entry(1, 0), entry(3, 2)],
  symlinkat: [entry(2, 1)],
  fchmodat: [writes(1, 0)],
  utimensat: [writes(1, 0)],
  renameat2: [entry(1, 0), entry(3, 2)],
};

const O_RDONLY = 0;
const AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;

export function decode(notification: Notification, memory: RemoteMemory): InterceptedCall {
  const { thread, number } = notification;
  const name = names[number];
  const path = (index: number) => memory.readPath(thread, notification.argument(index));
  switch (name) {
    case "open":
      return opening(name, path(0), AT_FDCWD, notification.int(1));
    case "creat":
      return opening(name, path(0), AT_FDCWD, O_CREAT | O_WRONLY | O_TRUNC);
    case "openat":
      return opening(name, path(1), notification.int(0), notification.int(2));
    case "openat2": {
      const opened = path(1);
      const how = memory.read(thread, notification.argument(2), 24); // struct open_how: u64 flags, mode, resolve
      if (!how) return { name, subject: () => "?", files: [] };
      const view = new DataView(how.buffer, how.byteOffset);
      const scoped = (view.getUint32(16, true) & RESOLVE_IN_ROOT) !== 0;
      return opening(name, opened, notification.int(0), view.getInt32(0, true), scoped);
    }
    case "execve":
      return executing(name, path(0), AT_FDCWD, 0);
    case "execveat":
      return executing(name, path(1), notification.int(0), notification.int(4));
    case "connect":
    case "bind": {
      const length = Math.min(notification.int(2) >>> 0, 128); // the largest address: struct sockaddr_storage
      const address = memory.read(thread, notification.argument(1), length);
      const text = address && addressText(address); // the next read overwrites it
      return address
        ? { name, subject: () => text!, files: [], net: netNeed(address, name === "bind") }
        : { name, subject: () => "?", files: [] };
    }
    default:
      return throughPaths(name, pathCalls[name]!, notification, memory);
  }
}

function throughPaths(
  name: CallName,
  paths: readonly PathArgument[],
  notification: Notification,
  memory: RemoteMemory,
): InterceptedCall {
  const files: FileNeed[] = [], found: (ByteString | number)[] = [];
  for (const { path: index, directory, use, follow = false } of paths) {
    const address = notification.argument(index);
    const path = memory.readPath(notification.thread, address);
    found.push(path);
    if (typeof path === "number" || path === "") continue; // empty: the descriptor itself, or no file
    const at = { path, directory: directory === undefined ? AT_FDCWD : notification.int(directory), follow };
    files.push({ use, at });
  }
  return { name, subject: () => found.map(quoted).join(", "), files };
}

/** A path as it was read, or why it was not. */
function quoted(path: ByteString | number): string {
  return typeof path === "number" ? "?" : JSON.stringify(toText(path));
}

function opening(
  name: CallName,
  path: string | number,
  directory: number,
  flags: number,
  scoped = false,
): InterceptedCall {
  if (typeof path === "number") return { name, subject: () => "?", files: [] };
  if (flags & O_PATH) return { name, subject: () => quoted(path), files: [] };
  const createsOnly = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
  const at = { path, directory, follow: !(flags & O_NOFOLLOW) && !createsOnly, scoped };
  const access = flags & O_ACCMODE;
  const uses: Use[] = access === O_RDONLY ? ["read"] : access === O_WRONLY ? ["write"] : ["read", "write"];
  if (access === O_RDONLY && flags & (O_TRUNC | O_CREAT)) uses.push("write");
  const suffix = access === O_RDONLY ? "" : access === O_WRONLY ? " to write" : " to read and write";
  return { name, subject: () => quoted(path) + suffix, files: uses.map((use) => ({ use, at })) };
}

function executing(name: CallName, path: string | number, directory: number, flags: number): InterceptedCall {
  if (typeof path === "number") return { name, subject: () => "?", files: [] };
  const subject = () => quoted(path);
  // An empty path is the descriptor itself with this flag, and no file without it.
  if (path === "" && !(flags & AT_EMPTY_PATH)) return { name, subject, files: [] };
  return {
    name,
    subject,
    files: [{ use: "run", at: { path, directory, follow: !(flags & AT_SYMLINK_NOFOLLOW) } }],
  };
}

const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;

function netNeed(address: Uint8Array, serves: boolean): NetNeed | undefined {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const family = address.length < 4 ? 0 : view.getUint16(0, true);
  if (family === AF_UNIX) {
    const end = address.indexOf(0, 2);
    const path = fromBytes(address.subarray(2, end < 0 ? address.length : end));
    return { address: "unix", ...(path !== "" && { path }), isLoopback: false, serves };
  }
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const host = addressText(address);
  const isLoopback = host.startsWith("127.") || host.startsWith("[::1]");
  return { address: `:${view.getUint16(2)}`, isLoopback, serves };
}

/** A struct sockaddr, for people to read. */
export function addressText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const family = bytes.length < 2 ? 0 : view.getUint16(0, true);
  if (family === AF_UNIX) {
    const path = bytes.subarray(2);
    if (path.length === 0) return "unix unnamed";
    // A first NUL stands for the abstract namespace, where the length counts; a path ends at its NUL.
    if (path[0] === 0) return `unix ${JSON.stringify("@" + new TextDecoder().decode(path.subarray(1)))}`;
    const end = path.indexOf(0);
    return `unix ${JSON.stringify(new TextDecoder().decode(end < 0 ? path : path.subarray(0, end)))}`;
  }
  if (family === AF_INET && bytes.length >= 8) {
    return `${bytes.subarray(4, 8).join(".")}:${view.getUint16(2)}`;
  }
  if (family === AF_INET6 && bytes.length >= 24) {
    // An IPv4 address in an IPv6 one (::ffff:0:0/96) is that host, and has one name.
    const isMapped = bytes.subarray(8, 18).every((byte) => byte === 0) && view.getUint16(18) === 0xffff;
    if (isMapped) return `${bytes.subarray(20, 24).join(".")}:${view.getUint16(2)}`;
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16)).join(":");
    return `[${new URL(`http://[${groups}]`).hostname.slice(1, -1)}]:${view.getUint16(2)}`;
  }
  return `address family ${family}`;
}

/** What an intercepted call asks for: its arguments decoded. Numbers are those of the x86-64 system call interface. */

import type { RemoteMemory } from "./remote_memory.ts";
import { AT_FDCWD, type RemotePath, toText } from "./remote_path.ts";
import { intercepted, type Notification } from "./seccomp.ts";

export type CallName = keyof typeof intercepted;

export interface InterceptedCall {
  readonly name: CallName;
  /** The path or address, for people to read. */
  readonly subject: string;
  /** The file that it reads or executes, if it does: what the policy judges. */
  readonly reads?: RemotePath;
  /** When the arguments cannot be read: the errno that the kernel would give. */
  readonly unreadable?: number;
}

const names = Object.fromEntries(
  Object.entries(intercepted).map(([name, number]) => [number, name as CallName]),
);

const O_WRONLY = 1,
  O_ACCMODE = 3,
  O_CREAT = 0o100,
  O_EXCL = 0o200,
  O_NOFOLLOW = 0o400000,
  O_PATH = 0o10000000;
const AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
const RESOLVE_IN_ROOT = 0x10;
const EFAULT = 14;

export function decode(notification: Notification, memory: RemoteMemory): InterceptedCall {
  const { thread, number } = notification;
  const name = names[number];
  switch (name) {
    case "open":
      return opening(name, memory.readPath(thread, notification.argument(0)), AT_FDCWD, notification.int(1));
    case "openat":
      return opening(
        name,
        memory.readPath(thread, notification.argument(1)),
        notification.int(0),
        notification.int(2),
      );
    case "openat2": {
      const path = memory.readPath(thread, notification.argument(1));
      const how = memory.read(thread, notification.argument(2), 24); // struct open_how: u64 flags, mode, resolve
      if (!how) return { name, subject: "?", unreadable: EFAULT };
      const view = new DataView(how.buffer, how.byteOffset);
      const scoped = (view.getUint32(16, true) & RESOLVE_IN_ROOT) !== 0;
      return opening(name, path, notification.int(0), view.getInt32(0, true), scoped);
    }
    case "execve":
      return executing(name, memory.readPath(thread, notification.argument(0)), AT_FDCWD, 0);
    case "execveat":
      return executing(
        name,
        memory.readPath(thread, notification.argument(1)),
        notification.int(0),
        notification.int(4),
      );
    case "connect": {
      const length = Math.min(notification.int(2) >>> 0, 128); // the largest address: struct sockaddr_storage
      const address = memory.read(thread, notification.argument(1), length);
      return { name, subject: address ? addressText(address) : "?" };
    }
  }
}

function opening(
  name: CallName,
  path: string | number,
  directory: number,
  flags: number,
  scoped = false,
): InterceptedCall {
  if (typeof path === "number") return { name, subject: "?", unreadable: path };
  const subject = JSON.stringify(toText(path));
  if ((flags & O_ACCMODE) === O_WRONLY && !(flags & O_PATH)) return { name, subject: `${subject} to write` };
  const createsOnly = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
  return { name, subject, reads: { path, directory, follow: !(flags & O_NOFOLLOW) && !createsOnly, scoped } };
}

function executing(name: CallName, path: string | number, directory: number, flags: number): InterceptedCall {
  if (typeof path === "number") return { name, subject: "?", unreadable: path };
  const subject = JSON.stringify(toText(path));
  // An empty path is the descriptor itself with this flag, and no file without it.
  if (path === "" && !(flags & AT_EMPTY_PATH)) return { name, subject };
  return { name, subject, reads: { path, directory, follow: !(flags & AT_SYMLINK_NOFOLLOW) } };
}

const AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;

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
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i).toString(16)).join(":");
    return `[${new URL(`http://[${groups}]`).hostname.slice(1, -1)}]:${view.getUint16(2)}`;
  }
  return `address family ${family}`;
}

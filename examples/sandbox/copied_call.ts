/**
 * All that a call asks for, copied out of its process once: what is judged, and what is then done, is this copy. Of paths
 * and sockets it holds descriptors, which the process cannot change either. Only who may look into the process can make it;
 * whoever gets it closes its descriptors.
 */

import { reaching } from "./intercepted_call.ts";
import { type ByteString, fromBytes } from "./plan.ts";
import type { RemoteMemory } from "./remote_memory.ts";
import type { Notification } from "./seccomp.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  close,
  descriptorOf,
  E2BIG,
  EBADF,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOENT,
  EPERM,
  EXDEV,
  O_CLOEXEC,
  O_CREAT,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  openAt,
  openThread,
  readLink,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
} from "./system_call.ts";

/** What a policy is asked about; for the filter. */
export const asked = { ...reaching, sendto: 44, sendmsg: 46 } as const;

const names = new Map(Object.entries(asked).map(([name, number]) => [number as number, name]));

export function isAsked(number: number): boolean {
  return names.has(number);
}

export interface CopiedPath {
  /** As the program wrote it, but for names of itself. */
  readonly path: ByteString;
  /** The directory that a relative path starts at: a descriptor. */
  readonly at?: number;
  /** The file itself, when the path names a descriptor of the program or what it executes: a descriptor. */
  readonly own?: number;
}

export type Asked =
  | {
    readonly kind: "open";
    readonly file: CopiedPath;
    readonly flags: number;
    readonly mode: number;
    readonly resolve: number;
  }
  | { readonly kind: "truncate"; readonly file: CopiedPath; readonly length: number }
  | { readonly kind: "mkdir"; readonly file: CopiedPath; readonly mode: number }
  | { readonly kind: "mknod"; readonly file: CopiedPath; readonly mode: number; readonly device: number }
  | { readonly kind: "symlink"; readonly file: CopiedPath; readonly text: ByteString }
  | {
    readonly kind: "link" | "rename";
    readonly file: CopiedPath;
    readonly to: CopiedPath;
    readonly flags: number;
  }
  | { readonly kind: "remove"; readonly file: CopiedPath; readonly flags: number }
  | { readonly kind: "exec"; readonly file: CopiedPath; readonly follow: boolean }
  | {
    readonly kind: "connect";
    readonly socket: number;
    readonly address: Uint8Array<ArrayBuffer>;
    /** Of a Unix socket with a name. */
    readonly file?: CopiedPath;
  }
  | {
    readonly kind: "send";
    readonly socket: number;
    /** None for a socket that is connected. */
    readonly address?: Uint8Array<ArrayBuffer>;
    readonly file?: CopiedPath;
    readonly payload: Uint8Array<ArrayBuffer>;
    /** With descriptors in it that are this process's. */
    readonly control?: Uint8Array<ArrayBuffer>;
    readonly flags: number;
  };

export interface CopiedCall {
  readonly id: bigint;
  readonly thread: number;
  /** The name of the system call. */
  readonly name: string;
  /** The file that the process executes, as the kernel says. */
  readonly program: ByteString;
  /** The root of the box's file system: a descriptor, the same one for all of its calls. */
  readonly root: number;
  readonly asked: Asked;
  /** All that is to be closed when the call has ended. */
  readonly descriptors: readonly number[];
}

const AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000, AT_REMOVEDIR = 0x200;
const AF_UNIX = 1, MOST_ADDRESS = 128; // struct sockaddr_storage
/** Longer ones are refused, unless they are of a stream: that may be sent in parts. */
const MOST_PAYLOAD = 1 << 18, MOST_PARTS = 1024, MOST_CONTROL = 4096;
const SOL_SOCKET = 1, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2;

/** The errno with which the kernel would refuse what cannot be copied. */
class Refused {
  constructor(readonly errno: number) {}
}

/** The copy, or the negative errno that the call is to end with. */
export function copyCall(
  notification: Notification,
  memory: RemoteMemory,
  root: number,
): CopiedCall | number {
  const { id, thread, number } = notification;
  const name = names.get(number)!;
  const copying = new Copying(notification, memory);
  try {
    const asked = copying.asked(name);
    const program = readLink(`/proc/${thread}/exe`) ?? "";
    return { id, thread, name, program, root, asked, descriptors: copying.descriptors };
  } catch (error) {
    for (const fd of copying.descriptors) close(fd);
    if (error instanceof Refused) return -error.errno;
    throw error;
  }
}

class Copying {
  readonly descriptors: number[] = [];
  readonly #notification: Notification;
  readonly #memory: RemoteMemory;
  #status: string | undefined;

  constructor(notification: Notification, memory: RemoteMemory) {
    this.#notification = notification;
    this.#memory = memory;
  }

  asked(name: string): Asked {
    const { int, argument } = this.#notification;
    switch (name) {
      case "open":
        return this.#opening(this.#path(0), int(1), int(2));
      case "creat":
        return this.#opening(this.#path(0), O_CREAT | O_WRONLY | O_TRUNC, int(1));
      case "openat":
        return this.#opening(this.#path(1, 0), int(2), int(3));
      case "openat2": {
        const how = this.#view(argument(2), 24); // struct open_how: u64 flags, mode, resolve
        if (argument(3) !== 24) throw new Refused(argument(3) < 24 ? EINVAL : E2BIG);
        const resolve = how.getUint32(16, true);
        const file = this.#scoped(this.#string(1), resolve) ?? this.#path(1, 0);
        return this.#opening(file, how.getInt32(0, true), how.getInt32(8, true), resolve);
      }
      case "truncate":
        return { kind: "truncate", file: this.#path(0), length: argument(1) };
      case "mkdir":
        return { kind: "mkdir", file: this.#path(0), mode: this.#masked(int(1)) };
      case "mkdirat":
        return { kind: "mkdir", file: this.#path(1, 0), mode: this.#masked(int(2)) };
      case "mknod":
        return { kind: "mknod", file: this.#path(0), mode: this.#masked(int(1)), device: int(2) };
      case "mknodat":
        return { kind: "mknod", file: this.#path(1, 0), mode: this.#masked(int(2)), device: int(3) };
      case "symlink":
        return { kind: "symlink", file: this.#path(1), text: this.#string(0) };
      case "symlinkat":
        return { kind: "symlink", file: this.#path(2, 1), text: this.#string(0) };
      case "link":
        return { kind: "link", file: this.#path(0), to: this.#path(1), flags: 0 };
      case "linkat": {
        const flags = int(4);
        const isItself = (flags & AT_EMPTY_PATH) !== 0 && this.#string(1) === "";
        const file = isItself ? this.#ownDescriptor(int(0)) : this.#path(1, 0);
        return { kind: "link", file, to: this.#path(3, 2), flags: isItself ? AT_SYMLINK_FOLLOW : flags };
      }
      case "rename":
        return { kind: "rename", file: this.#path(0), to: this.#path(1), flags: 0 };
      case "renameat":
        return { kind: "rename", file: this.#path(1, 0), to: this.#path(3, 2), flags: 0 };
      case "renameat2":
        return { kind: "rename", file: this.#path(1, 0), to: this.#path(3, 2), flags: int(4) };
      case "unlink":
        return { kind: "remove", file: this.#path(0), flags: 0 };
      case "rmdir":
        return { kind: "remove", file: this.#path(0), flags: AT_REMOVEDIR };
      case "unlinkat":
        return { kind: "remove", file: this.#path(1, 0), flags: int(2) };
      case "execve":
        return { kind: "exec", file: this.#path(0), follow: true };
      case "execveat": {
        const isItself = (int(4) & AT_EMPTY_PATH) !== 0 && this.#string(1) === "";
        const file = isItself ? this.#ownDescriptor(int(0)) : this.#path(1, 0);
        return { kind: "exec", file, follow: !(int(4) & AT_SYMLINK_NOFOLLOW) };
      }
      case "connect": {
        const address = this.#address(argument(1), int(2));
        return { kind: "connect", socket: this.#socket(), address, file: this.#socketFile(address) };
      }
      case "sendto": {
        const length = argument(2);
        if (length > MOST_PAYLOAD) throw new Refused(EMSGSIZE);
        const address = this.#address(argument(4), int(5));
        const payload = this.#copy(argument(1), length);
        return {
          kind: "send",
          socket: this.#socket(),
          address,
          file: this.#socketFile(address),
          payload,
          flags: int(3),
        };
      }
      case "sendmsg":
        return this.#message();
    }
    throw new Error(`${name} is asked about, and nothing copies it`);
  }

  #opening(file: CopiedPath, flags: number, mode: number, resolve = 0): Asked {
    const makes = (flags & (O_CREAT | O_TMPFILE)) !== 0;
    return { kind: "open", file, flags, mode: makes ? this.#masked(mode & 0o7777) : 0, resolve };
  }

  #message(): Asked {
    const { argument, int } = this.#notification;
    const header = this.#view(argument(1), 56); // struct msghdr
    const number = (at: number) => Number(header.getBigUint64(at, true) & 0x1fffffffffffffn);
    const count = number(24), controlLength = number(40);
    if (count > MOST_PARTS) throw new Refused(EMSGSIZE);
    if (controlLength > MOST_CONTROL) throw new Refused(EINVAL);
    const hasName = number(0) !== 0 && header.getUint32(8, true) > 0;
    const address = hasName ? this.#address(number(0), header.getInt32(8, true)) : undefined;
    const parts: Uint8Array[] = [];
    let left = MOST_PAYLOAD;
    if (count > 0) {
      const vectors = this.#view(number(16), count * 16);
      for (let i = 0; i < count && left > 0; i++) {
        const at = Number(vectors.getBigUint64(i * 16, true) & 0x1fffffffffffffn);
        const length = Math.min(left, Number(vectors.getBigUint64(i * 16 + 8, true) & 0x1fffffffffffffn));
        if (length > 0) parts.push(this.#copy(at, length));
        left -= length;
      }
    }
    if (left === 0 && address) throw new Refused(EMSGSIZE);
    const payload = new Uint8Array(MOST_PAYLOAD - left);
    let at = 0;
    for (const part of parts) {
      payload.set(part, at);
      at += part.length;
    }
    const socket = this.#socket();
    const hasControl = number(32) !== 0 && controlLength > 0;
    const control = hasControl ? this.#control(this.#copy(number(32), controlLength)) : undefined;
    const file = address && this.#socketFile(address);
    return { kind: "send", socket, address, file, payload, control, flags: int(2) };
  }

  /** Descriptors in it are replaced by copies of ours. */
  #control(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const view = new DataView(bytes.buffer);
    for (let at = 0; at + 16 <= bytes.length;) {
      const length = Number(view.getBigUint64(at, true)); // struct cmsghdr: u64 length, int level, int type
      if (length < 16 || at + length > bytes.length) throw new Refused(EINVAL);
      const type = view.getInt32(at + 8, true) === SOL_SOCKET ? view.getInt32(at + 12, true) : 0;
      if (type === SCM_CREDENTIALS) throw new Refused(EPERM); // they would be the supervisor's
      for (let i = at + 16; type === SCM_RIGHTS && i + 4 <= at + length; i += 4) {
        view.setInt32(i, this.#descriptor(view.getInt32(i, true)), true);
      }
      at += (length + 7) & ~7;
    }
    return bytes;
  }

  #keep(fd: number): number {
    if (fd < 0) throw new Refused(-fd);
    this.descriptors.push(fd);
    return fd;
  }

  #socket(): number {
    return this.#descriptor(this.#notification.int(0));
  }

  #descriptor(fd: number): number {
    const thread = openThread(this.#notification.thread);
    if (thread < 0) throw new Refused(-thread);
    const copy = descriptorOf(thread, fd);
    close(thread);
    return this.#keep(copy);
  }

  #copy(address: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#memory.copy(this.#notification.thread, address, length);
    if (!bytes) throw new Refused(EFAULT);
    return bytes;
  }

  #view(address: number, length: number): DataView {
    return new DataView(this.#copy(address, length).buffer);
  }

  #string(index: number): ByteString {
    const { thread, argument } = this.#notification;
    const path = this.#memory.readPath(thread, argument(index));
    if (typeof path === "number") throw new Refused(path);
    return path;
  }

  #path(index: number, directory?: number): CopiedPath {
    const path = this.#string(index);
    if (path === "") throw new Refused(ENOENT);
    return this.#rooted(path, directory === undefined ? AT_FDCWD : this.#notification.int(directory));
  }

  /** An absolute path that starts at the directory of the call all the same, or must not be one. */
  #scoped(path: ByteString, resolve: number): CopiedPath | undefined {
    if (!path.startsWith("/")) return undefined;
    if (resolve & RESOLVE_BENEATH) throw new Refused(EXDEV);
    if (!(resolve & RESOLVE_IN_ROOT)) return undefined;
    return this.#rooted(path.replace(/^\/+/, "") || ".", this.#notification.int(0));
  }

  /** What every process calls its own would mean the supervisor's where that looks: it is named outright. */
  #rooted(path: ByteString, directory: number): CopiedPath {
    if (!path.startsWith("/")) {
      const { thread } = this.#notification;
      const start = directory === AT_FDCWD ? `/proc/${thread}/cwd` : `/proc/${thread}/fd/${directory}`;
      const at = openAt(AT_FDCWD, start, O_PATH | O_CLOEXEC);
      return { path, at: this.#keep(at < 0 ? -EBADF : at) };
    }
    if (!/^\/+(proc|dev|etc)\//.test(path)) return { path }; // most: none of those below
    const plain = path.replace(/\/+/g, "/");
    const stream = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].indexOf(plain);
    if (stream >= 0) return this.#ownDescriptor(stream);
    const alias = /^(\/proc\/(?:self|thread-self|mounts|net|\d+)|\/dev\/fd|\/etc\/mtab)(\/.*)?$/.exec(plain);
    if (!alias) return { path };
    const [, name, rest = ""] = alias;
    const process = this.#number("NStgid");
    const own: Record<string, string> = {
      "/proc/self": `/proc/${process}`,
      "/proc/thread-self": `/proc/${process}/task/${this.#number("NSpid")}`,
      "/proc/mounts": `/proc/${process}/mounts`,
      "/proc/net": `/proc/${process}/net`,
      "/dev/fd": `/proc/${process}/fd`,
      "/etc/mtab": `/proc/${process}/mounts`,
    };
    const named = (own[name] ?? name) + rest;
    const [, descriptor] = new RegExp(`^/proc/${process}/(?:task/\\d+/)?fd/(\\d+)$`).exec(named) ?? [];
    if (descriptor !== undefined) return this.#ownDescriptor(Number(descriptor));
    if (named === `/proc/${process}/exe`) return this.#ownLink("exe");
    return { path: named };
  }

  #ownDescriptor(fd: number): CopiedPath {
    return this.#ownLink(`fd/${fd}`);
  }

  #ownLink(name: string): CopiedPath {
    const link = `/proc/${this.#notification.thread}/${name}`;
    return { path: `/proc/self/${name}`, own: this.#keep(openAt(AT_FDCWD, link, O_PATH | O_CLOEXEC)) };
  }

  /** A number of the thread as its box knows it. */
  #number(field: string): string {
    return this.#field(field).split(/\s+/).at(-1)!;
  }

  #masked(mode: number): number {
    return mode & ~parseInt(this.#field("Umask"), 8);
  }

  #field(name: string): string {
    try {
      this.#status ??= Deno.readTextFileSync(`/proc/${this.#notification.thread}/status`);
    } catch {
      throw new Refused(ENOENT); // the thread has gone: nobody hears it
    }
    return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(this.#status)?.[1] ?? "0";
  }

  #address(at: number, length: number): Uint8Array<ArrayBuffer> {
    if (length < 2 || length > MOST_ADDRESS) throw new Refused(EINVAL);
    return this.#copy(at, length);
  }

  #socketFile(address: Uint8Array): CopiedPath | undefined {
    if ((address[0] | address[1] << 8) !== AF_UNIX || address.length === 2 || address[2] === 0) {
      return undefined;
    }
    const end = address.indexOf(0, 2);
    return this.#rooted(fromBytes(address.subarray(2, end < 0 ? address.length : end)), AT_FDCWD);
  }
}

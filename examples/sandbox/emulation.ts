/**
 * Carries out what a program asks for, from the copy of its call. It runs on a thread that is behind the same wall as the
 * program (`enterWall`): the same Landlock rules and no capabilities. So the kernel refuses here what it would refuse
 * there, and no verdict of a policy goes beyond the permissions.
 *
 * Paths are resolved once, from the root of the box, to a descriptor that can do nothing (O_PATH). Its name, as the kernel
 * tells it, is what the policy sees; and this descriptor is what is then opened. Between the two nothing is looked up again.
 */

import { open } from "../../ffi/load.ts";
import type { Asked, CopiedCall, CopiedPath } from "./copied_call.ts";
import { addressText } from "./intercepted_call.ts";
import { type ByteString, toBytes, toText } from "./plan.ts";
import type { PolicyRequest } from "./policy.ts";
import type { Answers } from "./seccomp.ts";
import {
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  close,
  connect,
  EAGAIN,
  EBUSY,
  EEXIST,
  EINPROGRESS,
  EISDIR,
  ENOBUFS,
  ENOENT,
  ENOSYS,
  EXDEV,
  getFlags,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  openAt,
  openAt2,
  readLink,
  renameAt,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  send,
  setFlags,
  symlinkAt,
  truncate,
  unlinkAt,
} from "./system_call.ts";

/** What a call comes to: a value or a negative errno, a descriptor of ours that the program gets, or the kernel's matter. */
export type Result = number | { readonly fd: number; readonly closesOnExec: boolean } | "proceed";

export type Question = Omit<PolicyRequest, "thread" | "program">;

/** A call whose files have been found. */
export interface Prepared {
  /** None where there is nothing to ask. */
  readonly question?: Question;
  /** Does it; an `open` may be of another path of the box. */
  perform(instead?: string): Result | Promise<Result>;
}

const symbols = {
  /** `int poll(struct pollfd *fds, unsigned long count, int timeout)`, on another thread: it only waits */
  poll: { parameters: ["buffer", "u32", "i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

let libc: Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined;
/** This process's descriptors, by their numbers: from here a look at one takes two thirds of the time that it takes from the root. */
let descriptors = -1;

/** Loads what later calls take, as long as files can be opened. For one thread. */
export function loadEmulation(): void {
  libc ??= open("libc.so.6", symbols).symbols;
  descriptors = openAt(AT_FDCWD, "/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/** When no more calls come. */
export function unloadEmulation(): void {
  if (descriptors >= 0) close(descriptors);
  descriptors = -1;
}

/** How often the kernel may be asked again for a path with dots in it while others rename: see openat2(2), EAGAIN. */
const MOST_TRIES = 64;
/** Milliseconds between two looks whether the caller is still there. */
const LOOK = 200;

export class Emulation implements Disposable {
  readonly #call: CopiedCall;
  readonly #answers: Answers;
  /** Closed with it. */
  readonly #held: number[];

  constructor(call: CopiedCall, answers: Answers) {
    this.#call = call;
    this.#answers = answers;
    this.#held = [...call.descriptors];
  }

  [Symbol.dispose](): void {
    for (const fd of this.#held) close(fd);
  }

  /** Finds the files of the call, or the negative errno that it ends with. */
  prepare(): Prepared | number {
    const { asked } = this.#call;
    switch (asked.kind) {
      case "open":
        return this.#opening(asked.file, asked);
      case "exec": {
        const found = this.#find(asked.file, asked.follow ? 0 : O_NOFOLLOW);
        if (found < 0) return found;
        return { question: { call: "exec", path: this.#name(found) }, perform: () => "proceed" };
      }
      case "truncate": {
        const found = this.#find(asked.file, 0);
        if (found < 0) return found;
        return {
          question: { call: "truncate", path: this.#name(found) },
          perform: () => truncate(`/proc/self/fd/${found}`, asked.length),
        };
      }
      case "mkdir":
        return this.#entry("mkdir", asked.file, (at, last) => makeDirectoryAt(at, last, asked.mode));
      case "mknod":
        return this.#entry("mknod", asked.file, (at, last) => makeNodeAt(at, last, asked.mode, asked.device));
      case "symlink":
        return this.#entry("symlink", asked.file, (at, last) => symlinkAt(asked.text, at, last));
      case "remove":
        return this.#entry("remove", asked.file, (at, last) => unlinkAt(at, last, asked.flags));
      case "link": {
        const found = this.#find(asked.file, asked.flags & AT_SYMLINK_FOLLOW ? 0 : O_NOFOLLOW);
        if (found < 0) return found;
        const link = (at: number, last: ByteString) =>
          linkAt(AT_FDCWD, `/proc/self/fd/${found}`, at, last, AT_SYMLINK_FOLLOW);
        const to = this.#entry("link", asked.to, link);
        if (typeof to === "number") return to;
        return { ...to, question: { call: "link", path: this.#name(found), to: to.question!.path } };
      }
      case "rename": {
        const from = this.#parent(asked.file, false), to = this.#parent(asked.to, false);
        if (typeof from === "number") return from;
        if (typeof to === "number") return to;
        return {
          question: { call: "rename", path: from.name, to: to.name },
          perform: () => renameAt(from.at, from.last, to.at, to.last, asked.flags),
        };
      }
      case "connect":
      case "send":
        return this.#reaching(asked);
    }
  }

  #opening(file: CopiedPath, asked: { flags: number; mode: number; resolve: number }): Prepared | number {
    const { flags, mode, resolve } = asked;
    const closesOnExec = (flags & O_CLOEXEC) !== 0;
    const nofollow = flags & O_NOFOLLOW;
    if (flags & O_PATH) {
      // Nobody can be given such a descriptor. In a register, the flags cannot become others: whatever path it is then, the
      // descriptor can read and write nothing.
      return this.#call.name === "openat2" ? -ENOSYS : { perform: () => "proceed" };
    }
    const creates = (flags & O_CREAT) !== 0, isNew = creates && (flags & O_EXCL) !== 0;
    const access = flags & O_ACCMODE;
    const uses = {
      read: access !== O_WRONLY,
      write: access === O_WRONLY || access === O_RDWR || (flags & (O_TRUNC | O_TMPFILE)) !== 0,
    };
    // Waits for nobody: neither for the other end of a FIFO nor for the holder of a lease.
    const always = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_LARGEFILE;
    const settable = flags & (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME);
    const opened = (fd: number): Result => {
      if (fd < 0) return fd;
      this.#held.push(fd);
      setFlags(fd, settable);
      return { fd, closesOnExec };
    };
    const found = isNew ? -ENOENT : this.#find(file, nofollow, resolve);
    if (found === -ENOENT && creates && file.own === undefined) {
      if (file.path.endsWith("/")) return -EISDIR;
      const parent = this.#parent(file, true, resolve);
      if (typeof parent === "number") return parent;
      return {
        question: { call: "open", path: parent.name, ...uses, create: true },
        perform: (instead) =>
          instead === undefined
            ? opened(
              openAt2(parent.at, parent.last, (flags & ~O_NOFOLLOW) | always, RESOLVE_NO_SYMLINKS, mode),
            )
            : this.#instead(instead, asked),
      };
    }
    if (found < 0) return found;
    return {
      question: { call: "open", path: this.#name(found), ...uses, create: (flags & O_TMPFILE) !== 0 },
      perform: (instead) =>
        instead === undefined
          ? opened(
            openAt(
              descriptors,
              String(found),
              flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW) | always,
              mode,
            ),
          )
          : this.#instead(instead, asked),
    };
  }

  #instead(path: string, asked: { flags: number; mode: number }): Result | Promise<Result> {
    const prepared = this.#opening({ path: toBytes(path) }, { ...asked, resolve: 0 });
    return typeof prepared === "number" ? prepared : prepared.perform();
  }

  /** The file that a path means: an O_PATH descriptor, or a negative errno. */
  #find({ path, at, own }: CopiedPath, flags: number, resolve = 0): number {
    if (own !== undefined) return own;
    const { root } = this.#call;
    const exact = flags | O_PATH | O_CLOEXEC;
    const isScoped = (resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)) !== 0;
    // A link that is absolute leads to the root of who looks it up, and here that is the host's. So nothing may leave the
    // directory; what would, is looked up again from the root of the box.
    let found = at === undefined
      ? lookedUp(root, path, exact, resolve | RESOLVE_IN_ROOT)
      : lookedUp(at, path, exact, isScoped ? resolve : resolve | RESOLVE_BENEATH);
    if (found === -EXDEV && at !== undefined && !isScoped) {
      const start = readLink(String(at), descriptors) ?? "/";
      found = lookedUp(root, `${start}/${path}`, exact, resolve | RESOLVE_IN_ROOT);
    }
    if (found >= 0) this.#held.push(found);
    return found;
  }

  #name(fd: number): string {
    return toText(readLink(String(fd), descriptors) ?? "");
  }

  /** The directory of a name that is about to be made or removed, and the name in it. */
  #parent(
    { path, at }: CopiedPath,
    isNew: boolean,
    resolve = 0,
  ): { at: number; last: ByteString; name: string } | number {
    const plain = path.replace(/\/+$/, "");
    const end = plain.lastIndexOf("/") + 1;
    const last = plain.slice(end);
    if (last === "" || last === "." || last === "..") return -(isNew ? EEXIST : EBUSY);
    const directory = this.#find({ path: plain.slice(0, end) || ".", at }, O_DIRECTORY, resolve);
    if (directory < 0) return directory;
    const name = this.#name(directory);
    return { at: directory, last, name: `${name === "/" ? "" : name}/${toText(last)}` };
  }

  #entry(
    call: Question["call"],
    file: CopiedPath,
    change: (directory: number, last: ByteString) => number,
  ): Prepared | number {
    const parent = this.#parent(file, call !== "remove");
    if (typeof parent === "number") return parent;
    return { question: { call, path: parent.name }, perform: () => change(parent.at, parent.last) };
  }

  #reaching(asked: Asked & { kind: "connect" | "send" }): Prepared | number {
    let address = asked.kind === "send" ? withFamily(asked.address) : asked.address;
    let shown = address && addressText(address);
    if (asked.file) {
      const found = this.#find(asked.file, 0);
      if (found < 0) return found;
      shown = `unix ${JSON.stringify(this.#name(found))}`;
      address = unixAddress(`/proc/self/fd/${found}`);
    }
    const { kind, socket } = asked;
    return {
      // What goes to the other end of a connection was asked about when that was made.
      ...(shown !== undefined && { question: { call: kind, address: shown } }),
      perform: () =>
        kind === "connect"
          ? this.#connected(socket, address!)
          : this.#sent(socket, () => send(socket, { ...asked, address }), asked.flags),
    };
  }

  async #connected(socket: number, address: Uint8Array<ArrayBuffer>): Promise<number> {
    const flags = getFlags(socket);
    if (flags & O_NONBLOCK) return connect(socket, address);
    for (;;) {
      setFlags(socket, flags | O_NONBLOCK);
      const result = connect(socket, address);
      setFlags(socket, flags);
      if (result === -EINPROGRESS) {
        return await this.#writable(socket) ? connect(socket, address) : -EAGAIN; // which tells how it went
      }
      if (result !== -EAGAIN) return result; // else a Unix server has too many who wait
      await new Promise((done) => setTimeout(done, 10));
      if (!this.#answers.stillWaits(this.#call.id)) return -EAGAIN;
    }
  }

  async #sent(socket: number, attempt: () => number, flags: number): Promise<number> {
    const MSG_DONTWAIT = 0x40, MSG_ZEROCOPY = 0x4000000;
    if (flags & MSG_ZEROCOPY) return -ENOBUFS; // the kernel would send what is in our memory later on
    const mayWait = !(flags & MSG_DONTWAIT) && !(getFlags(socket) & O_NONBLOCK);
    for (;;) {
      const result = attempt();
      if (result !== -EAGAIN || !mayWait || !await this.#writable(socket)) return result;
    }
  }

  /** Waits for room in the socket. False when the caller has gone. */
  async #writable(socket: number): Promise<boolean> {
    const POLLOUT = 4;
    const entry = new Int32Array([socket, POLLOUT]); // struct pollfd: int fd; short events, revents
    while (this.#answers.stillWaits(this.#call.id)) {
      if (await libc!.poll(new Uint8Array(entry.buffer), 1, LOOK) > 0) return true;
    }
    return false;
  }
}

function lookedUp(directory: number, path: ByteString, flags: number, resolve: number): number {
  for (let tries = 1;; tries++) {
    const found = openAt2(directory, path, flags, resolve | RESOLVE_NO_MAGICLINKS);
    if (found !== -EAGAIN || tries === MOST_TRIES) return found;
  }
}

/** Datagrams to an address without a family go to what it is for IPv4: udp_sendmsg in net/ipv4/udp.c. */
function withFamily(address: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> | undefined {
  const AF_INET = 2;
  if (!address || address[0] !== 0 || address[1] !== 0) return address;
  return Uint8Array.from(address, (byte, i) => i === 0 ? AF_INET : byte);
}

function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array([1, 0, ...new TextEncoder().encode(`${path}\0`)]); // AF_UNIX
}

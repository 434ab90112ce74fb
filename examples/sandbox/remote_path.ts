/**
 * Finds out which file a path of another process means, as the kernel would: relative to a directory of that process,
 * below its root, through symbolic links. Paths are strings of bytes (characters 0 to 255), as in `RemoteMemory`.
 *
 * Results are names in the supervisor's own file system, also for a process that has changed its root. For a process
 * with mounts of its own (another mount namespace) they are names in that process's file system.
 */

import { open } from "../../ffi/load.ts";
import { fromBytes } from "./plan.ts";

const symbols = {
  /** `ssize_t readlink(const char *path, char *target, size_t bytes)`; both fit an int here */
  readlink: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
  /** `int statx(int directory, const char *path, int flags, unsigned int mask, struct statx *out)` */
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ENOENT = 2, EBADF = 9, ELOOP = 40;
const AT_SYMLINK_NOFOLLOW = 0x100, AT_NO_AUTOMOUNT = 0x800;
const STATX_INO = 0x100;
/** As in the kernel (fs/namei.c). */
const MOST_LINKS = 40;

/** The directory argument that stands for the working directory. */
export const AT_FDCWD = -100;

/** Links of procfs that lead to a file as the supervisor names it, not as the process with its own root would. */
const leadsOutOfRoot = /^\/proc\/\d+\/(task\/\d+\/)?(cwd|root|exe|fd\/\d+)$/;

export interface RemotePath {
  readonly path: string;
  /** The directory that a relative path starts at: a descriptor of the process, or AT_FDCWD. */
  readonly directory: number;
  /** Whether a link in the last place is followed. */
  readonly follow: boolean;
  /** Whether the directory is the root of the path (RESOLVE_IN_ROOT of openat2). */
  readonly scoped?: boolean;
}

export interface Location {
  /** Absolute, without links and dots. What does not exist yet is in it as written. */
  readonly name: string;
  /** What to prefix for the supervisor to reach it. */
  readonly view: string;
}

export class PathResolver {
  readonly #libc = open("libc.so.6", symbols).symbols;
  readonly #target = new Uint8Array(4096);
  readonly #status = new Uint8Array(256); // struct statx
  readonly #ownMounts = this.#link("/proc/self/ns/mnt");

  /** The location, or the errno that the kernel would give. */
  resolve(thread: number, { path, directory, follow, scoped = false }: RemotePath): Location | number {
    const process = `/proc/${thread}`;
    const mounts = this.#link(`${process}/ns/mnt`);
    const rootName = this.#link(`${process}/root`);
    if (mounts === undefined || rootName === undefined) return ENOENT; // the process has gone
    const view = mounts === this.#ownMounts ? "" : `${process}/root`;
    let root = view || rootName === "/" ? "" : rootName;

    const startsAtDirectory = scoped || !path.startsWith("/");
    const start = !startsAtDirectory
      ? root
      : this.#link(directory === AT_FDCWD ? `${process}/cwd` : `${process}/fd/${directory}`);
    if (start === undefined) return EBADF;
    let name = start === "/" ? "" : start;
    if (scoped) root = name;

    const rest = path.split("/").reverse();
    let links = 0;
    for (let part = rest.pop(); part !== undefined; part = rest.pop()) {
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (name !== root) name = name.slice(0, name.lastIndexOf("/"));
        continue;
      }
      const next = `${name}/${part}`;
      let target = follow || rest.length > 0 ? this.#link(view + next) : undefined;
      // procfs answers who reads, the supervisor: "self" is its number, and no link at all where it has none.
      if (part === "self" && (target === String(Deno.pid) || view && next === "/proc/self")) {
        target = identifiers(thread, view).process;
      }
      if (
        part === "thread-self" &&
        (target?.startsWith(`${Deno.pid}/task/`) || view && next === "/proc/thread-self")
      ) {
        const { process, thread: own } = identifiers(thread, view);
        target = `${process}/task/${own}`;
      }
      if (target === undefined) {
        name = next;
        continue;
      }
      if (++links > MOST_LINKS) return ELOOP;
      if (target.startsWith("/")) name = leadsOutOfRoot.test(next) ? "" : root;
      rest.push(...target.split("/").reverse());
    }
    return { name: name || "/", view };
  }

  /** What stays the same under another name (a hard link, a bind mount): device and inode. */
  identity({ name, view }: Location): string | undefined {
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    if (this.#libc.statx(AT_FDCWD, cString(view + name), flags, STATX_INO, this.#status) < 0) {
      return undefined;
    }
    const view64 = new DataView(this.#status.buffer);
    const device = `${view64.getUint32(136, true)}:${view64.getUint32(140, true)}`;
    return `${device}:${view64.getBigUint64(32, true)}`;
  }

  /** Where a link points to, or undefined for everything else. */
  #link(path: string): string | undefined {
    const length = this.#libc.readlink(cString(path), this.#target, this.#target.length);
    return length < 0 ? undefined : fromBytes(this.#target.subarray(0, length));
  }
}

/** The numbers of a thread and its process, in the supervisor's PID namespace or (with a view) in its own. */
function identifiers(thread: number, view: string): { process: string; thread: string } {
  const status = readStatus(thread);
  const number = (field: string) => {
    const all = new RegExp(`^${field}:\\s*(.*)$`, "m").exec(status)?.[1].split("\t") ?? [];
    return (view ? all.at(-1) : all[0]) ?? "";
  };
  return { process: number("NStgid"), thread: number("NSpid") };
}

/** Empty when the thread has gone: then its call no longer waits. */
function readStatus(thread: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${thread}/status`);
  } catch {
    return "";
  }
}

function cString(path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(path.length + 1);
  for (let i = 0; i < path.length; i++) bytes[i] = path.charCodeAt(i);
  return bytes;
}

/**
 * From permissions to what the kernel enforces: a Landlock ruleset, mounts for what is denied inside of what is allowed,
 * namespaces, a seccomp filter. All of it is fixed before the program runs; nobody is asked afterwards.
 */

import { type Asked, filterProgram, type Reported, type Sockets } from "./filter.ts";
import {
  EXECUTE,
  IOCTL_DEV,
  landlockAbi,
  READ,
  READ_FILE,
  Ruleset,
  TRUNCATE,
  wantedAbi,
  WRITE,
  WRITE_FILE,
} from "./landlock.ts";
import { type Destination, destinationOf } from "./proxy.ts";
import { libraryDirectories, linked, loaderCache } from "./linked.ts";
import type { Granted } from "./needs.ts";
import { type Allowance, type Kind, PermissionError, type Permissions } from "./permissions.ts";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  type MountKind,
  type Plan,
} from "./plan.ts";

/** The machine cannot keep a promise that the permissions make. */
export class CannotEnforce extends Error {
  /** `"CannotEnforce"` */
  override readonly name = "CannotEnforce";

  /** For who builds a wall. */
  constructor(what: string) {
    super(`${what} --best-effort accepts that.`);
  }
}

/**
 * What decides on files, programs and ports: Landlock, in the kernel, or a tracer of this process (ptrace.ts), which looks at
 * names before the kernel does and is no wall against a program that changes them meanwhile.
 */
export type Platform = "landlock" | "ptrace";

export interface WallOptions {
  readonly platform: Platform;
  readonly permissions: Permissions;
  /** The file that is executed. */
  readonly program: string;
  /** What relative paths and names of programs are relative to. */
  readonly directory: string;
  /** For the names of programs in permissions to run: directories, separated by colons. */
  readonly path: string;
  /** What cannot be enforced is reported to this function, and else throws. */
  readonly bestEffort?: (message: string) => void;
}

/** The part of the plan that says what the program may do. */
export type Bounds = Pick<
  Plan,
  "namespaces" | "readOnly" | "ownProc" | "restrict" | "filter" | "rules" | "mounts"
>;

export interface Wall extends Disposable {
  readonly bounds: Bounds;
  readonly granted: Granted;
  readonly ruleset: Ruleset | undefined;
  readonly proxied?: Proxied;
}

/** What every program expects to be there, and which gives nothing away. */
const plainDevices = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
/** What a box has of its own: the rules for that can be made only inside. */
const ownPlaces = ["/proc", "/dev/pts", "/dev/ptmx"];

/** Nothing is refused, for seeing what a program needs beyond what every program has. It is a box nevertheless. */
export function noWall(options: WallOptions, reported: readonly Reported[]): Wall {
  using wall = buildWall(options, []);
  const bounds: Bounds = {
    namespaces: wall.bounds.namespaces & ~CLONE_NEWNET,
    readOnly: false,
    ownProc: true,
    restrict: false,
    filter: filterProgram(reported, undefined),
    rules: [],
    mounts: [{ path: "/dev", kind: "kept" }],
  };
  return { bounds, granted: wall.granted, ruleset: undefined, [Symbol.dispose]() {} };
}

export function buildWall(
  options: WallOptions,
  reported: readonly Reported[],
  asked: Asked = "listener",
): Wall {
  const { permissions, platform, bestEffort } = options;
  const giveUp = (what: string) => {
    const refusal = new CannotEnforce(what);
    if (!bestEffort) throw refusal;
    bestEffort(what);
  };
  const tracerDecides = platform === "ptrace";
  const abi = tracerDecides ? 0 : landlockAbi();
  if (!tracerDecides && abi < wantedAbi) {
    giveUp(
      `Landlock is at version ${abi} here, and ${wantedAbi} is what a wall takes: --platform=ptrace does without.`,
    );
  }
  const network = networkOf(permissions, giveUp);
  if (tracerDecides && network.sockets.unix) {
    giveUp(
      "--platform=ptrace does not keep the program from abstract Unix sockets, with Unix sockets allowed.",
    );
  }
  const files = new FileRules(options, giveUp);
  const ruleset = abi > 0 ? new Ruleset(abi, { ports: network.ports !== undefined }) : undefined;
  try {
    for (const [path, rights] of files.rights) ruleset?.allowPath(path, rights);
    for (const port of network.ports ?? []) ruleset?.allowPort(port);
    return {
      bounds: {
        namespaces: CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | (network.none ? CLONE_NEWNET : 0) |
          (mayMakeNamespaces() ? 0 : CLONE_NEWUSER),
        readOnly: permissions.write.allow !== true,
        ownProc: true,
        restrict: ruleset !== undefined,
        filter: filterProgram(reported, network.sockets, asked),
        rules: [...files.late].map(([path, rights]) => ({
          path,
          rights: ruleset?.applicable(rights, Deno.statSync(path).isDirectory) ?? 0,
        })),
        mounts: files.mounts,
      },
      granted: {
        rights: new Map([...files.rights, ...files.late]),
        mounts: files.mounts,
        net: permissions.net.allow === true || [
          ...(network.ports ?? []).map((port) => `:${port}`),
          ...(network.proxied ? ["proxy"] : []),
          ...(network.sockets.unix ? ["unix"] : []),
        ],
      },
      ruleset,
      proxied: network.proxied,
      [Symbol.dispose]: () => ruleset?.[Symbol.dispose](),
    };
  } catch (error) {
    ruleset?.[Symbol.dispose]();
    throw error;
  }
}

/** CAP_SYS_ADMIN is what making them takes; else a user namespace gives it. */
function mayMakeNamespaces(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? "0";
  const CAP_SYS_ADMIN = 21n;
  return (BigInt(`0x${effective}`) >> CAP_SYS_ADMIN & 1n) === 1n;
}

interface Network {
  /** A namespace of its own, with nothing but a loopback device. */
  readonly none: boolean;
  readonly ports?: readonly number[];
  readonly sockets: Sockets;
  /** What goes through a proxy, as hosts are what only that can tell apart. */
  readonly proxied?: Proxied;
}

export interface Proxied {
  readonly allowed: readonly Destination[];
  readonly denied: readonly Destination[];
}

function networkOf({ net }: Permissions, giveUp: (what: string) => void): Network {
  const { allow, deny } = net;
  const denied = deny === false || deny === true ? [] : deny;
  if (allow === true) {
    if (denied.length > 0) {
      giveUp(
        `--deny-net=${denied.join(",")} inside of --allow-net cannot be enforced: list what is allowed.`,
      );
    }
    return { none: false, sockets: { families: "all", unix: true } };
  }
  const wanted = (allow === false ? [] : allow).filter((entry) => !denied.includes(entry));
  const unix = wanted.includes("unix");
  const destinations = (entries: readonly string[]) =>
    entries.filter((entry) => entry !== "unix").map((entry) => {
      const destination = destinationOf(entry);
      if (destination) return destination;
      throw new PermissionError(
        `--allow-net=${entry}: it takes HOST:PORT, HOST, :PORT (of any host), or unix.`,
      );
    });
  const allowed = destinations(wanted), without = destinations(denied);
  // The kernel knows ports and no hosts.
  if ([...allowed, ...without].some(({ host, port }) => host !== undefined || port === undefined)) {
    const proxied = { allowed, denied: without };
    return { none: true, sockets: { families: "internet", unix }, proxied };
  }
  const ports = allowed.map(({ port }) => port!);
  const none = ports.length === 0;
  return { none, ports: none ? undefined : ports, sockets: { families: none ? "internet" : "tcp", unix } };
}

/** Of a path that is absolute and free of links and dots. */
function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function isOwnPlace(path: string): boolean {
  return ownPlaces.some((place) => isWithin(path, place));
}

class FileRules {
  readonly rights = new Map<string, number>();
  readonly late = new Map<string, number>();
  readonly mounts: { path: string; kind: MountKind }[] = [];
  readonly #options: WallOptions;
  readonly #giveUp: (what: string) => void;

  constructor(options: WallOptions, giveUp: (what: string) => void) {
    this.#options = options;
    this.#giveUp = giveUp;
    const { read, write, run } = options.permissions;
    const denied = {
      read: this.#paths("read", "deny", read.deny),
      write: this.#paths("write", "deny", write.deny),
      run: this.#paths("run", "deny", run.deny),
    };
    const allowed = {
      read: this.#paths("read", "allow", read.allow),
      write: this.#paths("write", "allow", write.allow),
      run: this.#paths("run", "allow", run.allow),
    };
    const isFree = (...lists: (readonly string[])[]) => (path: string) =>
      !lists.flat().some((directory) => isWithin(path, directory));
    const grant = (paths: Iterable<string>, rights: number, ...lists: (readonly string[])[]) => {
      for (const path of paths) if (isFree(...lists)(path)) this.#add(path, rights);
    };
    grant(allowed.read, READ, denied.read);
    grant(allowed.write, WRITE, denied.write);
    grant(allowed.run, run.allow === true ? EXECUTE : EXECUTE | READ, denied.run, denied.read);
    grant(plainDevices, READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV);
    const isDirectory = (path: string) => path !== options.program && !Deno.statSync(path).isFile;
    for (const program of [options.program, ...allowed.run.filter((path) => !isDirectory(path))]) {
      const { execute, read } = linked(program);
      grant(existing(execute), EXECUTE, denied.run, denied.read);
      grant(existing(read), READ_FILE, denied.read);
    }
    // The kernel reads what it executes, by the program's rights: what is on PATH can be read, and libraries.
    if (allowed.run.some(isDirectory)) {
      grant(existing([...libraryDirectories, loaderCache]), READ, denied.read);
    }
    if (run.allow === true) grant(existing(options.path.split(":")), READ, denied.read, denied.run);

    // A device has to be named, or what it is in below /dev: /dev itself does not stand for the disks.
    const devices = [...allowed.read, ...allowed.write].filter((path) => path.startsWith("/dev/"));
    const kept = new Set([...plainDevices, ...devices]);
    const isKept = (path: string) => path !== "/dev" && !isOwnPlace(path) && exists(path);
    if (write.allow !== true) { for (const path of allowed.write) kept.add(path); }
    for (const path of kept) if (isKept(path)) this.mounts.push({ path, kind: "kept" });
    const inside = (list: readonly string[]) => (path: string) =>
      list.some((directory) => isWithin(path, directory) && path !== directory);
    for (const path of denied.write.filter(inside(allowed.write))) {
      this.#mount(path, "protected", allowed.write);
    }
    for (const path of denied.read.filter(inside([...allowed.read, ...allowed.run]))) {
      this.#mount(path, "covered", allowed.write);
    }
    for (const path of denied.run.filter(inside(allowed.run))) this.#mount(path, "covered", allowed.write);
    this.mounts.sort((a, b) => a.path.length - b.path.length); // what contains another comes first
  }

  #mount(path: string, kind: MountKind, writable: readonly string[]): void {
    if (isOwnPlace(path)) {
      throw new PermissionError(`${path} cannot be denied by itself: allow less instead.`);
    }
    this.#push(path, kind);
    // Else the program could move what it is in, and put something of its own in its place.
    for (let above = parentOf(path); above !== "/"; above = parentOf(above)) {
      if (writable.some((directory) => isWithin(above, directory))) this.#push(above, "pinned");
    }
  }

  #push(path: string, kind: MountKind): void {
    if (!this.mounts.some((mount) => mount.path === path && mount.kind === kind)) {
      this.mounts.push({ path, kind });
    }
  }

  #add(path: string, rights: number): void {
    if (!exists(path)) return;
    // The other end of a terminal is opened by a call on the first, which no trace shows.
    if (path === "/dev/ptmx") this.#add("/dev/pts", rights);
    const list = isOwnPlace(path) ? this.late : this.rights;
    list.set(path, (list.get(path) ?? 0) | rights);
  }

  /** Absolute, and free of links. `true` is the root. */
  #paths(kind: Kind, which: "allow" | "deny", allowance: Allowance): string[] {
    if (typeof allowance === "boolean") return allowance ? ["/"] : [];
    return allowance.flatMap((name) => {
      const { directory, path } = this.#options;
      const candidate = kind === "run" && !name.includes("/")
        ? path.split(":").map((folder) => `${folder || "."}/${name}`).find(exists) ?? name
        : name;
      const absolute = candidate.startsWith("/") ? candidate : `${directory}/${candidate}`;
      try {
        if (isOwnPlace(absolute)) return [absolute.replace(/\/+$/, "")]; // it is looked up in the box
        return [Deno.realPathSync(absolute)];
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        const flag = `--${which}-${kind}=${name}`;
        if (which === "allow") {
          throw new PermissionError(
            `${flag}: there is no such file. Allow the directory that it will be in.`,
          );
        }
        this.#giveUp(`${flag}: there is no such file, and what does not exist cannot be covered.`);
        return [];
      }
    });
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Free of links, since what is denied is. */
function existing(paths: Iterable<string>): string[] {
  return [...paths].filter(exists).map((path) => Deno.realPathSync(path));
}

/**
 * Programs behind a wall, from TypeScript: Deno's permissions for any program, kept by the kernel.
 *
 * @module
 */

import { Channel, type Scheduler } from "../../mod.js";
import { Socket } from "node:net";
import { Readable, Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { cString, open } from "../../ffi/load.ts";
import { type Limits, startBox, type Trace } from "./box.ts";
import { closeAll } from "./launch.ts";
import { PermissionError, type PermissionOptions, permissionsOf } from "./permissions.ts";
import { toBytes } from "./plan.ts";
import type { CallEvent } from "./log.ts";
import { type Policy, PolicyError } from "./policy.ts";
import type { Platform } from "./wall.ts";

export type { Limits, Trace } from "./box.ts";
export { type Allowance, type Kind, PermissionError, type PermissionOptions } from "./permissions.ts";
export type { CallEvent } from "./log.ts";
export { type Policy, PolicyError, type PolicyRequest, type Verdict } from "./policy.ts";
export { ProgramError } from "./program.ts";
export { CannotEnforce, type Platform } from "./wall.ts";

/** As for `Deno.Command`. */
export type Stream = "piped" | "inherit" | "null";

/** What to run, and what it may do. */
export interface SandboxOptions {
  /** The program, by its path or its name on PATH, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]];
  /** What it may do; nothing by default. Relative paths start at `cwd`. */
  readonly permissions?: PermissionOptions;
  /** Its working directory; this process's own by default. */
  readonly cwd?: string;
  /** Its environment, of which it gets what its permissions allow; this process's own by default. */
  readonly env?: Readonly<Record<string, string>>;
  /** `"null"` by default. */
  readonly stdin?: Stream;
  /** `"inherit"` by default. */
  readonly stdout?: Stream;
  /** `"inherit"` by default. */
  readonly stderr?: Stream;
  /** None by default. */
  readonly limits?: Limits;
  /**
   * Finds out what the program does beyond its permissions, at the cost of some 20 us for each call that opens, executes
   * or connects. `"learn"` lets it do that, `"refused"` does not. `"results"` is `"refused"` with the results of all calls
   * in `events`: a tracer waits for their ends, at some 50 us for each, and the program can neither trace nor be traced.
   */
  readonly trace?: Trace;
  /** Whether `events` of the box tells of those calls. False by default. */
  readonly events?: boolean;
  /**
   * A module whose default export is a `Policy`, by its URL or absolute path. It is imported by a thread of its own, one for
   * each box, which is behind the wall of the box itself. It can only take away from the permissions.
   */
  readonly policy?: string | URL;
  /**
   * The same as a function of this thread: some 100 us for each call, and it can ask whoever is here. It must answer within
   * 1,000 ms as well; what it throws, and no answer, is a denial. Not together with `policy`.
   */
  readonly onRequest?: Policy;
  /**
   * `"landlock"` by default. `"ptrace"` is for kernels without that: a tracer on a thread of its own decides, some 50 us for
   * each call, and a program that changes a path after the tracer has read it gets what that names then. It is no wall
   * against hostile programs. Not together with a policy, or `trace: "learn"`.
   */
  readonly platform?: Platform;
  /** Gets what this machine cannot enforce; without it that is a `CannotEnforce`. */
  readonly bestEffort?: (message: string) => void;
}

/** How a program has ended. */
export interface SandboxStatus {
  /** Whether `code` is 0. */
  readonly success: boolean;
  /** That of the program; 128+N when signal N ended it, 126 or 127 when it could not be executed. */
  readonly code: number;
  /** The number of the signal that ended it. */
  readonly signal: number | null;
  /** With `trace`: flags for what the program needed and had no permission for. */
  readonly flags: readonly string[];
}

/** A running program, and all that it has started. Disposing of it ends them, and waits for their end. */
export interface Sandbox extends AsyncDisposable {
  /** What the program reads, if that is `"piped"`; else using it throws a `TypeError`. As are the other two. */
  readonly stdin: WritableStream<Uint8Array<ArrayBuffer>>;
  /** What it writes. */
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** What it says of errors. */
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * With `events`: calls that open, execute, change or connect, and those that a policy was asked about. Up to 1,024 wait to
   * be read, and what comes then is dropped. It ends with the box.
   */
  readonly events: ReadableStream<CallEvent>;
  /** Settles when the program and all that it has left behind have ended. */
  readonly status: Promise<SandboxStatus>;
  /** Sends the program a signal, by its number. False when it has ended. */
  signal(number: number): boolean;
  /** Ends all of them at once. */
  kill(): void;
}

const symbols = {
  /** `int pipe2(int fds[2], int flags)` */
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  /** `int open(const char *path, int flags)` */
  open: { parameters: ["buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const MOST_EVENTS = 1024;
const O_RDWR_CLOEXEC = 0o2000002, O_CLOEXEC = 0o2000000;

/** One of the three: the program's descriptor, and what is ours of a pipe. */
interface End {
  readonly fd: number;
  readonly isOurs: boolean;
  readonly pipe?: Pipe;
}

/**
 * Our end of a pipe. Node's sockets read and write it without blocking: as a file of Deno's, each read would hold one of the
 * 32 threads that it has for files, and more boxes than that could wait for each other for ever.
 */
class Pipe {
  readonly #fd: number;
  #socket: Socket | undefined;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBuffer>> | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= Readable.toWeb(
      this.#open({ readable: true, writable: false }),
    ) as ReadableStream<Uint8Array<ArrayBuffer>>;
  }

  get writable(): WritableStream<Uint8Array<ArrayBuffer>> {
    return this.#writable ??= Writable.toWeb(this.#open({ readable: false, writable: true }));
  }

  #open(direction: { readable: boolean; writable: boolean }): Socket {
    return this.#socket = new Socket({ fd: this.#fd, ...direction });
  }

  /** A stream that came to its end has closed it already. */
  close(): void {
    if (this.#socket) this.#socket.destroy();
    else closeAll(this.#fd);
  }
}

function openEnd(kind: Stream, number: 0 | 1 | 2): End {
  const libc = open("libc.so.6", symbols).symbols;
  if (kind === "inherit") return { fd: number, isOurs: false };
  if (kind === "null") return { fd: libc.open(cString("/dev/null"), O_RDWR_CLOEXEC), isOurs: true };
  const pipe = new Int32Array(2);
  if (libc.pipe2(pipe, O_CLOEXEC) < 0) throw new Error("Making a pipe failed: no descriptors left.");
  const [theirs, ours] = number === 0 ? pipe : [pipe[1], pipe[0]];
  return { fd: theirs, isOurs: true, pipe: new Pipe(ours) };
}

function environmentOf(env: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(
    Object.entries(env).map(([name, value]) => {
      if (name === "" || /[=\0]/.test(name) || value.includes("\0")) {
        throw new PermissionError(
          `The environment cannot have ${JSON.stringify(name)} = ${JSON.stringify(value)}.`,
        );
      }
      return [toBytes(name), toBytes(value)];
    }),
  );
}

/**
 * Starts a program that can do what is allowed, and nothing else: it gets a Landlock ruleset, namespaces, a seccomp filter
 * and no capabilities. Its supervisor is a task on a thread of its own. The calling thread has to live as long as the box.
 *
 * Throws a `ProgramError` when there is no such program, a `PermissionError` when a permission is not one, and
 * `CannotEnforce` when this machine cannot keep a promise.
 *
 * ```ts
 * import { Scheduler } from "@heddle/heddle";
 * import { sandbox } from "@heddle/heddle/sandbox";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * await using box = await sandbox(sched, {
 *   command: ["cat", "/etc/hostname", "/etc/passwd"],
 *   permissions: { read: ["/etc/hostname"] },
 *   stdout: "piped",
 *   stderr: "null",
 * });
 * console.log(await new Response(box.stdout).text()); // the name, and no passwords
 * console.log((await box.status).code); // 1: cat was refused the other file
 * ```
 */
export async function sandbox(scheduler: Scheduler, options: SandboxOptions): Promise<Sandbox> {
  const { os, arch } = Deno.build;
  if (arch !== "x86_64") throw new Error(`The sandbox is for linux x86_64, and this is ${os} ${arch}.`);
  const { command, permissions = {}, limits, trace, policy, onRequest, platform, bestEffort } = options;
  if (trace !== undefined && trace !== "learn" && trace !== "refused" && trace !== "results") {
    throw new PermissionError(
      `There is no trace ${JSON.stringify(trace)}: give "learn", "refused" or "results".`,
    );
  }
  if (policy !== undefined && onRequest !== undefined) {
    throw new PolicyError("There are a policy and onRequest: give one of them.");
  }
  if (platform !== undefined && platform !== "landlock" && platform !== "ptrace") {
    throw new PermissionError(
      `There is no platform ${JSON.stringify(platform)}: give "landlock" or "ptrace".`,
    );
  }
  if (command.some((argument) => argument.includes("\0"))) {
    throw new PermissionError("The command has a NUL character in it: no program can get that.");
  }
  const events = options.events ? new Channel<CallEvent>(scheduler, MOST_EVENTS) : undefined;
  const streams = [
    openEnd(options.stdin ?? "null", 0),
    openEnd(options.stdout ?? "inherit", 1),
    openEnd(options.stderr ?? "inherit", 2),
  ] as const;
  try {
    const box = await startBox(scheduler, {
      argv: command.map(toBytes),
      permissions: permissionsOf(permissions),
      directory: options.cwd === undefined ? Deno.cwd() : Deno.realPathSync(options.cwd),
      environment: environmentOf(options.env ?? Deno.env.toObject()),
      path: options.env?.PATH ?? Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
      limits,
      ...((trace || events) &&
        { trace: { kind: trace ?? "refused", timed: false, showing: { json: false, events } } }),
      policy: policy === undefined ? onRequest : moduleUrl(policy),
      platform,
      bestEffort,
      streams: [streams[0].fd, streams[1].fd, streams[2].fd],
    });
    const end = () => events?.close();
    box.outcome.then(end, end);
    const stream = events && ReadableStream.from(events);
    const status = box.outcome.then(({ waitStatus, execError, flags }): SandboxStatus => {
      const signal = waitStatus & 0x7f;
      const ENOENT = 2;
      const code = execError !== undefined
        ? execError === ENOENT ? 127 : 126
        : signal
        ? 128 + signal
        : waitStatus >> 8 & 0xff;
      return { success: code === 0, code, signal: signal || null, flags };
    });
    const pipe = (number: 0 | 1 | 2, name: string): Pipe => {
      const { pipe } = streams[number];
      if (!pipe) throw new TypeError(`${name} is not "piped".`);
      return pipe;
    };
    return {
      get stdin() {
        return pipe(0, "stdin").writable;
      },
      get stdout() {
        return pipe(1, "stdout").readable;
      },
      get stderr() {
        return pipe(2, "stderr").readable;
      },
      get events() {
        if (!stream) throw new TypeError("events are not asked for: give events: true.");
        return stream;
      },
      status,
      signal: (number) => box.signal(number),
      kill: () => box.kill(),
      async [Symbol.asyncDispose]() {
        box.kill();
        await status.catch(() => {}); // whoever asked for it was told
        for (const { pipe } of streams) pipe?.close();
      },
    };
  } catch (error) {
    for (const { pipe } of streams) pipe?.close();
    throw error;
  } finally {
    for (const { fd, isOurs } of streams) if (isOurs) closeAll(fd);
  }
}

function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (module.startsWith("/")) return pathToFileURL(module).href;
  if (URL.canParse(module)) return module;
  throw new PolicyError(`The policy ${JSON.stringify(module)} is neither a URL nor an absolute path.`);
}

/** One program behind its wall, from start to end. */

import type { Scheduler } from "../../mod.js";
import { ControlGroup } from "./cgroup.ts";
import { asked } from "./copied_call.ts";
import { describedPlan } from "./described.ts";
import type { Reported } from "./filter.ts";
import { intercepted } from "./intercepted_call.ts";
import {
  closeAll,
  end,
  kill,
  launch,
  LaunchError,
  processOf,
  reap,
  signal,
  Stage,
  type Streams,
} from "./launch.ts";
import type { Showing } from "./log.ts";
import { allowedEnvironment, PermissionError, type Permissions } from "./permissions.ts";
import {
  type ByteString,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  toText,
} from "./plan.ts";
import { Proxy, proxyEnvironment } from "./proxy.ts";
import { traceBox } from "./ptrace.ts";
import { findProgram } from "./program.ts";
import { type Policy, PolicyError } from "./policy.ts";
import { PolicyThread } from "./policy_thread.ts";
import { type Outcome, Supervision } from "./supervisor.ts";
import { buildWall, CannotEnforce, noWall, type Platform } from "./wall.ts";

/**
 * Memory, processes and CPUs are limited for all of the box together where a cgroup (v2) is delegated to this process. Else,
 * and for all others but the time, each is a limit of every process by itself (setrlimit(2)).
 */
export interface Limits {
  /** Milliseconds that all may take: then the box is ended. */
  readonly timeout?: number;
  /** Bytes. Without a cgroup those of address space, which some programs take a lot of. */
  readonly memory?: number;
  /** Processes and threads of the program. Root's are counted only by a cgroup: without one that is a `CannotEnforce`. */
  readonly processes?: number;
  /** Descriptors. */
  readonly openFiles?: number;
  /** Seconds of a CPU. */
  readonly cpu?: number;
  /** CPUs at a time, also parts of one. It takes a cgroup. */
  readonly cpus?: number;
}

/** Learning lets the program do everything. With results calls are shown when they have returned. */
export type Trace = "learn" | "refused" | "results";

export interface TraceOptions {
  readonly kind: Trace;
  /** Whether `counts` of the outcome say how long the supervisor took. */
  readonly timed: boolean;
  readonly showing: Showing;
}

export interface BoxOptions {
  readonly argv: readonly ByteString[];
  readonly permissions: Permissions;
  readonly directory: string;
  /** All of it: what is allowed is taken from here. */
  readonly environment: ReadonlyMap<ByteString, ByteString>;
  /** Where programs are looked for. */
  readonly path: string;
  readonly limits?: Limits;
  readonly trace?: TraceOptions;
  /** A module by its URL, or a function of this thread. */
  readonly policy?: string | Policy;
  /** `"landlock"` by default. */
  readonly platform?: Platform;
  readonly bestEffort?: (message: string) => void;
  /** Is told what the box is made of, and its steps. */
  readonly debug?: (message: string) => void;
  readonly streams?: Streams;
}

const SENDMMSG = 307, ENOSYS = 38;
const SOCKET = 41, EPROTONOSUPPORT = 93;
const AF_INET = 2, AF_INET6 = 10, SOCK_SEQPACKET = 5, SOCK_TYPE_MASK = 0xf, IPPROTO_SCTP = 132;
const ofSequences = (family: number): Reported => ({
  call: SOCKET,
  errno: EPROTONOSUPPORT,
  when: [{ argument: 0, equals: family }, { argument: 1, mask: SOCK_TYPE_MASK, equals: SOCK_SEQPACKET }],
});
/** What goes to the other end of a connection has no address, and needs no verdict. */
const SENDTO_ADDRESS = 4;
const reportedToPolicy: readonly Reported[] = [
  ...Object.values(asked).map((call) =>
    call === asked.sendto ? { call, unlessNull: SENDTO_ADDRESS } : { call }
  ),
  { call: SENDMMSG, errno: ENOSYS }, // many addresses at once: programs have another way
  // SCTP connects by socket options, too, where nobody looks for an address.
  { call: SOCKET, errno: EPROTONOSUPPORT, when: [{ argument: 2, equals: IPPROTO_SCTP }] },
  ofSequences(AF_INET),
  ofSequences(AF_INET6),
];

/** The launcher, process 1, and the program's first one. */
const OUR_PROCESSES = 2;

export class Box {
  /** Settles when nobody of the box is left. */
  readonly outcome: Promise<Outcome>;
  /** The file that is executed. */
  readonly file: string;
  readonly #pid: number;
  readonly #pidfd: number;
  #hasEnded = false;

  /** Only one that is started: by `startBox`. */
  constructor(
    file: string,
    pid: number,
    pidfd: number,
    supervisor: Promise<Outcome>,
    ended: () => Promise<void>,
  ) {
    this.file = file;
    this.#pid = pid;
    this.#pidfd = pidfd;
    const end = async (): Promise<void> => {
      this.#hasEnded = true;
      reap(pid);
      await ended();
    };
    this.outcome = supervisor.then(async (outcome) => {
      await end();
      return outcome;
    }, async (error) => {
      this.kill();
      await end();
      throw error;
    });
  }

  /** Sends a signal to the program; 0 only asks. False when it has ended, although others of the box may go on. */
  signal(number: number): boolean {
    return !this.#hasEnded && signal(this.#pidfd, number);
  }

  /** Ends every process of the box, at once. */
  kill(): void {
    if (!this.#hasEnded) kill(this.#pid);
  }
}

/** Throws what is wrong with the command, the permissions or the machine, before the program has run. */
export async function startBox(scheduler: Scheduler, options: BoxOptions): Promise<Box> {
  const { argv, permissions, directory, path, limits = {}, trace, policy, bestEffort } = options;
  const { platform = "landlock", debug } = options;
  const learns = trace?.kind === "learn";
  if (learns && policy !== undefined) {
    throw new PolicyError("Learning runs the program without a wall, and a policy takes one: choose.");
  }
  const tracerDecides = platform === "ptrace";
  if (tracerDecides && (learns || policy !== undefined)) {
    throw new PolicyError(
      `The platform ptrace decides by permissions alone: ${
        policy === undefined ? "learning" : "a policy"
      } takes "landlock".`,
    );
  }
  const file = findProgram(toText(argv[0]), path, directory);
  const wallOptions = { permissions, program: file, directory, path, platform, bestEffort };
  // Where a policy is asked its supervisor makes the calls, and has their results. Else only a tracer sees how a call ends.
  const isTraced = tracerDecides || (trace?.kind === "results" && policy === undefined);
  const reported = [
    ...(policy === undefined ? [] : reportedToPolicy),
    ...(trace || isTraced ? Object.values(intercepted).map((call) => ({ call })) : []),
  ];
  using wall = learns
    ? noWall(wallOptions, reported)
    : buildWall(wallOptions, reported, isTraced ? "tracer" : "listener");
  const proxy = wall.proxied && new Proxy(wall.proxied.allowed, wall.proxied.denied);
  await using resources = new AsyncDisposableStack();
  const group = ControlGroup.make(limits);
  if (group) resources.use(group);
  const plan = {
    ...wall.bounds,
    listen: reported.length > 0 && !isTraced,
    traced: isTraced,
    limits: resourceLimits(limits, group !== undefined, bestEffort),
    ...(group && { group: group.path }),
    directory,
    file,
    argv,
    ...(proxy && { proxy: proxy.path }),
    environment: new Map([
      ...allowedEnvironment(permissions.env, options.environment),
      ...(proxy ? proxyEnvironment : []),
    ]),
  };
  if (proxy) resources.use(proxy);
  if (debug) describedPlan(plan, wall.granted).forEach(debug);
  const showing = trace?.showing ?? { json: false };
  const judge = policy === undefined ? undefined : await PolicyThread.start(scheduler, policy, showing);
  if (judge) resources.defer(() => void judge.end());
  const { pid, pidfd, listener, reports } = await launch(plan, wall.ruleset?.fd ?? -1, options.streams)
    .catch((error) => {
      throw error instanceof LaunchError ? explained(error, directory) : error;
    });
  debug?.(`the launcher is process ${pid}, the program ${processOf(pidfd)}`);
  resources.defer(() => {
    closeAll(pidfd, reports.socket);
    if (judge) judge.end().then(() => closeAll(listener)); // a thread that never ends could answer another's call
    else closeAll(listener);
  });
  try {
    if (listener !== undefined) await judge?.enter(listener, wall.ruleset?.fd);
  } catch (error) {
    end(pid);
    throw error;
  }
  const ended = Supervision.of(scheduler).outcomeOf({
    socket: reports.socket,
    listener,
    tracing: trace && { granted: wall.granted, showing, learns, isTimed: trace.timed },
    referring: judge &&
      { work: judge.work, sent: judge.sent[0].fd, decided: judge.decided.fd, thread: judge.thread },
  });
  const traced = isTraced
    ? scheduler.dedicate(
      traceBox(processOf(pidfd), reports.socket, {
        granted: wall.granted,
        showing,
        learns: false,
        decides: tracerDecides,
        isTimed: trace?.timed ?? false,
      }),
      { name: "tracer" },
    )
    : undefined;
  // The tracer's failure ends the box; its result is complete only when it has reaped all.
  const supervisor = Promise.all([ended, traced]).then(([outcome, seen]): Outcome => ({
    ...outcome,
    ...(trace && seen),
    ...(proxy && trace && { flags: [...(seen ?? outcome).flags, ...proxy.refused] }),
  }));
  const held = resources.move();
  const timer = limits.timeout === undefined ? undefined : setTimeout(() => {
    debug?.("its time is over");
    box.kill();
  }, limits.timeout);
  const box = new Box(file, pid, pidfd, supervisor, async () => {
    debug?.("nobody of the box is left");
    clearTimeout(timer);
    await held.disposeAsync();
  });
  return box;
}

function resourceLimits(
  { memory, processes, openFiles, cpu, cpus }: Limits,
  hasGroup: boolean,
  bestEffort?: (message: string) => void,
): { resource: number; value: number }[] {
  const giveUp = (what: string) => {
    if (!bestEffort) throw new CannotEnforce(what);
    bestEffort(what);
  };
  if (processes !== undefined && !hasGroup && Deno.uid() === 0) {
    giveUp(
      "--processes: without a cgroup the kernel does not count the processes of root, and none is delegated.",
    );
  }
  if (cpus !== undefined && !hasGroup) {
    giveUp("--cpus takes a cgroup (v2), and none is delegated to this process.");
  }
  const limits: [number, number | undefined][] = [
    [RLIMIT_CORE, 0],
    [RLIMIT_CPU, cpu],
    [RLIMIT_NPROC, processes === undefined || hasGroup ? undefined : processes + OUR_PROCESSES],
    [RLIMIT_NOFILE, openFiles],
    [RLIMIT_AS, hasGroup ? undefined : memory],
  ];
  return limits.flatMap(([resource, value]) => value === undefined ? [] : [{ resource, value }]);
}

const EPERM = 1, ENOSPC = 28, ENOENT = 2, EACCES = 13;

/** What a failure of the launcher means for who gave the command. */
function explained({ stage, errno, message }: LaunchError, directory: string): Error {
  if (stage === Stage.directory && (errno === ENOENT || errno === EACCES)) {
    return new PermissionError(`${directory} is not there for the program: the working directory is denied.`);
  }
  const isNamespace = ([Stage.user, Stage.namespaces, Stage.mounts, Stage.proc] as number[]).includes(stage);
  if (!isNamespace || (errno !== EPERM && errno !== ENOSPC && errno !== EACCES)) return new Error(message);
  const status = Deno.readTextFileSync("/proc/self/status");
  if (/^NoNewPrivs:\s*1$/m.test(status) && /^Seccomp:\s*2$/m.test(status)) {
    return new Error(`${message} This is a sandbox already, and it allows none inside.`);
  }
  return new Error(
    `${message} The wall takes namespaces, and this machine does not let this user make them.`,
  );
}

/** Starts the launcher with a plan, and reads its reports. See launcher.c for what it does, and in which order. */

import { addressOf } from "../../ffi/address.ts";
import { errnoName } from "../../ffi/errno.ts";
import { cString, open, placeInMemory } from "../../ffi/load.ts";
import { base64 } from "./launcher_x86_64.ts";
import { encodePlan, type Plan } from "./plan.ts";

const symbols = {
  /**
   * `int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
   * char *const argv[], char *const envp[])`: 0, or an errno
   */
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  /** `int posix_spawn_file_actions_init(posix_spawn_file_actions_t *)`: 0, or an errno */
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  /** `int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *, int fd, int newfd)`: 0, or an errno */
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  /** `int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *)` */
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  /** `int socketpair(int domain, int type, int protocol, int sockets[2])` */
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** `ssize_t recvmsg(int socket, struct msghdr *, int flags)`; its result fits an int here */
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** As above, on a thread of Deno's pool. */
  receiveLater: { name: "recvmsg", parameters: ["i32", "buffer", "i32"], result: "i32", nonblocking: true },
  /** `int memfd_create(const char *name, unsigned int flags)` */
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  /** `ssize_t write(int fd, const void *bytes, size_t length)` */
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
  /** `long syscall(SYS_pidfd_send_signal, int pidfd, int signal, siginfo_t *, unsigned flags)` */
  pidfdSendSignal: { name: "syscall", parameters: ["i64", "i32", "i32", "usize", "u32"], result: "i64" },
  /** `long syscall(SYS_pidfd_getfd, int pidfd, int fd, unsigned flags)` */
  pidfdGetfd: { name: "syscall", parameters: ["i64", "i32", "i32", "u32"], result: "i64" },
  /** `pid_t waitpid(pid_t pid, int *status, int options)` */
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** `int kill(pid_t pid, int signal)` */
  kill: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_UNIX = 1, SOCK_SEQPACKET_CLOEXEC = 0o2000005;
const MFD_CLOEXEC = 1;
const MSG_CMSG_CLOEXEC = 0x40000000, MSG_DONTWAIT = 0x40;
const PIDFD_SEND_SIGNAL = 424, PIDFD_GETFD = 438;
const SIGKILL = 9;

let libc: Deno.DynamicLibrary<typeof symbols>["symbols"] | undefined;
let launcher: Uint8Array<ArrayBuffer> | undefined;

function calls() {
  return libc ??= open("libc.so.6", symbols).symbols;
}

export const Stage = {
  born: 0,
  ready: 1,
  ended: 2,
  exec: 3,
  plan: 4,
  user: 5,
  namespaces: 6,
  mounts: 7,
  proc: 8,
  network: 9,
  limits: 10,
  privileges: 11,
  landlock: 12,
  filter: 13,
  directory: 14,
  group: 15,
} as const;

const failures: Readonly<Record<number, string>> = {
  [Stage.plan]: "reading the plan",
  [Stage.user]: "making a user namespace",
  [Stage.namespaces]: "making namespaces",
  [Stage.mounts]: "mounting what the program sees",
  [Stage.proc]: "mounting /proc",
  [Stage.network]: "raising the loopback device",
  [Stage.limits]: "setting the limits",
  [Stage.privileges]: "giving up privileges",
  [Stage.landlock]: "putting the program under Landlock",
  [Stage.filter]: "installing the filter",
  [Stage.directory]: "changing to the working directory",
  [Stage.group]: "entering the cgroup",
};

/** The launcher could not do a part of the plan. */
export class LaunchError extends Error {
  override readonly name = "LaunchError";

  constructor(readonly stage: number, readonly errno: number) {
    super(`${failures[stage] ?? `stage ${stage}`} failed with ${errnoName(-errno)}.`);
  }
}

export interface Report {
  readonly stage: number;
  /** See launcher.c. */
  readonly value: number;
  /** Received with it, and the receiver's to close. */
  readonly descriptor?: number;
}

/** The supervisor's end of the launcher's socket. */
export class Reports {
  readonly #bytes = new Int32Array(2); // struct report
  readonly #control = new Uint8Array(24); // CMSG_SPACE(sizeof(int))
  readonly #payload = new BigUint64Array(2); // struct iovec
  readonly #message = new BigUint64Array(7); // struct msghdr

  constructor(readonly socket: number) {}

  /** Waits for one. Undefined when nobody is left who could send any. */
  async receive(): Promise<Report | undefined> {
    return this.#report(await calls().receiveLater(this.socket, this.#prepared(), MSG_CMSG_CLOEXEC));
  }

  /** One that is there already. */
  take(): Report | undefined {
    return this.#report(calls().recvmsg(this.socket, this.#prepared(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
  }

  #prepared(): Uint8Array<ArrayBuffer> {
    this.#payload.set([BigInt(addressOf(this.#bytes)), 8n]);
    const payload = BigInt(addressOf(this.#payload)), control = BigInt(addressOf(this.#control));
    this.#message.set([0n, 0n, payload, 1n, control, BigInt(this.#control.length), 0n]);
    this.#control.fill(0);
    return new Uint8Array(this.#message.buffer);
  }

  #report(received: number): Report | undefined {
    if (received !== 8) return undefined;
    const [stage, value] = this.#bytes;
    const control = new DataView(this.#control.buffer);
    const hasDescriptor = control.getUint32(0, true) === 20; // CMSG_LEN(sizeof(int))
    return { stage, value, ...(hasDescriptor && { descriptor: control.getInt32(16, true) }) };
  }
}

export interface Launched {
  /** Of the launcher: whoever reaps it knows that nobody of the box is left. */
  readonly pid: number;
  /** Of the program itself. */
  readonly pidfd: number;
  /** When the plan asks for one. */
  readonly listener: number | undefined;
  readonly reports: Reports;
}

/** The standard streams of the program: descriptors. */
export type Streams = readonly [stdin: number, stdout: number, stderr: number];

/**
 * Starts the box. With a listener, the program waits in its execve until a supervisor answers it. The thread that calls
 * this has to live as long as the box.
 */
export async function launch(plan: Plan, ruleset: number, streams: Streams = [0, 1, 2]): Promise<Launched> {
  const sockets = new Int32Array(2);
  if (calls().socketpair(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0, sockets) < 0) {
    throw new Error("Making a pair of sockets failed: no descriptors left.");
  }
  const [own, other] = sockets;
  const planFile = calls().memfd_create(cString("plan"), MFD_CLOEXEC);
  let pid: number;
  try {
    writeAll(planFile, encodePlan(plan));
    pid = spawn([planFile, other, ruleset], streams);
  } catch (error) {
    calls().close(own);
    throw error;
  } finally {
    calls().close(other);
    calls().close(planFile);
  }
  const reports = new Reports(own);
  let pidfd: number | undefined, listener: number | undefined, isReady = false;
  while (pidfd === undefined || !isReady) {
    const report = await reports.receive();
    if (report?.stage === Stage.born) pidfd = report.descriptor;
    else if (report?.stage === Stage.ready && pidfd !== undefined) {
      isReady = true;
      if (plan.listen) listener = descriptorOf(pidfd, report.value);
    } else {
      end(pid);
      for (const fd of [own, pidfd, listener]) if (fd !== undefined) calls().close(fd);
      throw new LaunchError(report?.stage ?? Stage.plan, report?.value ?? 0);
    }
  }
  return { pid, pidfd, listener, reports };
}

function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  for (let written = 0; written < bytes.length;) {
    const rest = bytes.subarray(written);
    const count = Number(calls().write(fd, rest, BigInt(rest.length)));
    if (count <= 0) throw new Error("Writing the plan failed: no memory left.");
    written += count;
  }
}

/** The descriptors keep their numbers, and only they and the streams are inherited. */
function spawn(inherited: readonly number[], streams: Streams): number {
  launcher ??= cString(placeInMemory("sandbox", Uint8Array.fromBase64(base64)));
  const actions = new Uint8Array(256); // posix_spawn_file_actions_t: 80 bytes
  const argv = ["sandbox", ...inherited.map(String)].map(cString);
  const pointers = new BigUint64Array(argv.length + 1);
  for (const [i, argument] of argv.entries()) pointers[i] = BigInt(addressOf(argument));
  const none = new BigUint64Array(1);
  const pid = new Int32Array(1);
  calls().posix_spawn_file_actions_init(actions);
  try {
    for (const [to, from] of streams.entries()) calls().posix_spawn_file_actions_adddup2(actions, from, to);
    // A descriptor that is put on itself loses close-on-exec.
    for (const fd of inherited) if (fd >= 0) calls().posix_spawn_file_actions_adddup2(actions, fd, fd);
    const bytes = (array: BigUint64Array<ArrayBuffer>) => new Uint8Array(array.buffer);
    const error = calls().posix_spawn(pid, launcher, actions, null, bytes(pointers), bytes(none));
    if (error !== 0) throw new Error(`Starting the launcher failed with ${errnoName(-error)}.`);
    return pid[0];
  } finally {
    calls().posix_spawn_file_actions_destroy(actions);
  }
}

/** Ends all of a box, at once, and reaps its launcher. */
export function end(pid: number): void {
  calls().kill(pid, SIGKILL);
  reap(pid);
}

/** Waits for the launcher. */
export function reap(pid: number): void {
  calls().waitpid(pid, new Int32Array(1), 0);
}

/** Ends all of a box, at once. Its supervisor reaps the launcher. */
export function kill(pid: number): void {
  calls().kill(pid, SIGKILL);
}

/** Sends a signal to the program; 0 only asks. False when it has ended. */
export function signal(pidfd: number, number: number): boolean {
  return calls().pidfdSendSignal(BigInt(PIDFD_SEND_SIGNAL), pidfd, number, 0n, 0) === 0n;
}

/** A copy of a descriptor of another process, whose memory this one could read as well. Throws when there is none. */
function descriptorOf(pidfd: number, fd: number): number {
  const copy = Number(calls().pidfdGetfd(BigInt(PIDFD_GETFD), pidfd, fd, 0));
  if (copy < 0) throw new Error("Taking the listener failed: pidfd_getfd is refused here.");
  return copy;
}

/** The number of the process, in the PID namespace of the caller. */
export function processOf(pidfd: number): number {
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`);
  return Number(/^Pid:\s*(-?\d+)$/m.exec(info)?.[1]);
}

/** Lets a program go on that waits for its tracer: see launcher.c. */
export function letGo(socket: number): void {
  calls().write(socket, new Uint8Array(1), 1n);
}

export function closeAll(...descriptors: (number | undefined)[]): void {
  for (const fd of descriptors) if (fd !== undefined) calls().close(fd);
}

/** The supervising loop: a task on a thread of its own, which sleeps in poll and answers what the filter reports. */

import { task } from "@heddle/heddle";
import { errnoName } from "../../ffi/errno.ts";
import { open } from "../../ffi/load.ts";
import { type CallName, decode, type InterceptedCall } from "./intercepted_call.ts";
import { Policy } from "./policy.ts";
import { RemoteMemory } from "./remote_memory.ts";
import { PathResolver } from "./remote_path.ts";
import { Listener, type Notification, POLLHUP, POLLIN } from "./seccomp.ts";

export interface Assignment {
  readonly pid: number;
  readonly pidfd: number;
  readonly listener: number;
  /** An eventfd: supervision ends when it becomes readable, whatever still runs. */
  readonly stop: number;
  readonly deniedPaths: readonly string[];
  /** Gets a line for each call. */
  readonly logFile?: string;
  /** Whether the lines go to standard error. */
  readonly echo: boolean;
}

export interface CallCount {
  times: number;
  refused: number;
  /** Milliseconds that the supervisor took for all of them. */
  spent: number;
}

export interface Outcome {
  /** As waitpid stores it. */
  readonly waitStatus: number;
  readonly counts: Partial<Record<CallName, CallCount>>;
}

const EACCES = 13;

const symbols = {
  /** `pid_t waitpid(pid_t pid, int *status, int options)` */
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Supervises a launched program until every process under its filter has ended. */
export const supervise = task(import.meta, "supervise", (_context, assignment: Assignment): Outcome => {
  return superviseHere(assignment);
});

function superviseHere({ pid, pidfd, listener, stop, ...options }: Assignment): Outcome {
  const libc = open("libc.so.6", symbols).symbols;
  const calls = new Listener(listener);
  const judge = new Judge(calls, options);
  const waitStatus = new Int32Array(1);
  const reap = () => {
    while (libc.waitpid(pid, waitStatus, 0) < 0); // EINTR
  };
  let hasEnded = false;
  let poll = calls.poll(stop, pidfd);
  for (;;) {
    const [calling, stopping, ending] = poll();
    if (stopping) break;
    if (ending) {
      // Reaped at once: until Linux 6.11 the listener counts a zombie among the processes under the filter.
      reap();
      hasEnded = true;
      poll = calls.poll(stop);
    }
    if (calling & POLLIN) {
      const notification = calls.receive();
      if (notification) judge.answer(notification);
    } else if (calling & POLLHUP) break;
  }
  if (!hasEnded) reap();
  return { waitStatus: waitStatus[0], counts: judge.counts };
}

class Judge {
  readonly counts: Partial<Record<CallName, CallCount>> = {};
  readonly #calls: Listener;
  readonly #memory = new RemoteMemory();
  readonly #resolver = new PathResolver();
  readonly #policy: Policy;
  readonly #log: (line: string) => void;

  constructor(
    calls: Listener,
    { deniedPaths, ...log }: Pick<Assignment, "deniedPaths" | "logFile" | "echo">,
  ) {
    this.#calls = calls;
    this.#policy = new Policy(deniedPaths, this.#resolver);
    this.#log = logger(log);
  }

  /** Decides a call, logs and answers it. Its thread sleeps until then, so that it does not write into the line. */
  answer(notification: Notification): void {
    const start = performance.now();
    const { thread } = notification;
    const call = decode(notification, this.#memory);
    const errno = this.#policy.deniesAnything ? this.#judge(thread, call) : 0;
    if (!this.#calls.stillWaits()) return; // killed meanwhile: what was read may have been another's
    this.#log(`[${thread}] ${call.name} ${call.subject}${errno ? ` -> ${errnoName(-errno)}` : ""}\n`);
    const count = this.counts[call.name] ??= { times: 0, refused: 0, spent: 0 };
    count.times++;
    if (errno !== 0) count.refused++;
    count.spent += performance.now() - start; // without the answer: the program may run in its midst
    if (errno === 0) this.#calls.proceed();
    else this.#calls.refuse(errno);
  }

  /** What cannot be judged is refused with the error that the kernel would give, never let through. */
  #judge(thread: number, { reads, unreadable = 0 }: InterceptedCall): number {
    if (!reads) return unreadable;
    const location = this.#resolver.resolve(thread, reads);
    if (typeof location === "number") return location;
    return this.#policy.denies(location) ? EACCES : 0;
  }
}

function logger({ logFile, echo }: Pick<Assignment, "logFile" | "echo">): (line: string) => void {
  const file = logFile === undefined ? undefined : Deno.openSync(logFile, { append: true });
  const text = new TextEncoder();
  return (line) => {
    if (file) writeAll(file, text.encode(line));
    if (echo) writeAll(Deno.stderr, text.encode(line));
  };
}

/** A log that nobody reads any more does not stop the program. */
function writeAll(to: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

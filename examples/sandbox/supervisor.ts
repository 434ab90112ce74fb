/**
 * The supervising loop: a task on a thread of its own, which sleeps in poll until the program ends. If calls are traced,
 * it reads and shows them. It decides nothing: each call goes on, and the kernel refuses what the wall does not allow.
 */

import { task } from "@heddle/heddle";
import { type CallName, decode } from "./intercepted_call.ts";
import { Reports, Stage } from "./launch.ts";
import { type Granted, Needs } from "./needs.ts";
import { toText } from "./plan.ts";
import { RemoteMemory } from "./remote_memory.ts";
import { PathResolver } from "./remote_path.ts";
import { Listener, poll, POLLHUP, POLLIN } from "./seccomp.ts";

export interface Tracing {
  readonly listener: number;
  /** Gets a line for each call; `""` is standard error. */
  readonly log?: string;
  readonly json: boolean;
  /** What the wall lets through. What goes beyond it is noted as needed. */
  readonly granted: Granted;
}

export interface Assignment {
  /** The supervisor's end of the launcher's socket. */
  readonly socket: number;
  readonly tracing?: Tracing;
}

export interface CallCount {
  times: number;
  /** Milliseconds that the supervisor took for all of them. */
  spent: number;
}

export interface Outcome {
  /** As waitpid stores it; that of SIGKILL when all of the box was killed. */
  readonly waitStatus: number;
  /** Why the program could not be executed, if so: an errno. */
  readonly execError?: number;
  readonly counts: Partial<Record<CallName, CallCount>>;
  /** Flags that would allow what was needed and not granted. */
  readonly flags: readonly string[];
}

const SIGKILL = 9;

/** Goes on until every process of the box has ended. */
export const supervise = task(import.meta, "supervise", (_context, assignment: Assignment): Outcome => {
  const { socket, tracing } = assignment;
  const reports = new Reports(socket);
  const tracer = tracing && new Tracer(tracing);
  let waitStatus = SIGKILL, execError: number | undefined;
  let wait = tracing ? poll(socket, tracing.listener) : poll(socket);
  for (;;) {
    const [reported, calling = 0] = wait();
    const report = reported === 0 ? undefined : reports.take();
    if (report?.stage === Stage.ended) waitStatus = report.value;
    else if (report?.stage === Stage.exec) execError = report.value;
    else if (reported & POLLHUP) break; // nobody is left who could report
    if (calling & POLLIN) tracer!.answer();
    else if (calling & POLLHUP) wait = poll(socket);
  }
  return { waitStatus, execError, counts: tracer?.counts ?? {}, flags: tracer?.needs.flags() ?? [] };
});

class Tracer {
  readonly counts: Partial<Record<CallName, CallCount>> = {};
  readonly needs: Needs;
  readonly #calls: Listener;
  readonly #memory = new RemoteMemory();
  readonly #resolver = new PathResolver();
  readonly #json: boolean;
  readonly #log: Log | undefined;

  constructor({ listener, granted, json, log }: Tracing) {
    this.#calls = new Listener(listener);
    this.needs = new Needs(granted);
    this.#json = json;
    this.#log = log === undefined ? undefined : new Log(log);
  }

  /** Shows a call and lets it go on. Its thread sleeps until then, so that it does not write into the line. */
  answer(): void {
    const notification = this.#calls.receive();
    if (!notification) return;
    const start = performance.now();
    const { thread } = notification;
    const call = decode(notification, this.#memory);
    const needed = this.#needed(thread, call);
    if (!this.#calls.stillWaits()) return; // killed meanwhile: what was read may have been another's
    const { name, subject } = call;
    if (this.#log) {
      this.#log.write(
        this.#json
          ? JSON.stringify({ thread, call: name, subject, ...(needed.length > 0 && { needs: needed }) })
          : `[${thread}] ${name} ${subject}${needed.map((flag) => ` (needs ${flag})`).join("")}`,
      );
    }
    const count = this.counts[name] ??= { times: 0, spent: 0 };
    count.times++;
    count.spent += performance.now() - start; // without the answer: the program may run in its midst
    this.#calls.proceed();
  }

  #needed(thread: number, { files, net }: ReturnType<typeof decode>): string[] {
    const flags = files.map(({ use, at }) => {
      const location = this.#resolver.resolve(thread, at);
      if (typeof location === "number" || !location.name.startsWith("/")) return undefined;
      const exists = this.#resolver.identity(location) !== undefined;
      return this.needs.file(use, toText(location.name), exists);
    });
    if (net !== undefined) flags.push(this.needs.net(net));
    return flags.filter((flag) => flag !== undefined);
  }
}

/** Lines to a file or to standard error. What can no longer be written is lost, and the program goes on. */
class Log {
  readonly #file: { writeSync(bytes: Uint8Array): number };
  #isBroken = false;

  constructor(path: string) {
    this.#file = path === "" ? Deno.stderr : Deno.openSync(path, { append: true });
  }

  write(line: string): void {
    if (this.#isBroken) return;
    try {
      writeAll(this.#file, `${line}\n`);
    } catch (error) {
      this.#isBroken = true;
      try {
        writeAll(Deno.stderr, `sandbox: the log ends here: ${(error as Error).message}\n`);
      } catch { /* nobody is left to be told */ }
    }
  }
}

function writeAll(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += to.writeSync(bytes.subarray(written));
}

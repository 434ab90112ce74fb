/**
 * A tracer, as Delve traces and gVisor's first platform did: for traces with results, which a listener of the filter does not
 * hear of, and as a platform for kernels without Landlock, where it decides. One thread for each box, which is dedicated to it,
 * because all requests to a tracee have to come from the thread that traces it, and because that waits in waitpid for most of
 * its life.
 *
 * The filter of the box stops the calls that reach files, programs and addresses (SECCOMP_RET_TRACE). What such a call reaches
 * is looked up then, and it goes on or, if the tracer decides, may fail. Without a tracer these calls fail too: with ENOSYS,
 * also those of a child that is cloned with CLONE_UNTRACED. The kernel reads a path again after the tracer did, so a thread
 * that shares the memory, or a process that moves names about, can make it another one. README.md says so.
 */

import { task } from "../../mod.js";
import { errnoName } from "../../ffi/errno.ts";
import { type CallName, isIntercepted } from "./intercepted_call.ts";
import { letGo } from "./launch.ts";
import { toText } from "./plan.ts";
import { RemoteMemory } from "./remote_memory.ts";
import type { Notification } from "./seccomp.ts";
import {
  EACCES,
  EINTR,
  ESRCH,
  ptrace,
  ptraceInto,
  readLink,
  resume,
  sendSignal,
  waitForTracee,
} from "./system_call.ts";
import { type CallCount, type Seen, Tracer, type Tracing } from "./tracer.ts";

// Requests, options and events of ptrace(2).
const CONT = 7,
  POKEUSER = 6,
  SYSCALL = 24,
  GETEVENTMSG = 0x4201,
  SEIZE = 0x4206,
  LISTEN = 0x4208,
  GET_SYSCALL_INFO = 0x420e;
const TRACESYSGOOD = 0x1,
  TRACEFORK = 0x2,
  TRACEVFORK = 0x4,
  TRACECLONE = 0x8,
  TRACEEXEC = 0x10,
  TRACESECCOMP = 0x80,
  EXITKILL = 0x100000;
const EVENT_EXEC = 4, EVENT_SECCOMP = 7, EVENT_STOP = 128;
/** Where struct user has these registers (sys/user.h). The first one holds the number of the call, or -1 for none. */
const ORIG_RAX = 120, RAX = 80;

/** The calls that give a file another name. */
const naming: readonly CallName[] = ["rename", "renameat", "renameat2", "link", "linkat"];

const SIGKILL = 9, SIGTRAP = 5;
/** SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU: a tracee that these have stopped stays so. */
const stopping = [19, 20, 21, 22];
/** The end of a call (TRACESYSGOOD). */
const CALL_STOP = SIGTRAP | 0x80;

/** What a box's tracer has seen when nobody is left. */
export interface Traced {
  readonly counts: Partial<Record<CallName, CallCount>>;
  readonly flags: readonly string[];
}

/** Traces a program that waits for that on the other end of `socket`, and all that it starts, until nobody is left. */
export const traceBox = task(
  import.meta,
  "traceBox",
  (_context, process: number, socket: number, tracing: Tracing): Traced => {
    const options = TRACESYSGOOD | TRACEFORK | TRACEVFORK | TRACECLONE | TRACEEXEC | TRACESECCOMP | EXITKILL;
    const seized = ptrace(SEIZE, process, 0, options);
    if (seized < 0) throw new Error(`Tracing the program failed with ${errnoName(seized)}.`);
    letGo(socket);
    return new Tracees(process, tracing).follow();
  },
);

class Tracees {
  readonly #memory = new RemoteMemory();
  readonly #tracer: Tracer;
  /** Those that have not ended, for who has to end all of them. */
  readonly #threads: Set<number>;
  /** Calls that are shown when they end, by their thread. */
  readonly #running = new Map<number, { readonly seen: Seen; readonly needs: readonly string[] }>();
  readonly #status = new Int32Array(1);
  readonly #statusBytes = new Uint8Array(this.#status.buffer);
  /** struct ptrace_syscall_info, and the number of GETEVENTMSG. */
  readonly #answer = new DataView(new ArrayBuffer(88));
  readonly #answerBytes = new Uint8Array(this.#answer.buffer);
  readonly #messageBytes = new Uint8Array(this.#answer.buffer, 0, 8);

  constructor(process: number, tracing: Tracing) {
    this.#threads = new Set([process]);
    this.#tracer = new Tracer(tracing, this.#memory);
  }

  /** A failure of ours ends the program; it is thrown when nobody is left who would stay stopped for ever. */
  follow(): Traced {
    let failure: unknown;
    for (;;) {
      const thread = waitForTracee(this.#statusBytes);
      if (thread === -EINTR) continue;
      if (thread < 0) break;
      if (failure !== undefined) {
        sendSignal(thread, SIGKILL);
        continue;
      }
      try {
        this.#turn(thread, this.#status[0]);
      } catch (error) {
        failure = error ?? new Error("The tracer failed.");
        for (const each of this.#threads) sendSignal(each, SIGKILL);
      }
    }
    this.#tracer.end();
    if (failure !== undefined) throw failure;
    return { counts: this.#tracer.counts, flags: this.#tracer.needs.flags() };
  }

  /** Requests fail if the thread was killed meanwhile: then its end is what comes next. */
  #turn(thread: number, status: number): void {
    const hasStopped = (status & 0xff) === 0x7f;
    if (!hasStopped) {
      this.#threads.delete(thread);
      this.#running.delete(thread);
      return;
    }
    this.#threads.add(thread);
    const signal = status >> 8 & 0xff, event = status >> 16;
    if (event === EVENT_SECCOMP) this.#judge(thread);
    else if (event === EVENT_EXEC) this.#judgeProgram(thread);
    else if (event === EVENT_STOP && stopping.includes(signal)) resume(LISTEN, thread, 0);
    else if (signal === CALL_STOP) this.#show(thread);
    else if (event !== 0) this.#goOn(thread);
    else this.#goOn(thread, signal);
  }

  #goOn(thread: number, signal = 0): void {
    resume(this.#running.has(thread) ? SYSCALL : CONT, thread, signal);
  }

  #judge(thread: number): void {
    const call = this.#call(thread);
    if (!call) return;
    if (!isIntercepted(call.number)) { // a filter of the program's own
      this.#goOn(thread);
      return;
    }
    const seen = this.#tracer.look(call);
    const needs = this.#tracer.count(seen);
    if (this.#tracer.decides && !this.#permits(seen, call)) {
      // No call any more: it is skipped, and this is its result.
      ptrace(POKEUSER, thread, ORIG_RAX, -1);
      ptrace(POKEUSER, thread, RAX, -EACCES);
    }
    if (this.#tracer.isShowing) this.#running.set(thread, { seen, needs });
    this.#goOn(thread);
  }

  /** To a tracer, rights belong to names: what gets another name must have the same rights there. */
  #permits({ call, files, ...seen }: Seen, { int }: Notification): boolean {
    if (!this.#tracer.permits({ call, files, ...seen })) return false;
    if (!naming.includes(call.name)) return true;
    // linkat with flags links what a link leads to, or a descriptor.
    if (files.length !== 2 || call.name === "linkat" && int(4) !== 0) return false;
    return this.#tracer.needs.sameRights(files[0].name, files[1].name);
  }

  /** The call that a thread has stopped in. It is overwritten by the next one. */
  #call(thread: number): Notification | undefined {
    const filled = ptraceInto(GET_SYSCALL_INFO, thread, this.#answerBytes);
    if (filled === -ESRCH) return undefined; // killed meanwhile
    if (filled < 0) {
      throw new Error(`Reading a call failed with ${errnoName(filled)}: it takes Linux 5.3 or later.`);
    }
    const view = this.#answer;
    const low = (index: number) => view.getUint32(32 + 8 * index, true);
    return {
      id: 0n, // nobody is answered
      thread,
      number: view.getInt32(24, true),
      argument: (index) => low(index) + (view.getUint32(36 + 8 * index, true) & 0x1fffff) * 2 ** 32,
      int: (index) => view.getInt32(32 + 8 * index, true),
    };
  }

  /** What runs now is the interpreter of what was asked for, or what a raced path has led to. */
  #judgeProgram(thread: number): void {
    // All other threads have gone, and this one has the number of the first.
    if (ptraceInto(GETEVENTMSG, thread, this.#messageBytes) === 0) {
      const former = this.#answer.getUint32(0, true), running = this.#running.get(former);
      this.#running.delete(former);
      if (former !== thread) this.#threads.delete(former);
      if (running) this.#running.set(thread, running);
    }
    if (this.#tracer.decides && !this.#mayRun(thread)) sendSignal(thread, SIGKILL);
    this.#goOn(thread);
  }

  #mayRun(thread: number): boolean {
    const file = readLink(`/proc/${thread}/exe`);
    return file !== undefined && this.#tracer.needs.permits("run", toText(file), true);
  }

  #show(thread: number): void {
    const running = this.#running.get(thread);
    this.#running.delete(thread);
    if (running && ptraceInto(GET_SYSCALL_INFO, thread, this.#answerBytes) > 0) {
      const result = this.#answer.getInt32(24, true);
      this.#tracer.show(running.seen, running.needs, result < 0 ? errnoName(result) : result);
    }
    this.#goOn(thread);
  }
}

/**
 * The supervisor's side of a policy: it copies calls and sends them to the policy's thread, and never waits for that. Each
 * verdict counts in an eventfd. Calls without one, and no verdict on any call for too long: the policy computes, or its
 * thread has died. Then the supervisor ends the calls itself, as denied, and those that come after them.
 */

import type { Channel } from "../../mod.js";
import { type CopiedCall, copyCall } from "./copied_call.ts";
import { say } from "./log.ts";
import { LONGEST_VERDICT } from "./policy.ts";
import type { Work } from "./policy_thread.ts";
import type { RemoteMemory } from "./remote_memory.ts";
import type { Answers, Notification } from "./seccomp.ts";
import { AT_FDCWD, close, EACCES, makeIdle, O_CLOEXEC, O_DIRECTORY, O_PATH, openAt } from "./system_call.ts";
import { Bell, Event } from "./wake.ts";

export interface Referring {
  readonly work: Channel<Work>;
  /** The end of a bell that is rung after something was sent. */
  readonly sent: number;
  /** An eventfd: how many verdicts there were since it was last read. */
  readonly decided: number;
  /** The policy's, by its number. */
  readonly thread: number;
}

/** Milliseconds without a verdict: the thread's own timer, for policies that await, comes first. */
const LONGEST_SILENCE = 1.5 * LONGEST_VERDICT;

/** Milliseconds between two looks at a policy that has calls to judge. */
export const LOOK = 100;

export class Referral {
  readonly #work: Channel<Work>;
  readonly #sent: Bell;
  readonly #thread: number;
  readonly #decided: Event;
  readonly #answers: Answers;
  readonly #memory: RemoteMemory;
  /** What the channel has no place for. No more than the box has threads. */
  readonly #backlog: CopiedCall[] = [];
  /** All that may still wait for a verdict. */
  #waiting = new Set<bigint>();
  #undecided = 0;
  #heard = 0;
  #isSilent = false;
  #looked = 0;
  /** The policy's thread closes it. */
  #root: number | undefined;

  constructor({ work, sent, decided, thread }: Referring, answers: Answers, memory: RemoteMemory) {
    this.#work = work;
    this.#sent = new Bell(sent);
    this.#thread = thread;
    this.#decided = new Event(decided);
    this.#answers = answers;
    this.#memory = memory;
  }

  /** Whether `look` has to be called now and then. */
  get isWaiting(): boolean {
    return this.#undecided > 0 && !this.#isSilent;
  }

  /** False when the call does not wait any more. */
  refer(notification: Notification): boolean {
    const { id, thread } = notification;
    if (this.#isSilent) {
      this.#answers.end(id, -EACCES);
      return true;
    }
    const root = this.#root ?? openAt(AT_FDCWD, `/proc/${thread}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const copied = root < 0 ? root : copyCall(notification, this.#memory, root);
    if (!this.#answers.stillWaits(id)) { // killed meanwhile: what was copied, and the root, may be another's
      const { descriptors } = typeof copied === "number" ? { descriptors: [] } : copied;
      for (const fd of this.#root === undefined ? [...descriptors, root] : descriptors) close(fd);
      return false;
    }
    if (root >= 0) this.#root = root;
    if (typeof copied === "number") {
      this.#answers.end(id, copied);
      return true;
    }
    if (this.#undecided++ === 0) this.#heard = performance.now();
    this.#waiting.add(id);
    this.#backlog.push(copied);
    this.#send();
    return true;
  }

  /**
   * Sends what has waited for a place, and ends all calls when the policy has been silent for too long. To be called with
   * each turn: it looks now and then, as counting the verdicts is a system call.
   */
  look(): void {
    const now = performance.now();
    if (this.#backlog.length === 0 && now - this.#looked < LOOK) return;
    this.#looked = now;
    const verdicts = this.#decided.take();
    this.#undecided -= verdicts;
    if (verdicts > 0) this.#heard = now;
    if (this.#undecided === 0) this.#waiting.clear();
    else if (this.#waiting.size > 2 * this.#undecided + 1000) {
      this.#waiting = new Set([...this.#waiting].filter((id) => this.#answers.stillWaits(id)));
    }
    this.#send();
    if (this.isWaiting && now - this.#heard > LONGEST_SILENCE) this.#deny();
  }

  #send(): void {
    if (this.#backlog.length === 0) return;
    while (this.#backlog.length > 0 && this.#work.trySend(this.#backlog[0])) this.#backlog.shift();
    this.#sent.ring();
  }

  /** Descriptors of calls that were sent are lost: the silent thread may still use their numbers. */
  #deny(): void {
    this.#isSilent = true;
    makeIdle(this.#thread);
    say(
      `the policy has given no verdict for ${LONGEST_SILENCE} ms: from now on all is denied, and it runs only on what CPUs ` +
        "have to spare",
    );
    for (const { descriptors } of this.#backlog.splice(0)) for (const fd of descriptors) close(fd);
    for (const id of this.#waiting) this.#answers.end(id, -EACCES);
    this.#waiting.clear();
  }
}

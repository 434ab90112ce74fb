/** Mail about slots: put into the mailbox, and its reader readied. */
import { cas } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { G_RUNNER_MAILED } from "../arena/layout/slot.ts";
import { type Mailbox, REPORT, TO_OWNER, TO_RUNNER } from "../queues/mailbox.ts";
import type { Wakeups } from "./wakeups.ts";

export class Mail {
  readonly #arena: Arena;
  readonly #mailbox: Mailbox;
  readonly #wakeups: Wakeups;

  constructor(arena: Arena, mailbox: Mailbox, wakeups: Wakeups) {
    this.#arena = arena;
    this.#mailbox = mailbox;
    this.#wakeups = wakeups;
  }

  /** A mail to a slot's owner, see mailbox.ts. If that has died, the host sees by the status that nobody needs the slot. */
  toOwner(owner: number, slot: number): void {
    if (this.#mailbox.push(owner, slot, TO_OWNER)) this.#wakeups.ready(owner);
  }

  /** The same by the link of reports. */
  reportToOwner(owner: number, slot: number): void {
    if (this.#mailbox.push(owner, slot, REPORT)) this.#wakeups.ready(owner);
  }

  /**
   * A mail by the link of a slot's runner. If the mark is not 0 one is under way, and serves: its reader clears the mark before
   * it looks at the slot, so it will see what we stored before our CAS. A slot that is marked is not used again, so the mail is
   * about the task of the runner that it was for. By the owner or the host; so if the isolate has died, nobody but the host
   * touches the mark meanwhile.
   */
  toRunner(runner: number, slot: number): void {
    const mark = this.#arena.g(slot) + G_RUNNER_MAILED;
    if (!cas(this.#arena.i32, mark, 0, runner)) return;
    if (this.#mailbox.push(runner, slot, TO_RUNNER)) this.#wakeups.ready(runner);
    else cas(this.#arena.i32, mark, runner, 0);
  }
}

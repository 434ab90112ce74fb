/** An M's mail, and who it is for. */
import { load } from "../arena/atomics.ts";
import { M_MAIL } from "../arena/layout/m.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Shared } from "../parking/shared.ts";
import { type Addressee, type Mailbox, REPORT, TO_OWNER, TO_WAITER } from "../queues/mailbox.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { Children } from "./children.ts";
import type { Hold } from "./hold.ts";
import type { Runner } from "./runner.ts";

export class MailReader {
  readonly #words: Int32Array;
  readonly #head: number;
  readonly #mailbox: Mailbox;
  readonly #hold: Hold;
  readonly #home: Isolate;
  readonly #children: Children;
  readonly #runner: Runner;

  constructor({ arena, mailbox }: Shared, hold: Hold, home: Isolate, children: Children, runner: Runner) {
    this.#words = arena.i32;
    this.#head = arena.isolate(hold.isolate) + M_MAIL;
    this.#mailbox = mailbox;
    this.#hold = hold;
    this.#home = home;
    this.#children = children;
    this.#runner = runner;
  }

  /** Whether there was some. */
  read(): boolean {
    if (load(this.#words, this.#head) === 0) return false;
    if (this.#mailbox.drain(this.#hold.isolate, this.#deliver)) this.#hold.isHeaderNew = true;
    return true;
  }

  /** By a G that looks at `shouldYield` or its signal: nothing in here runs what a task wrote, but for abort listeners. */
  readInTask(): void {
    if (load(this.#words, this.#head) === 0) return;
    reserveStack();
    const { locks } = this.#hold;
    locks.hold();
    try {
      this.read();
    } finally {
      locks.release();
    }
  }

  readonly #deliver = (slot: number, addressee: Addressee): void => {
    if (addressee === TO_WAITER) this.#home.read(slot);
    else if (addressee === TO_OWNER) this.#children.read(slot);
    else if (addressee === REPORT) this.#children.readReport(slot);
    else this.#runner.read(slot);
  };
}

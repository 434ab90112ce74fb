/**
 * Mailboxes: one word per isolate, the head of a list of G slots that have something to tell it.
 *
 * Anyone pushes (a CAS); only the isolate itself drains, with one exchange that takes the whole list. So there is no
 * ABA problem, no capacity, and nothing to initialise. The links are in the slots: one for mail to the slot's owner,
 * one for mail to its runner, so a slot can be in both mailboxes, but in each at most once:
 *
 * - owner mail: the runner sends at most one at a time (it asks for the arguments, then it reports the end);
 * - runner mail: `G_RUNNER_MAILED` is set by CAS before the push and cleared by the reader after unlinking.
 *
 * A mail says only "look at this slot". What there is to see has been stored before the push.
 */
import { cas, exchange, load, or, store } from "./atomics.ts";
import { type Arena, G_OWNER_LINK, G_RUNNER_LINK, M_MAIL } from "./memory_layout.ts";

export const TO_OWNER = 0;
export const TO_RUNNER = 1;
export type Addressee = typeof TO_OWNER | typeof TO_RUNNER;

/** "Look at the header": something there changed (CLOSING, PROCS, a thread that died). */
const SIGNAL = 1 << 30;

/** A list entry is `slot * 2 + addressee + 1`; 0 ends the list. */
export class Mailbox {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #order: number[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  /** The caller owns the link: see above. It wakes the isolate afterwards. */
  push(isolate: number, slot: number, addressee: Addressee): void {
    const words = this.#words;
    const head = this.#arena.isolate(isolate) + M_MAIL;
    const entry = slot * 2 + addressee + 1;
    const link = this.#link(slot, addressee);
    for (;;) {
      const before = load(words, head);
      store(words, link, before & ~SIGNAL);
      // Partner: the exchange in drain().
      if (cas(words, head, before, entry | (before & SIGNAL))) return;
    }
  }

  signal(isolate: number): void {
    or(this.#words, this.#arena.isolate(isolate) + M_MAIL, SIGNAL);
  }

  isEmpty(isolate: number): boolean {
    return load(this.#words, this.#arena.isolate(isolate) + M_MAIL) === 0;
  }

  /** Oldest first. Returns whether there was a signal too. */
  drain(isolate: number, read: (slot: number, addressee: Addressee) => void): boolean {
    const taken = exchange(this.#words, this.#arena.isolate(isolate) + M_MAIL, 0);
    // A reader may drain in its turn (a task that looks at `ctx.shouldYield` does): each call works above its own base.
    const order = this.#order;
    const base = order.length;
    for (let entry = taken & ~SIGNAL; entry !== 0;) {
      order.push(entry - 1);
      entry = load(this.#words, this.#link((entry - 1) >> 1, ((entry - 1) & 1) as Addressee));
    }
    while (order.length > base) {
      const entry = order.pop()!;
      read(entry >> 1, (entry & 1) as Addressee);
    }
    return (taken & SIGNAL) !== 0;
  }

  #link(slot: number, addressee: Addressee): number {
    return this.#arena.g(slot) + (addressee === TO_OWNER ? G_OWNER_LINK : G_RUNNER_LINK);
  }
}

/**
 * Mailboxes: one word per isolate, the head of a list of G slots, and of records of parked operations, that have something
 * to tell it.
 *
 * Anyone pushes (a CAS); only the isolate itself drains, with one exchange that takes the whole list. So there is no
 * ABA problem, no capacity, and nothing to initialise. The links are in the slots: one for mail to the slot's owner,
 * one for mail to its runner, one for reports, so a slot can be in mailboxes by each of them, but by each at most once:
 *
 * - owner mail: the runner sends at most one at a time (it asks for the arguments, then it reports the end);
 * - runner mail: `G_RUNNER_MAILED` is set by CAS before the push and cleared by the reader after unlinking;
 * - a report, to the owner: the runner exchanges `G_REPORT` before the push, if that was 0; the reader makes it 0 after unlinking.
 *   All of a task's are pushed before its end is, so an owner that reads of the end has read them.
 *
 * The mailbox of an isolate that has died is closed, so that nothing is ever in it: host/burial.ts.
 *
 * A record's is sent once, by who took it out of its object's queue; its isolate does not use it again before it has read that.
 *
 * A mail says only "look at this slot" (or record). What there is to see has been stored before the push.
 */
import { cas, exchange, load, or, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { M_MAIL } from "../arena/layout/m.ts";
import { W_MAIL } from "../arena/layout/object.ts";
import { G_OWNER_LINK, G_REPORT_LINK, G_RUNNER_LINK } from "../arena/layout/slot.ts";

export const TO_OWNER = 0;
export const TO_RUNNER = 1;
/** To the owner: the task has reported something. */
export const REPORT = 2;
/** The entry is the record of a parked operation (a word's index), and no slot. */
export const TO_WAITER = 3;
export type Addressee = typeof TO_OWNER | typeof TO_RUNNER | typeof REPORT | typeof TO_WAITER;

/** By the first three. */
const LINKS = [G_OWNER_LINK, G_RUNNER_LINK, G_REPORT_LINK];

/** "Look at the header": something there changed (CLOSING, PROCS, a thread that died). */
const SIGNAL = 1 << 30;

/** The word of an isolate that has died. Left by the host, when another thread gets the number. */
const MAILBOX_CLOSED = -1;

/** In the entry of a record, whose blocks start at multiples of 16 words. There are less than 2^23 slots. */
const RECORD = 1 << 29;

type Read = (slotOrRecord: number, addressee: Addressee) => void;

/** A list entry is `slot * 4 + addressee + 1`, or `RECORD | record / 16`; 0 ends the list. */
export class Mailbox {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  /** Taken out and not read: what is from #next to #end, oldest first. */
  readonly #taken: number[] = [];
  #next = 0;
  #end = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  /** The caller owns the link: see above. It wakes the isolate afterwards. False: that has died. */
  push(isolate: number, slot: number, addressee: Addressee): boolean {
    return this.#push(isolate, slot * 4 + addressee + 1);
  }

  /** By who took the record out of its queue, after it wrote the outcome. False: its isolate has died. */
  pushRecord(isolate: number, record: number): boolean {
    return this.#push(isolate, RECORD | record >> 4);
  }

  #push(isolate: number, entry: number): boolean {
    const words = this.#words;
    const head = this.#arena.isolate(isolate) + M_MAIL;
    const link = this.#link(entry);
    for (;;) {
      const before = load(words, head);
      if (before === MAILBOX_CLOSED) return false;
      store(words, link, before & ~SIGNAL);
      // Partner: the exchange in drain().
      if (cas(words, head, before, entry | (before & SIGNAL))) return true;
    }
  }

  signal(isolate: number): void {
    or(this.#words, this.#arena.isolate(isolate) + M_MAIL, SIGNAL);
  }

  isEmpty(isolate: number): boolean {
    return load(this.#words, this.#arena.isolate(isolate) + M_MAIL) === 0;
  }

  /**
   * Oldest first. Returns whether there was a signal too. A reader may drain in its turn (a task that looks at
   * `ctx.shouldYield` does), and reads what is left here first. One that throws has read its mail; the rest is left, and a
   * signal that says so.
   */
  drain(isolate: number, read: Read): boolean {
    const list = exchange(this.#words, this.#arena.isolate(isolate) + M_MAIL, 0);
    // It was buried before it came to its end, in a foreign call or frozen: the header says that all is closing.
    if (list === MAILBOX_CLOSED) return true;
    this.#end = this.#unlink(list, this.#taken, this.#end);
    try {
      while (this.#next < this.#end) deliver(this.#taken[this.#next++], read);
    } finally {
      if (this.#next < this.#end) this.signal(isolate);
      else this.#next = this.#end = 0;
    }
    return (list & SIGNAL) !== 0;
  }

  /** By the host, of an isolate that has died: what has come so far is read, and no more will come. */
  close(isolate: number, read: Read): void {
    const list = exchange(this.#words, this.#arena.isolate(isolate) + M_MAIL, MAILBOX_CLOSED);
    const taken: number[] = [];
    if (list !== MAILBOX_CLOSED) this.#unlink(list, taken, 0);
    for (const entry of taken) deliver(entry, read);
  }

  /** By the host, before another thread has the number. */
  open(isolate: number): void {
    store(this.#words, this.#arena.isolate(isolate) + M_MAIL, 0);
  }

  /** What is in the list, which has the newest first, into `taken`, which has the oldest first. Returns where that ends. */
  #unlink(list: number, taken: number[], from: number): number {
    let end = from;
    for (let entry = list & ~SIGNAL; entry !== 0; entry = load(this.#words, this.#link(entry))) {
      taken[end++] = entry;
    }
    for (let low = from, high = end - 1; low < high; low++, high--) {
      const entry = taken[low];
      taken[low] = taken[high];
      taken[high] = entry;
    }
    return end;
  }

  #link(entry: number): number {
    if ((entry & RECORD) !== 0) return ((entry & ~RECORD) << 4) + W_MAIL;
    return this.#arena.g((entry - 1) >> 2) + LINKS[(entry - 1) & 3];
  }
}

function deliver(entry: number, read: Read): void {
  if ((entry & RECORD) !== 0) read((entry & ~RECORD) << 4, TO_WAITER);
  else read((entry - 1) >> 2, ((entry - 1) & 3) as Addressee);
}

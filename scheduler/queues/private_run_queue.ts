/**
 * What is due on one M and known to nobody else: plain objects of its heap. Children are taken newest first, as a child
 * is usually awaited next, and a tree of children stays as deep as it is, not as wide.
 */
import { Fifo } from "./fifo.ts";

export class PrivateRunQueue<T> extends Fifo<T> {
  popNewest(): T | undefined {
    return this.pop();
  }

  /** One that was taken out: it is the oldest. */
  putBack(entry: T): void {
    if (this.first > 0) this.entries[--this.first] = entry;
    else this.entries.unshift(entry);
  }
}

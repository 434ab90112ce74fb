/**
 * What waits its turn in one isolate: first in, first out, in constant time each. An array's `shift()` moves all others from
 * 16,000 elements on (V8 15), and the first of a Set is looked for behind all that were there before it.
 */
export class Fifo<T> {
  protected entries: (T | undefined)[] = [];
  /** Of the oldest. */
  protected first = 0;

  get length(): number {
    return this.entries.length - this.first;
  }

  push(entry: T): void {
    this.entries.push(entry);
  }

  /** The one whose turn it is, or undefined. */
  get oldest(): T | undefined {
    return this.entries[this.first];
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.first; i < this.entries.length; i++) yield this.entries[i]!;
  }

  popOldest(): T | undefined {
    // The only one: the array keeps its memory.
    if (this.length <= 1) return this.pop();
    const oldest = this.entries[this.first];
    this.entries[this.first++] = undefined;
    // Half of a long array is behind us: the rest moves down.
    if (this.first > 1024 && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
    return oldest;
  }

  /** The newest. */
  protected pop(): T | undefined {
    if (this.entries.length === this.first) return undefined;
    const newest = this.entries.pop();
    if (this.first !== 0 && this.entries.length === this.first) this.entries.length = this.first = 0;
    return newest;
  }

  /** All, oldest first, and none is left. */
  takeAll(): T[] {
    const all = this.entries.slice(this.first) as T[];
    this.entries = [];
    this.first = 0;
    return all;
  }
}

/**
 * What is due on one M and known to nobody else: plain objects of its heap. Children are taken newest first, as a child
 * is usually awaited next, and a tree of children stays as deep as it is, not as wide; what waits its turn, oldest first.
 */
export class PrivateRunQueue<T> {
  #entries: (T | undefined)[] = [];
  #oldest = 0;

  get length(): number {
    return this.#entries.length - this.#oldest;
  }

  /** Or undefined. */
  get oldest(): T | undefined {
    return this.#entries[this.#oldest];
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  popNewest(): T | undefined {
    if (this.#entries.length === this.#oldest) return undefined;
    const entry = this.#entries.pop();
    if (this.#oldest !== 0 && this.#entries.length === this.#oldest) this.#reset();
    return entry;
  }

  popOldest(): T | undefined {
    // The only one: the array keeps its memory.
    if (this.#entries.length - this.#oldest <= 1) return this.popNewest();
    const entry = this.#entries[this.#oldest];
    this.#entries[this.#oldest++] = undefined;
    // Half of a long array is behind us: move the rest down.
    if (this.#oldest > 1024 && this.#oldest * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#oldest);
      this.#oldest = 0;
    }
    return entry;
  }

  /** One that was taken out: it is the oldest. */
  putBack(entry: T): void {
    if (this.#oldest > 0) this.#entries[--this.#oldest] = entry;
    else this.#entries.unshift(entry);
  }

  #reset(): void {
    this.#entries.length = 0;
    this.#oldest = 0;
  }
}

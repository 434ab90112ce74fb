/**
 * What others may see of a thread on a machine of weak order, beyond all interleavings: its plain stores to words that are read
 * meanwhile (by `glance`), and the atomic stores before them.
 *
 * As on ARM from version 8.1 on (scheduler/arena/README.md, "Weak order"):
 *
 * - A plain store may be seen as late as the thread's next atomic write, and before or after those to other words. What is before an
 *   `stlr` or a `casal` stays before it.
 * - It may be seen before atomic stores that precede it, up to the thread's last load or read-modify-write. What is after an `ldar` or
 *   a `casal` stays after it.
 *
 * The words themselves have all that the thread has written. Who else reads one chooses which value it sees; once one was seen, nobody
 * sees an older one. Left out: somebody else's atomic write to such a word, which finds the store done.
 */
interface Store {
  readonly index: number;
  readonly before: number;
}

export class InFlight {
  /** Since the last atomic write; oldest first, as the other ones. */
  readonly #plain: Store[] = [];
  /** Since the last other atomic operation. They are seen in their order. */
  readonly #atomic: Store[] = [];
  /** A plain store came after those atomic ones. */
  #mayOvertake = false;

  /** Of the state of the world. What the thread has done says the rest. */
  get mark(): number {
    return this.#mayOvertake ? 1 + (this.#plain.length << 8 | this.#atomic.length << 1) : 0;
  }

  /** Whether others may see less of it after the thread's next operation. */
  endsWith(writes: boolean): boolean {
    return this.#mayOvertake && (this.#atomic.length > 0 || writes && this.#plain.length > 0);
  }

  plainStore(index: number, before: number): void {
    this.#plain.push({ index, before });
    this.#mayOvertake = true;
  }

  atomicStore(index: number, before: number): void {
    this.#plain.length = 0;
    this.#atomic.push({ index, before });
    this.#mayOvertake = false;
  }

  load(): void {
    this.#atomic.length = 0;
    if (this.#plain.length === 0) this.#mayOvertake = false;
  }

  clear(): void {
    this.#plain.length = 0;
    this.#atomic.length = 0;
    this.#mayOvertake = false;
  }

  /**
   * Another thread does something: whether it may see less than all. Atomic stores that no plain one has overtaken yet are seen: not
   * to see them is another schedule, in which they come later.
   */
  isInDoubt(): boolean {
    if (!this.#mayOvertake && this.#atomic.length > 0) this.#atomic.length = 0;
    return this.#mayOvertake;
  }

  /** Values of the word that another thread may see instead of the last one, the newest of them first. */
  olderValues(index: number): number[] {
    const older: number[] = [];
    for (const stores of [this.#plain, this.#atomic]) {
      for (let i = stores.length - 1; i >= 0; i--) {
        if (stores[i].index === index) older.push(stores[i].before);
      }
    }
    return older;
  }

  /** Another thread has seen the last value, or the older one with that place in `olderValues`, plus 1. */
  seen(index: number, age: number): void {
    for (let i = this.#plain.length - 1; i >= 0; i--) {
      if (this.#plain[i].index === index && --age < 0) this.#plain.splice(i, 1);
    }
    for (let i = this.#atomic.length - 1; i >= 0; i--) {
      if (this.#atomic[i].index !== index || --age >= 0) continue;
      this.#atomic.splice(0, i + 1);
      return;
    }
  }
}

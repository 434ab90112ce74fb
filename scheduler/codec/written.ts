/** The objects written or begun in a message, and their words: the first few in two lists, all in a Map once they are more. */

/** Up to this number a list is faster than a Map (measured). */
const FEW = 8;

export class Written {
  #few = 0;
  readonly #objects: (object | undefined)[] = new Array(FEW).fill(undefined);
  readonly #words: number[] = new Array(FEW).fill(0);
  #wordOf: Map<object, number> | undefined;

  wordOf(value: object): number | undefined {
    if (this.#wordOf) return this.#wordOf.get(value);
    for (let i = 0; i < this.#few; i++) if (this.#objects[i] === value) return this.#words[i];
    return undefined;
  }

  add(value: object, at: number): void {
    if (this.#wordOf) {
      this.#wordOf.set(value, at);
    } else if (this.#few < FEW) {
      this.#objects[this.#few] = value;
      this.#words[this.#few++] = at;
    } else {
      this.#wordOf = new Map(this.#objects.map((object, i) => [object!, this.#words[i]]));
      this.#wordOf.set(value, at);
    }
  }

  /** What was written from word `at` on was taken back. */
  cut(at: number): void {
    while (this.#few > 0 && this.#words[this.#few - 1] >= at) this.#objects[--this.#few] = undefined;
    for (const [object, word] of this.#wordOf ?? []) if (word >= at) this.#wordOf!.delete(object);
  }

  clear(): void {
    for (let i = 0; i < this.#few; i++) this.#objects[i] = undefined;
    this.#few = 0;
    this.#wordOf = undefined;
  }
}

/** A number that tests and tasks see at once, on whatever threads they are. */
export class Flag {
  readonly words: Int32Array<SharedArrayBuffer>;

  constructor(readonly buffer = new SharedArrayBuffer(4)) {
    this.words = new Int32Array(buffer);
  }

  get value(): number {
    return Atomics.load(this.words, 0);
  }

  set value(value: number) {
    Atomics.store(this.words, 0, value);
  }

  /** Returns the number after. */
  increment(): number {
    return Atomics.add(this.words, 0, 1) + 1;
  }
}

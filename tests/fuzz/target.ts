/** What can be fuzzed: a function of bytes that throws if the code under test did what it must not do. */
export interface Target {
  readonly name: string;
  /** Parts of the URLs of the modules whose coverage guides it. */
  readonly modules: readonly string[];
  /** Pieces that inputs are likely to be made of. */
  readonly tokens?: readonly (string | Uint8Array)[];
  /** To begin with, beside the corpus. */
  readonly seeds?: readonly Uint8Array[];
  run(input: Uint8Array): void;
}

/** Reads decisions from the bytes of an input, which then says what a value or a call consists of. */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** 0 when all is read. */
  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  below(n: number): number {
    return this.byte() % n;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  take(length: number): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(this.#at, this.#at + length) as Uint8Array<ArrayBuffer>;
    this.#at += length;
    return taken;
  }

  /** Of code units, each from one byte or two. */
  text(length: number): string {
    const isWide = this.byte() % 3 === 0;
    let text = "";
    for (let i = 0; i < length; i++) {
      text += String.fromCharCode(isWide ? this.byte() << 8 | this.byte() : this.byte());
    }
    return text;
  }
}

/**
 * Numbers for task definitions, so that a slot can say in one word what is to run. Entries are appended under a lock
 * and never change; readers of a number they were given need no lock.
 */
import { cas, load, pause, store } from "./atomics.ts";
import { type Arena, MAX_DEFINITIONS, TASK_BYTES, TASK_COUNT, TASK_LOCK } from "./memory_layout.ts";
import type { Definition } from "./task.ts";

export class TaskTable {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #keys: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<Definition, number>();

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  number(definition: Definition): number {
    const known = this.#known.get(definition);
    if (known !== undefined) return known;
    const number = this.#register(`${definition.module}#${definition.name}`);
    this.#known.set(definition, number);
    return number;
  }

  /** `module#name` */
  key(number: number): string {
    if (number >= this.#keys.length) this.#readNew();
    return this.#keys[number];
  }

  #register(key: string): number {
    // Held for microseconds, once for a definition and arena, so even the host may wait for it.
    while (!cas(this.#words, TASK_LOCK, 0, 1)) pause();
    try {
      this.#readNew();
      return this.#numbers.get(key) ?? this.#append(key);
    } finally {
      store(this.#words, TASK_LOCK, 0);
    }
  }

  #readNew(): void {
    // Partner: the store in #append, after which the entry does not change.
    const count = load(this.#words, TASK_COUNT);
    while (this.#keys.length < count) {
      const entry = this.#arena.definitions + this.#keys.length * 2;
      const at = this.#words[entry];
      // TextDecoder refuses shared memory: slice() copies.
      const key = new TextDecoder().decode(
        new Uint8Array(this.#arena.u8.slice(at, at + this.#words[entry + 1])),
      );
      this.#numbers.set(key, this.#keys.length);
      this.#keys.push(key);
    }
  }

  #append(key: string): number {
    const bytes = new TextEncoder().encode(key);
    const number = load(this.#words, TASK_COUNT);
    const used = load(this.#words, TASK_BYTES);
    if (number >= MAX_DEFINITIONS || used + bytes.length > this.#arena.namesBytes) {
      throw new RangeError(
        `${key} is one task too many for this scheduler: it takes ${MAX_DEFINITIONS}, ` +
          `and ${this.#arena.namesBytes} bytes of module URLs and names.`,
      );
    }
    const at = this.#arena.namesAt + used;
    this.#arena.u8.set(bytes, at);
    const entry = this.#arena.definitions + number * 2;
    this.#words[entry] = at;
    this.#words[entry + 1] = bytes.length;
    store(this.#words, TASK_BYTES, used + bytes.length);
    store(this.#words, TASK_COUNT, number + 1);
    this.#readNew();
    return number;
  }
}

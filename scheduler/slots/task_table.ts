/**
 * Numbers for task definitions, so that a slot can say in one word what is to run. Entries are appended under a lock
 * and never change, but for
 * what run_times.ts keeps there; readers of a number they were given need no lock. Two isolates may append a definition at one time:
 * then it has two numbers.
 */
import { cas, load, pause, store } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { TASK_BYTES, TASK_COUNT, TASK_LOCK } from "../arena/layout/header.ts";
import { D_KEY, D_KEY_BYTES, MAX_DEFINITIONS } from "../arena/layout/slot.ts";
import type { Definition } from "../tasks/call.ts";

export class TaskTable {
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #keys: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<Definition, number>();
  /** The one that was asked for last: a task starts many of one definition. Forgotten as a number is given. */
  #last: Definition | undefined = undefined;
  #lastNumber = -1;

  /** TASK_LOCK has the number of the isolate that is inside, plus 1, in case it dies there. */
  readonly #inside: number;

  constructor(arena: Arena, isolate: number) {
    this.#arena = arena;
    this.#words = arena.i32;
    this.#inside = isolate + 1;
  }

  /** Its number, if it has one here: nobody else needs one. Else -1. */
  known(definition: Definition): number {
    if (definition !== this.#last) {
      this.#lastNumber = this.#known.get(definition) ?? -1;
      this.#last = definition;
    }
    return this.#lastNumber;
  }

  /** Its number, if it has one in any isolate; else -1. */
  find(definition: Definition): number {
    const known = this.known(definition);
    if (known >= 0) return known;
    this.#readNew();
    return this.#numbers.has(definition.key) ? this.number(definition) : -1;
  }

  number(definition: Definition): number {
    const known = this.#known.get(definition);
    if (known !== undefined) return known;
    const number = this.#register(definition.key);
    this.#known.set(definition, number);
    this.#last = undefined;
    return number;
  }

  /** How many have a number. */
  get count(): number {
    return load(this.#words, TASK_COUNT);
  }

  /** A definition's: see `keyOf`. */
  key(number: number): string {
    if (number >= this.#keys.length) this.#readNew();
    return this.#keys[number];
  }

  #register(key: string): number {
    this.#readNew();
    return this.#numbers.get(key) ?? this.#append(key, new TextEncoder().encode(key));
  }

  /** By the host: a thread died inside. */
  breakLock(dead: number): void {
    cas(this.#words, TASK_LOCK, dead + 1, 0);
  }

  #readNew(): void {
    // Partner: the store in #append, after which the entry does not change.
    const count = load(this.#words, TASK_COUNT);
    while (this.#keys.length < count) {
      const entry = this.#arena.definition(this.#keys.length);
      const at = this.#words[entry + D_KEY];
      // TextDecoder refuses shared memory: slice() copies.
      const key = new TextDecoder().decode(
        new Uint8Array(this.#arena.u8.slice(at, at + this.#words[entry + D_KEY_BYTES])),
      );
      this.#numbers.set(key, this.#keys.length);
      this.#keys.push(key);
    }
  }

  #append(key: string, bytes: Uint8Array): number {
    // Held for less than a microsecond, once for a definition and arena, so even the host may wait for it. Nothing in here
    // allocates: a thread whose heap is full does not die inside.
    while (!cas(this.#words, TASK_LOCK, 0, this.#inside)) pause();
    const number = load(this.#words, TASK_COUNT);
    const used = load(this.#words, TASK_BYTES);
    const hasRoom = number < MAX_DEFINITIONS && used + bytes.length <= this.#arena.namesBytes;
    if (hasRoom) {
      const at = this.#arena.namesAt + used;
      this.#arena.u8.set(bytes, at);
      const entry = this.#arena.definition(number);
      this.#words[entry + D_KEY] = at;
      this.#words[entry + D_KEY_BYTES] = bytes.length;
      // No word is of two keys: another one may be written while this is read.
      store(this.#words, TASK_BYTES, used + bytes.length + 3 & ~3);
      store(this.#words, TASK_COUNT, number + 1);
    }
    store(this.#words, TASK_LOCK, 0);
    if (hasRoom) return number;
    throw new RangeError(
      `${key} is one task too many for this scheduler: it takes ${MAX_DEFINITIONS}, ` +
        `and ${this.#arena.namesBytes} bytes of module URLs and names.`,
    );
  }
}

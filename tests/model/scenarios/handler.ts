/**
 * The handler of SIGURG, native/preempt.c, line by line: its answer() and freeze() are in C, where the checker does not look.
 * Change them together.
 */
import { cas, type Futex, load, store } from "../../../scheduler/arena/atomics.ts";
import { type Arena, M_GIVEN, M_LOCKS, M_REFUSALS, M_SLEEP } from "../../../scheduler/arena/memory_layout.ts";
import { ASKED, AWAKE, FROZEN, LETS_GO, LOST, SEIZED } from "../../../scheduler/parking/sleep_word.ts";

/** HEDDLE_LOCKS in native/shim.h. */
const LOCKS = 255;

export class Handler {
  readonly #words: Int32Array;
  readonly #futex: Futex;
  readonly #sleep: number;
  readonly #locks: number;
  readonly #given: number;
  /** Two counts. */
  readonly #refusals: number;
  /** Whether the program counter is in code that may be frozen, by how often it was not. */
  readonly #isCode: (refusals: number) => boolean;

  constructor(arena: Arena, isolate: number, futex: Futex, isCode: (refusals: number) => boolean) {
    this.#words = arena.i32;
    this.#futex = futex;
    this.#sleep = arena.isolate(isolate) + M_SLEEP;
    this.#locks = arena.isolate(isolate) + M_LOCKS;
    this.#given = arena.isolate(isolate) + M_GIVEN;
    this.#refusals = arena.isolate(isolate) + M_REFUSALS;
    this.#isCode = isCode;
  }

  answer(): void {
    const words = this.#words;
    const asked = load(words, this.#sleep);
    if ((asked & ASKED) === 0) return;
    let next = asked & ~(ASKED | LETS_GO);
    if ((load(words, this.#locks) & LOCKS) !== 0) {
      words[this.#refusals]++;
    } else if (this.#isCode(words[this.#refusals + 1])) {
      next = (asked & LOST) | FROZEN;
    } else {
      words[this.#refusals + 1]++;
      if ((asked & LETS_GO) !== 0) {
        store(words, this.#given, SEIZED);
        next = LETS_GO;
      }
    }
    if (cas(words, this.#sleep, asked, next) && (next & FROZEN) !== 0) this.#freeze();
  }

  #freeze(): void {
    const words = this.#words;
    let state: number;
    while (((state = load(words, this.#sleep)) & FROZEN) !== 0) this.#futex.sleep(this.#sleep, state, -1);
    store(words, this.#given, state);
    store(words, this.#sleep, AWAKE);
  }
}

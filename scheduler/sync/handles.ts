/**
 * Handles of what tasks share (channels, locks), and the life of the objects behind them, which are blocks of the arena.
 *
 * An object knows which isolates have a handle of it (O_ISOLATES, a bit each), and how many references are on their way
 * (O_IN_FLIGHT: in payloads and in channels). An isolate has at most one handle of an object: what arrives a second time is the
 * same JavaScript object. When the collector takes a handle the isolate's bit is cleared, and who clears the last one,
 * with nothing on its way, frees the block.
 *
 * Order: a handle's encoding adds 1 to O_IN_FLIGHT; who decodes it sets the bit, then takes the 1 away. Partner: `#release`
 * reads O_IN_FLIGHT, then the bits. Only a holder can send a reference on, so once both are zero they stay so.
 *
 * In a thread the bundled scheduler and the `mod.ts` that tasks import are two instances of these modules. Tasks make
 * and use the handles of theirs; the bundle makes those that arrive by the factories that it finds on the global object.
 */
import { add, load, or } from "../arena/atomics.ts";
import { dropCell, type Store } from "./cell.ts";
import { Refusal } from "../codec/refusal.ts";
import { type Bridges, HANDLE, type Handle, type References } from "../codec/handle.ts";
import { arenaFull, blockClass, LARGEST_BLOCK } from "../arena/heap.ts";
import { HOME } from "../tasks/home.ts";
import type { ObjectLocks } from "./object_lock.ts";
import { freeName } from "./object_name.ts";
import { OBJECTS_FIRST, OBJECTS_LOCK } from "../arena/layout/header.ts";
import {
  C_CAPACITY,
  C_COUNT,
  C_HEAD,
  CELL_WORDS,
  O_CLASS,
  O_IN_FLIGHT,
  O_ISOLATES,
  O_KIND,
  O_NEXT,
  O_PREVIOUS,
} from "../arena/layout/object.ts";

export const CHANNEL = 1;
export const MUTEX = 2;
export const RW_MUTEX = 3;
export const SEMAPHORE = 4;
export const WAIT_GROUP = 5;
export const ONCE = 6;
export const BARRIER = 7;
export type Kind = number;

/** What is behind a handle. */
export interface Shareable {
  readonly isolate: { readonly handles: References };
  /** The object, as a word's index. What was known here alone moves to the arena first. */
  share(): number;
}

type Factory = (home: unknown, object: number) => Handle;

const factories: Map<Kind, Factory> =
  (globalThis as unknown as Record<symbol, Map<Kind, Factory>>)[Symbol.for("heddle.handles")] ??= new Map();

/**
 * Says how a handle that arrives is made, of an Arrived in the place of a home. The last one counts: in a thread, that of
 * the module that tasks import.
 */
export function knowHandle(kind: Kind, make: (arrived: never) => Handle): void {
  factories.set(kind, (home, object) => make(new Arrived(home, object) as never));
}

/** What the constructor of a handle gets for one that arrives: whose it is, and the object. */
export class Arrived {
  readonly [HOME]: unknown;
  readonly object: number;

  constructor(home: unknown, object: number) {
    this[HOME] = home;
    this.object = object;
  }
}

interface Known {
  readonly object: number;
  readonly handle: WeakRef<Handle>;
}

export class Handles implements References {
  departures = 0;
  /** Set by who runs tasks here, or starts them. */
  bridges: Bridges | undefined = undefined;
  readonly #number: number;
  readonly #locks: ObjectLocks;
  /** Whose handles they are. */
  readonly #home: Store;
  readonly #words: Int32Array;
  readonly #bitWords: number;
  readonly #bit: number;
  readonly #bitWord: number;
  readonly #known = new Map<number, Known>();
  readonly #collected = new FinalizationRegistry<Known>((known) => {
    // Another handle may have been made since.
    if (this.#known.get(known.object) !== known) return;
    this.#known.delete(known.object);
    this.#release(known.object);
  });

  constructor(home: Store, number: number, locks: ObjectLocks) {
    const { i32, isolateBits } = home.arena;
    this.#number = number;
    this.#locks = locks;
    this.#home = home;
    this.#words = i32;
    this.#bitWords = isolateBits;
    this.#bit = 1 << (number & 31);
    this.#bitWord = O_ISOLATES + (number >> 5);
  }

  /** Word of the object after its fixed part. */
  get bodyAt(): number {
    return O_ISOLATES + this.#bitWords;
  }

  /** A new object, all zeros but for its kind. Throws a RangeError if the arena is full. */
  create(kind: Kind, words: number): number {
    const bytes = (this.bodyAt + words) * 4;
    const sizeClass = blockClass(bytes);
    const block = bytes > LARGEST_BLOCK ? 0 : this.#home.heap.allocate(sizeClass);
    if (block === 0) throw arenaFull(this.#home.arena.shape.bytes);
    const object = block >> 2;
    // Plain access: nobody else knows it yet.
    this.#words.fill(0, object, object + (bytes >> 2));
    this.#words[object + O_KIND] = kind;
    this.#words[object + O_CLASS] = sizeClass;
    this.#words[object + this.#bitWord] = this.#bit;
    this.#link(object);
    return object;
  }

  /** It came to nothing: nobody has heard of the object. */
  abandon(object: number): void {
    this.#destroy(object);
  }

  /** The handle of an object that this isolate made. */
  adopt(object: number, handle: Handle): void {
    const known = { object, handle: new WeakRef(handle) };
    this.#known.set(object, known);
    this.#collected.register(handle, known);
  }

  /** Of objects that this isolate has handles of. */
  get count(): number {
    return this.#known.size;
  }

  share(handle: Handle): number {
    const inside = handle[HANDLE] as Shareable;
    if (inside.isolate.handles !== this) {
      throw new Refusal(
        "it belongs to another scheduler; make one with the scheduler whose tasks are to use it",
      );
    }
    return inside.share();
  }

  depart(object: number): void {
    this.departures++;
    add(this.#words, object + O_IN_FLIGHT, 1);
  }

  arrive(object: number): Handle {
    let handle = this.#known.get(object)?.handle.deref();
    if (handle === undefined) {
      or(this.#words, object + this.#bitWord, this.#bit);
      const kind = this.#words[object + O_KIND];
      const make = factories.get(kind);
      if (make === undefined) {
        throw new Error(`Heddle: a handle of kind ${kind} arrived where none can be made.`);
      }
      handle = make(this.#home, object);
      this.adopt(object, handle);
    }
    add(this.#words, object + O_IN_FLIGHT, -1);
    return handle;
  }

  /** What is behind a handle of the object. It is nobody's, and counts for nothing: for who has the object's lock. */
  inside(object: number): unknown {
    return factories.get(this.#words[object + O_KIND])!(this.#home, object)[HANDLE];
  }

  /** Whether an isolate has a handle of it. */
  has(isolate: number, object: number): boolean {
    return (load(this.#words, object + O_ISOLATES + (isolate >> 5)) & (1 << (isolate & 31))) !== 0;
  }

  /** This isolate has no handle any more. */
  #release(object: number): void {
    this.#locks.lock(object);
    const isLast = this.#clearBit(this.#number, object);
    this.#locks.unlock(object);
    if (isLast) this.#destroy(object);
  }

  /** Under the object's lock. Whether that was the last reference. */
  #clearBit(isolate: number, object: number): boolean {
    const words = this.#words;
    const isOnItsWay = load(words, object + O_IN_FLIGHT) !== 0;
    const bits = object + O_ISOLATES;
    const bit = 1 << (isolate & 31);
    if ((load(words, bits + (isolate >> 5)) & bit) === 0) return false;
    // Only the isolate itself sets its bit, and not now. The other bits of the word may change: they are set without lock.
    add(words, bits + (isolate >> 5), -bit);
    for (let i = 0; i < this.#bitWords; i++) {
      if (load(words, bits + i) !== 0) return false;
    }
    return !isOnItsWay;
  }

  /** Nobody knows the object any more. */
  #destroy(object: number): void {
    this.#unlink(object);
    const words = this.#words;
    if (words[object + O_KIND] === CHANNEL) {
      for (; words[object + C_COUNT] > 0; words[object + C_COUNT]--) {
        const index = (words[object + C_HEAD] + words[object + C_COUNT] - 1) % words[object + C_CAPACITY];
        dropCell(this.#home, this.#home.values, object + this.bodyAt + index * CELL_WORDS);
      }
    }
    freeName(words, this.#home.heap, object);
    this.#home.heap.free(object * 4, words[object + O_CLASS]);
  }

  #link(object: number): void {
    const words = this.#words;
    this.#locks.lock(OBJECTS_LOCK);
    const next = words[OBJECTS_FIRST];
    words[object + O_NEXT] = next;
    if (next !== 0) words[next + O_PREVIOUS] = object;
    words[OBJECTS_FIRST] = object;
    this.#locks.unlock(OBJECTS_LOCK);
  }

  #unlink(object: number): void {
    const words = this.#words;
    this.#locks.lock(OBJECTS_LOCK);
    const next = words[object + O_NEXT];
    const previous = words[object + O_PREVIOUS];
    if (next !== 0) words[next + O_PREVIOUS] = previous;
    if (previous !== 0) words[previous + O_NEXT] = next;
    else words[OBJECTS_FIRST] = next;
    this.#locks.unlock(OBJECTS_LOCK);
  }

  /**
   * By the host, for an isolate that died: `look` at every object, under its lock, and drop what that one had of it. None
   * is destroyed meanwhile, since that takes the list's lock.
   */
  bury(dead: number, look: (object: number) => void): void {
    const words = this.#words;
    const last: number[] = [];
    this.#locks.breakLock(OBJECTS_LOCK, dead);
    this.#locks.lock(OBJECTS_LOCK);
    for (let object = words[OBJECTS_FIRST]; object !== 0; object = words[object + O_NEXT]) {
      this.#locks.breakLock(object, dead);
      this.#locks.lock(object);
      look(object);
      if (this.#clearBit(dead, object)) last.push(object);
      this.#locks.unlock(object);
    }
    this.#locks.unlock(OBJECTS_LOCK);
    for (const object of last) this.#destroy(object);
  }
}

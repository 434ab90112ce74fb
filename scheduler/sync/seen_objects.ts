/**
 * Channels and locks as one sees them who has no handle of them, takes no lock and waits for nobody: which there are, who
 * holds them, and whose operations are parked there.
 *
 * All of it is plain memory under locks (the list's, each object's), and a block may be another object the next moment. So
 * this reads as a seqlock's readers do: the count of the lock's turns, the lock, what it guards, the lock, the count. If the
 * lock was open both times and the count is the same, nobody was inside between: one who came after the first look at the
 * lock and left before the second has raised the count.
 *
 *   what is read                      was stable if
 *   the list of all objects           nobody was inside the list's lock
 *   an object, its queues, their      nobody was inside the object's lock, and the object was in the list all the time:
 *   records                           who frees one takes it out of the list before, under the list's lock
 *
 * An object is in the list before it is complete: then it is passed over.
 *
 * Until that is known, any index may be anything: it is looked at only if it could be an object's or a record's, and never
 * without end. An object that did not hold still for a few looks is counted, and left out. A list that did not is told as far as
 * it was read: each object in it is sound by itself.
 *
 * On an ARM without the atomic instructions of version 8.1 that is not quite so: arena/README.md, "Weak order".
 *
 * A mutex is locked and unlocked without its lock while nobody waits: its holder is one word, true at the moment of the look.
 */
import { glance } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { OBJECTS_FIRST, OBJECTS_LOCK } from "../arena/layout/header.ts";
import {
  C_CAPACITY,
  C_COUNT,
  L_COUNT,
  L_HOLDER,
  L_LIMIT,
  MUTEX_DEAD,
  MUTEX_WAITED,
  O_ENDED,
  O_FIRST_QUEUE,
  O_ISOLATES,
  O_KIND,
  O_NAME,
  O_NEXT,
  O_SECOND_QUEUE,
  O_TURNS,
  W_DEMAND,
  W_FIRED,
  W_ISOLATE,
  W_NEXT,
  W_SELECTION,
} from "../arena/layout/object.ts";
import { MOST_LOOKS } from "../slots/seen_slot.ts";
import { isComplete } from "./object_lock.ts";
import { seeName } from "./object_name.ts";
import { CHANNEL, type Kind, MUTEX, ONCE, RW_MUTEX, SEMAPHORE } from "./handles.ts";

/** Operations of one isolate that wait there for the same. */
export interface SeenWait {
  readonly isolate: number;
  /** O_FIRST_QUEUE or O_SECOND_QUEUE. */
  readonly queue: number;
  /** What a lock's operation asks for; 0 of a channel's. */
  readonly demand: number;
  readonly isInSelect: boolean;
  count: number;
}

export interface SeenObject {
  /** As its name has it. */
  readonly number: number;
  readonly kind: Kind;
  /** As its maker calls it. */
  readonly name: string | undefined;
  /** A channel: closed. A lock: a thread died that held it. */
  readonly isEnded: boolean;
  /** Values in a channel, permits that are left, what is to be done: by its kind. */
  readonly count: number;
  /** Values that a channel can have, permits that there are, parties. */
  readonly limit: number;
  /** Isolates that hold a lock, and how often. */
  readonly holders: readonly (readonly [isolate: number, times: number])[];
  /** Longest first. */
  readonly waits: readonly SeenWait[];
}

/** Records between two looks whether it is worth going on. */
const STRIDE = 256;
/** An isolate's part in the key of a wait. */
const KEYS = 4096;

export class SeenObjects {
  /** Objects that changed at each look; 1 more if the list itself did. */
  unstable = 0;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  /** Of the list's lock, as this walk began. */
  #listTurns = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#words = arena.i32;
  }

  see(): SeenObject[] {
    let best: SeenObject[] = [];
    let bestUnstable = 0;
    for (let i = 0; i < MOST_LOOKS; i++) {
      const turns = this.#turns(OBJECTS_LOCK);
      if (turns === undefined) continue;
      this.#listTurns = turns;
      this.unstable = 0;
      const seen: SeenObject[] = [];
      if (this.#walk(seen)) return seen;
      if (seen.length >= best.length) {
        best = seen;
        bestUnstable = this.unstable;
      }
    }
    this.unstable = bestUnstable + 1;
    return best;
  }

  /** Whether that are all. */
  #walk(seen: SeenObject[]): boolean {
    let object = glance(this.#words, OBJECTS_FIRST);
    while (object !== 0) {
      if (!this.#mayBeBlock(object)) return false;
      const mayBeSeen = isComplete(glance(this.#words, object + O_TURNS));
      const one = mayBeSeen ? this.#look(object) : undefined;
      if (!this.#isSame(OBJECTS_LOCK, this.#listTurns)) return false;
      if (one !== undefined) seen.push(one);
      else if (mayBeSeen) this.unstable++;
      object = glance(this.#words, object + O_NEXT);
    }
    return this.#isSame(OBJECTS_LOCK, this.#listTurns);
  }

  /** Undefined if it changed at each look. */
  #look(object: number): SeenObject | undefined {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const turns = this.#turns(object);
      if (turns === undefined) continue;
      const seen = this.#read(object, turns);
      if (seen !== undefined && this.#isSame(object, turns)) return seen;
    }
  }

  #read(object: number, turns: number): SeenObject | undefined {
    const words = this.#words;
    const kind = glance(words, object + O_KIND);
    const waits: SeenWait[] = [];
    if (!this.#readQueue(object, turns, O_FIRST_QUEUE, kind, waits)) return undefined;
    const isChannel = kind === CHANNEL;
    if (isChannel && !this.#readQueue(object, turns, O_SECOND_QUEUE, kind, waits)) return undefined;
    const name = glance(words, object + O_NAME);
    const holder = isChannel ? 0 : glance(words, object + L_HOLDER);
    return {
      number: object >> 4,
      kind,
      name: this.#mayBeBlock(name) ? seeName(this.#arena, name) : undefined,
      isEnded: kind === MUTEX ? holder === MUTEX_DEAD : glance(words, object + O_ENDED) === 1,
      count: glance(words, object + (isChannel ? C_COUNT : L_COUNT)),
      limit: glance(words, object + (isChannel ? C_CAPACITY : L_LIMIT)),
      holders: this.#readHolders(object, kind, holder),
      waits,
    };
  }

  /** False: it changes meanwhile. */
  #readQueue(object: number, turns: number, queue: number, kind: Kind, waits: SeenWait[]): boolean {
    const words = this.#words;
    const known = new Map<number, SeenWait>();
    let steps = 0;
    for (let record = glance(words, object + queue); record !== 0; record = glance(words, record + W_NEXT)) {
      if (!this.#mayBeBlock(record)) return false;
      // What is no object any more may have a circle where the queue was.
      if (++steps % STRIDE === 0 && !this.#isSound(object, turns)) return false;
      const selection = glance(words, record + W_SELECTION);
      // Another case of the select has won: its isolate will find it here, and nobody else takes it.
      if (selection !== 0 && this.#mayBeBlock(selection) && glance(words, selection + W_FIRED) !== 0) {
        continue;
      }
      const isolate = glance(words, record + W_ISOLATE);
      // Only a lock's operations say what they want.
      const demand = kind === CHANNEL || kind === MUTEX ? 0 : glance(words, record + W_DEMAND);
      const key = (demand * 2 + (selection === 0 ? 0 : 1)) * KEYS + isolate;
      const wait = known.get(key);
      if (wait !== undefined) {
        wait.count++;
        continue;
      }
      const first = { isolate, queue, demand, isInSelect: selection !== 0, count: 1 };
      known.set(key, first);
      waits.push(first);
    }
    return true;
  }

  #readHolders(object: number, kind: Kind, holder: number): [isolate: number, times: number][] {
    const words = this.#words;
    if (kind === MUTEX || kind === ONCE) {
      if (holder === 0 || holder === MUTEX_DEAD) return [];
      return [[(holder & ~MUTEX_WAITED) - 1, 1]];
    }
    const holders: [number, number][] = [];
    if (kind !== RW_MUTEX && kind !== SEMAPHORE) return holders;
    const held = object + O_ISOLATES + this.#arena.isolateBits;
    if (held + this.#arena.numbers >= words.length) return holders;
    for (let isolate = 0; isolate <= this.#arena.numbers; isolate++) {
      const times = glance(words, held + isolate);
      if (times !== 0) holders.push([isolate, times]);
    }
    return holders;
  }

  /** Of a lock that is open: how often it was. Undefined: somebody is inside. */
  #turns(object: number): number | undefined {
    const turns = glance(this.#words, object + O_TURNS);
    return glance(this.#words, object) === 0 ? turns : undefined;
  }

  /** Nobody was inside since `turns` was read. */
  #isSame(object: number, turns: number): boolean {
    return glance(this.#words, object) === 0 && glance(this.#words, object + O_TURNS) === turns;
  }

  /** Nor since the walk began inside of the list's: so this is an object still. */
  #isSound(object: number, turns: number): boolean {
    return this.#isSame(object, turns) && this.#isSame(OBJECTS_LOCK, this.#listTurns);
  }

  /** Blocks begin with a cache line, and no object has less than two. */
  #mayBeBlock(at: number): boolean {
    return (at & 15) === 0 && at >= this.#arena.heapAt >> 2 && at + O_ISOLATES <= this.#words.length;
  }
}

/**
 * Events on their way from a thread to the host: a ring with one writer and one reader, who wait for nothing. An event that finds
 * no room is dropped, the newest, and counted: what is there is whole, and has no holes before it.
 *
 *   RING_WRITTEN   by the writer, after the event. Partner: the reader's load, before it reads events.
 *   RING_READ      by the reader, after it has read. Partner: the writer's load, before it writes into the same place again.
 *
 * Between these two an event is plain memory. Both only count up, modulo 2^32. The writer keeps the last RING_READ that it saw, and
 * looks again when the ring seems full by that: as long as there is room it reads nothing that the other one writes.
 */
import { load, store } from "../arena/atomics.ts";
import {
  E_DURATION,
  E_ID,
  E_KIND,
  E_TIME,
  E_WHAT,
  EVENT_WORDS,
  RING_CAPACITY,
  RING_DROPPED,
  RING_EVENTS,
  RING_READ,
  RING_WRITTEN,
} from "../arena/layout/ring.ts";

/** Times and durations are nanoseconds. */
export interface TraceEvent {
  kind: number;
  what: number;
  id: number;
  time: number;
  duration: number;
}

const HIGH = 2 ** 32;

/** `at` is the word where the ring begins. One of it at a time: a thread, and after it the next one of its number. */
export class RingWriter {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #capacity: number;
  #written: number;
  #read: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
    this.#capacity = load(words, at + RING_CAPACITY);
    this.#written = load(words, at + RING_WRITTEN);
    this.#read = load(words, at + RING_READ);
  }

  write(kind: number, what: number, id: number, time: number, duration: number): boolean {
    const words = this.#words;
    if (((this.#written - this.#read) | 0) === this.#capacity && this.#isFull()) return false;
    const event = this.#at + RING_EVENTS + (this.#written & (this.#capacity - 1)) * EVENT_WORDS;
    words[event + E_KIND] = kind;
    words[event + E_WHAT] = what;
    words[event + E_ID] = id | 0;
    words[event + E_ID + 1] = Math.floor(id / HIGH);
    words[event + E_TIME] = time | 0;
    words[event + E_TIME + 1] = Math.floor(time / HIGH);
    words[event + E_DURATION] = duration | 0;
    words[event + E_DURATION + 1] = Math.floor(duration / HIGH);
    this.#written = (this.#written + 1) | 0;
    store(words, this.#at + RING_WRITTEN, this.#written);
    return true;
  }

  #isFull(): boolean {
    const words = this.#words;
    this.#read = load(words, this.#at + RING_READ);
    if (((this.#written - this.#read) | 0) !== this.#capacity) return false;
    store(words, this.#at + RING_DROPPED, (load(words, this.#at + RING_DROPPED) + 1) | 0);
    return true;
  }
}

export class RingReader {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #capacity: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
    this.#capacity = load(words, at + RING_CAPACITY);
  }

  /** Oldest first. */
  read(most: number): TraceEvent[] {
    const words = this.#words;
    const events: TraceEvent[] = [];
    const written = load(words, this.#at + RING_WRITTEN);
    let read = load(words, this.#at + RING_READ);
    for (; read !== written && events.length < most; read = (read + 1) | 0) {
      const event = this.#at + RING_EVENTS + (read & (this.#capacity - 1)) * EVENT_WORDS;
      events.push({
        kind: words[event + E_KIND],
        what: words[event + E_WHAT],
        id: (words[event + E_ID] >>> 0) + words[event + E_ID + 1] * HIGH,
        time: (words[event + E_TIME] >>> 0) + words[event + E_TIME + 1] * HIGH,
        duration: (words[event + E_DURATION] >>> 0) + words[event + E_DURATION + 1] * HIGH,
      });
    }
    store(words, this.#at + RING_READ, read);
    return events;
  }

  /** Over its life, modulo 2^32. */
  get dropped(): number {
    return load(this.#words, this.#at + RING_DROPPED);
  }
}

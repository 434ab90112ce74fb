/**
 * Events on their way from a thread to a file: a ring with one writer and one reader, who wait for nothing. An event takes one
 * entry or several. One that finds no room for all of them is dropped, the newest, and counted: what is there is whole, and has
 * no holes before it.
 *
 *   RING_WRITTEN   by the writer, after the event. Partner: the reader's load, before it reads events.
 *   RING_READ      by the reader, after it has read. Partner: the writer's load, before it writes into the same place again.
 *
 * Between these two an entry is plain memory. Both only count up, modulo 2^32. The writer keeps the last RING_READ that it saw, and
 * looks again when the ring seems full by that: as long as there is room it reads nothing that the other one writes.
 */
import { load, store } from "../arena/atomics.ts";
import {
  E_DURATION,
  E_HEAD,
  E_ID,
  E_TIME,
  EVENT_WORDS,
  RING_CAPACITY,
  RING_DROPPED,
  RING_EVENTS,
  RING_READ,
  RING_WRITTEN,
} from "../arena/layout/ring.ts";

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

  /** Whether there is room for an event of so many entries, which the caller puts next. False: it is dropped, and counted. */
  begin(entries: number): boolean {
    return ((this.#written - this.#read) | 0) + entries <= this.#capacity || this.#looksForRoom(entries);
  }

  #looksForRoom(entries: number): boolean {
    const words = this.#words;
    this.#read = load(words, this.#at + RING_READ);
    if (((this.#written - this.#read) | 0) + entries <= this.#capacity) return true;
    store(words, this.#at + RING_DROPPED, (load(words, this.#at + RING_DROPPED) + 1) | 0);
    return false;
  }

  put(head: number, time: number, id: number, duration: number): void {
    const words = this.#words;
    const entry = this.#at + RING_EVENTS + (this.#written & (this.#capacity - 1)) * EVENT_WORDS;
    words[entry + E_HEAD] = head;
    words[entry + E_TIME] = time;
    words[entry + E_ID] = id;
    words[entry + E_DURATION] = duration;
    this.#written = (this.#written + 1) | 0;
  }

  /** The event is whole. */
  end(): void {
    store(this.#words, this.#at + RING_WRITTEN, this.#written);
  }
}

/** One of them at a time. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #capacity: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
    this.#capacity = load(words, at + RING_CAPACITY);
  }

  /** Words of all events that it can have at one time. */
  get most(): number {
    return this.#capacity * EVENT_WORDS;
  }

  /** Copies all whole events to `into`, which has room for them, from `to` on, oldest first. How many words these are. */
  copy(into: Int32Array, to: number): number {
    const words = this.#words;
    const written = load(words, this.#at + RING_WRITTEN);
    let read = load(words, this.#at + RING_READ);
    let end = to;
    for (; read !== written; read = (read + 1) | 0) {
      const entry = this.#at + RING_EVENTS + (read & (this.#capacity - 1)) * EVENT_WORDS;
      for (let word = entry; word < entry + EVENT_WORDS; word++) into[end++] = words[word];
    }
    store(words, this.#at + RING_READ, read);
    return end - to;
  }

  /** Over its life, modulo 2^32. */
  get dropped(): number {
    return load(this.#words, this.#at + RING_DROPPED);
  }
}

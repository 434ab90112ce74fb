/**
 * Waits for one of many descriptors: epoll(7). With 500 boxes of which one calls, poll(2) looks at all of them each time, which
 * took 200 us for each of its calls; here those that are silent cost nothing.
 */

import { open } from "../../ffi/load.ts";

const symbols = {
  /** `int epoll_create1(int flags)` */
  epoll_create1: { parameters: ["i32"], result: "i32" },
  /** `int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)` */
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  /** `int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout)` */
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  /** `int close(int fd)` */
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const EPOLL_CLOEXEC = 0o2000000;
const ADD = 1, DELETE = 2;
/** What is said of a descriptor. */
export const READABLE = 1, HUNG_UP = 0x10;
const ERROR = 0x8;

/** What else is ready is heard of with the next call: the kernel takes turns. */
const MOST_EVENTS = 64;
/** struct epoll_event, packed on x86-64: u32 events; u64 data. */
const EVENT = 12;

export class Epoll implements Disposable {
  readonly #libc = open("libc.so.6", symbols).symbols;
  readonly #fd = this.#libc.epoll_create1(EPOLL_CLOEXEC);
  readonly #bytes = new Uint8Array(MOST_EVENTS * EVENT);
  readonly #events = new DataView(this.#bytes.buffer);

  constructor() {
    if (this.#fd < 0) throw new Error("Making an epoll instance failed: no descriptors left.");
  }

  /** `key` is what `wait` calls it: an integer of 32 bits. */
  add(fd: number, key: number): void {
    this.#events.setUint32(0, READABLE, true);
    this.#events.setUint32(4, key, true);
    this.#events.setUint32(8, 0, true);
    if (this.#libc.epoll_ctl(this.#fd, ADD, fd, this.#bytes) < 0) {
      throw new Error(`Waiting for descriptor ${fd} is impossible: it is none, or there are too many.`);
    }
  }

  /** Before it is closed, as others may have copies of it. */
  remove(fd: number): void {
    this.#libc.epoll_ctl(this.#fd, DELETE, fd, this.#bytes);
  }

  /** Waits until one is ready, or so many milliseconds have passed (-1: none). Calls back for each that is. */
  wait(timeout: number, ready: (key: number, events: number) => void): void {
    let count: number;
    while ((count = this.#libc.epoll_wait(this.#fd, this.#bytes, MOST_EVENTS, timeout)) < 0); // EINTR
    for (let i = 0; i < count; i++) {
      const events = this.#events.getUint32(i * EVENT, true),
        key = this.#events.getUint32(i * EVENT + 4, true);
      // A listener has an error and nothing else if a signal interrupts the look at it: it is looked at again.
      if (events !== ERROR) ready(key, events);
    }
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd);
  }
}

/**
 * How the host waits for its mail without blocking its event loop: it polls, once a turn, for a short while, and then
 * sleeps in `Atomics.waitAsync`. A turn takes 1.1 us, and to be woken from that sleep 86 us (Deno 2.9).
 *
 * It waits only while something is in flight. The polling holds the event loop by itself, the sleep does not: a timer
 * that is refed for its time does.
 */
import type { Shim } from "../ffi/shim.ts";
import { HOST } from "./memory_layout.ts";
import type { Mailbox } from "./mailbox.ts";
import { PARKED_EVENT_LOOP, type Parker } from "./parker.ts";

/** Milliseconds without mail after which it sleeps: about what the sleep's end takes. See README.md, "Tuned numbers". */
const POLL = 0.1;
/**
 * In how many turns without mail it lets another thread have its CPU: perhaps the one that it waits for. With every core
 * busy, a round trip takes 16 us instead of 125. A round trip on idle cores is over before.
 */
const YIELD = 4;
/** The longest that a timer can be: about 24 days. */
const FOREVER = 2 ** 31 - 1;

export class HostLoop {
  readonly #shim: Shim;
  readonly #parker: Parker;
  readonly #mailbox: Mailbox;
  /** Reads the mail. */
  readonly #read: () => void;
  readonly #hold = setInterval(() => {}, FOREVER);
  #inFlight = 0;
  #holders = 0;
  #isWaiting = false;
  #isAsleep = false;
  #lastMail = 0;
  #emptyTurns = 0;

  constructor(shim: Shim, parker: Parker, mailbox: Mailbox, read: () => void) {
    this.#shim = shim;
    this.#parker = parker;
    this.#mailbox = mailbox;
    this.#read = read;
    Deno.unrefTimer(this.#hold);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** One more thing to wait for. */
  begin(): void {
    this.#inFlight++;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#lastMail = performance.now();
    setImmediate(this.#poll);
  }

  end(): void {
    // Nothing is left to wait for, and no mail may come: the last task was cancelled.
    if (--this.#inFlight === 0 && this.#isAsleep) this.#parker.endSleepInEventLoop(HOST);
  }

  /** Keeps the process alive until the promise has settled. */
  async holdFor<T>(promise: Promise<T>): Promise<T> {
    this.#retain();
    try {
      return await promise;
    } finally {
      this.#release();
    }
  }

  close(): void {
    clearInterval(this.#hold);
  }

  readonly #poll = (): void => {
    if (!this.#mailbox.isEmpty(HOST)) {
      this.#read();
      this.#lastMail = performance.now();
      this.#emptyTurns = 0;
    }
    if (this.#inFlight === 0) {
      this.#isWaiting = false;
    } else if (performance.now() - this.#lastMail < POLL) {
      if (++this.#emptyTurns % YIELD === 0) this.#shim.yieldCpu();
      setImmediate(this.#poll);
    } else {
      this.#sleep();
    }
  };

  async #sleep(): Promise<void> {
    this.#parker.announce(HOST, PARKED_EVENT_LOOP);
    // Partner: the push of a mail, after which the sender reads our state.
    if (this.#mailbox.isEmpty(HOST)) {
      this.#retain();
      this.#isAsleep = true;
      await this.#parker.sleepInEventLoop(HOST, PARKED_EVENT_LOOP, Infinity);
      this.#isAsleep = false;
      this.#release();
    }
    this.#parker.retract(HOST, PARKED_EVENT_LOOP);
    this.#lastMail = performance.now();
    this.#poll();
  }

  #retain(): void {
    if (this.#holders++ === 0) Deno.refTimer(this.#hold);
  }

  #release(): void {
    if (--this.#holders === 0) Deno.unrefTimer(this.#hold);
  }
}

/**
 * How the host waits for its mail without blocking its event loop: it polls, once a turn, for a short while, and then
 * sleeps in `Atomics.waitAsync`. A turn takes 1.1 us, and to be woken from that sleep 86 us (Deno 2.9).
 *
 * Polling holds the event loop by itself. Sleep does not, so a timer does that is refed as long as tasks are in flight.
 */
import type { Shim } from "../../ffi/shim.ts";
import { pause } from "../arena/atomics.ts";
import { HOST } from "../arena/layout/m.ts";
import type { Mailbox } from "../queues/mailbox.ts";
import type { Inbox } from "../native/calls.ts";
import type { Parker } from "../parking/parker.ts";
import { PARKED_EVENT_LOOP } from "../parking/sleep_word.ts";
import { after, LONGEST, type Timer } from "../queues/timers.ts";

/** Milliseconds without mail after which it sleeps: about what the sleep's end takes, see above. */
const POLL = 0.1;
/** The same after a mail that ended a sleep: polling did not find that one, so it may not pay for the next. */
const SHORT_POLL = 0.01;
/**
 * In how many turns without mail it lets another thread have its CPU: perhaps the one that it waits for. With every core
 * busy, a round trip takes 16 us instead of 125. A round trip on idle cores is over before.
 */
const YIELD = 4;
/**
 * How often it looks again in the same turn, after mail, and for how many pauses of 35 ns each. A quick native call is
 * back within that: a round trip takes 0.8 us instead of 1.9, and the event loop waits 10 us longer for its turn.
 */
const LOOKS = 16;
const PAUSES = 20;
const settled = Promise.resolve();

export class HostLoop {
  readonly mayRun = true;
  readonly #shim: Shim;
  readonly #parker: Parker;
  readonly #mailbox: Mailbox;
  /** Reads the mail. */
  readonly #read: () => void;
  #inbox: Inbox | undefined = undefined;
  readonly #hold = setInterval(() => {}, LONGEST);
  /** Looks for deadlocks while the host sleeps with tasks in flight. */
  watch: { begin(): void; end(): void; close(): void } | undefined = undefined;
  /** Nothing is in flight any more. */
  whenIdle: () => void = () => {};
  /** Refills the host's budget of operations. */
  refill: () => void = () => {};
  readonly #stops = new Map<Timer, () => void>();
  readonly #resumes: { fire(): void }[] = [];
  #inFlight = 0;
  #holders = 0;
  #isPolling = false;
  #isClosed = false;
  #lastMail = 0;
  #emptyTurns = 0;
  #window = POLL;
  #looksLeft = 0;
  /** Set while it sleeps. */
  #endSleep: (() => void) | undefined = undefined;

  constructor(shim: Shim, parker: Parker, mailbox: Mailbox, read: () => void) {
    this.#shim = shim;
    this.#parker = parker;
    this.#mailbox = mailbox;
    this.#read = read;
    Deno.unrefTimer(this.#hold);
  }

  /** Polls it along with the mailbox. */
  listenTo(inbox: Inbox): void {
    this.#inbox = inbox;
    // A sleep that began before has not announced itself there.
    this.#endSleep?.();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** One more thing to wait for. */
  begin(): void {
    this.#inFlight++;
    this.listen();
  }

  /** Mail may come soon. */
  listen(): void {
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#window = POLL;
    this.#lastMail = performance.now();
    if (this.#endSleep !== undefined) this.#endSleep();
    else setImmediate(this.#poll);
  }

  /** In a later turn of the event loop, as all operations are that exceed the budget of this one. */
  resumeLater(resume: { fire(): void }): void {
    this.#resumes.push(resume);
    if (this.#resumes.length === 1) setImmediate(this.#resume);
  }

  readonly #resume = (): void => {
    this.refill();
    for (const resume of this.#resumes.splice(0)) resume.fire();
  };

  startTimer(timer: Timer, at: number): void {
    const fire = () => {
      this.#stops.delete(timer);
      timer.fire();
    };
    this.#stops.set(timer, after(at - performance.now(), fire));
  }

  stopTimer(timer: Timer): void {
    this.#stops.get(timer)?.();
    this.#stops.delete(timer);
  }

  end(): void {
    if (--this.#inFlight > 0) return;
    if (this.#endSleep !== undefined) this.#holdOrNot();
    this.whenIdle();
  }

  /** Keeps the process alive until the promise has settled. */
  async holdFor<T>(promise: Promise<T>): Promise<T> {
    this.holdProcess();
    try {
      return await promise;
    } finally {
      this.letProcessGo();
    }
  }

  holdProcess(): void {
    this.#holders++;
    this.#holdOrNot();
  }

  letProcessGo(): void {
    this.#holders--;
    this.#holdOrNot();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#hold);
    this.watch?.close();
    this.#endSleep?.();
  }

  readonly #poll = (): void => {
    if (this.#isClosed) return;
    if (this.#readAll()) {
      this.#lastMail = performance.now();
      if (this.#emptyTurns > 0) this.#window = POLL;
      this.#emptyTurns = 0;
      this.#looksLeft = LOOKS;
      settled.then(this.#lookAgain);
    }
    if (performance.now() - this.#lastMail < this.#window) {
      if (++this.#emptyTurns % YIELD === 0) this.#shim.yieldCpu();
      setImmediate(this.#poll);
    } else {
      this.#sleep();
    }
  };

  /**
   * Whether there was anything. A broken invariant is an uncaught error; who lives on after that still hears of all other
   * tasks.
   */
  #readAll(): boolean {
    if (this.#isEmpty()) return false;
    try {
      if (!this.#mailbox.isEmpty(HOST)) this.#read();
      this.#inbox?.read();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
    return true;
  }

  /** After those who waited for the mail have gone on: what they started may be done already. */
  readonly #lookAgain = (): void => {
    if (this.#inFlight === 0 || this.#isClosed) return;
    for (let pauses = 0; this.#isEmpty(); pauses++) {
      if (pauses === PAUSES) return;
      pause();
    }
    this.#readAll();
    if (--this.#looksLeft > 0) settled.then(this.#lookAgain);
  };

  /** Also with nothing in flight: threads may need the host to pass something on. */
  async #sleep(): Promise<void> {
    this.#parker.announce(HOST, PARKED_EVENT_LOOP);
    this.#inbox?.announce();
    // Partner: the push of a mail, after which the sender reads our state; and of a native call that is done.
    if (this.#isEmpty()) {
      const slept = this.#parker.sleepInEventLoop(HOST, PARKED_EVENT_LOOP, Infinity);
      const ended = new Promise<void>((resolve) => this.#endSleep = resolve);
      slept.then(this.#endSleep);
      this.#isPolling = false;
      this.#holdOrNot();
      if (this.#inFlight > 0) this.watch?.begin();
      await ended;
      this.watch?.end();
      this.#endSleep = undefined;
      if (!this.#isPolling) this.#window = SHORT_POLL;
      this.#emptyTurns = 0;
      this.#isPolling = true;
      this.#holdOrNot();
      this.#parker.endSleepInEventLoop(HOST);
    }
    this.#parker.retract(HOST, PARKED_EVENT_LOOP);
    this.#inbox?.retract();
    this.#lastMail = performance.now();
    this.#poll();
  }

  #isEmpty(): boolean {
    return this.#mailbox.isEmpty(HOST) && (this.#inbox === undefined || this.#inbox.isEmpty());
  }

  /** Polling holds the process by itself. */
  #holdOrNot(): void {
    if (this.#isClosed) return;
    if (this.#holders > 0 || (this.#endSleep !== undefined && this.#inFlight > 0)) Deno.refTimer(this.#hold);
    else Deno.unrefTimer(this.#hold);
  }
}

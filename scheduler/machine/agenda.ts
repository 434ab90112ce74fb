/** What is due on an M and can go on nowhere else, and what its Gs wait for. */
import type { Loop } from "../sync/isolate.ts";
import { M_LIVE, M_PARKS, M_RAN, M_STOLEN } from "../arena/layout/m.ts";
import { store } from "../arena/atomics.ts";
import { NO_P } from "../parking/idle.ts";
import type { Shared } from "../parking/shared.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import { Fifo } from "../queues/fifo.ts";
import type { Mailbox } from "../queues/mailbox.ts";
import { PrivateRunQueue } from "../queues/private_run_queue.ts";
import { type Timer, Timers } from "../queues/timers.ts";
import type { G } from "./g.ts";
import type { Hold } from "./hold.ts";

/**
 * Milliseconds that an M waits for a G's module, or for arguments that the host sends, without taking more Gs, which would
 * not start either. What waits for arguments is bound to the M: another G that blocks would keep it for good. Guesses: modules
 * load within the first; a host that starts threads on busy CPUs left its mail unread for 1.7 s, and one that does so for
 * longer than the second has other worries.
 */
const IMPORT = 1000;
const PARCEL = 10_000;

/** What goes on only under a P. */
interface Resume {
  fire(): void;
}

export class Agenda implements Loop {
  /** Started here, and known nowhere else. */
  readonly privates = new PrivateRunQueue<G>();
  /** Slots out of queues whose modules are being imported here. They are as good as queued: who gets to run them is open. */
  readonly unloaded = new Set<number>();
  /** Begun Gs that have not ended: their continuations are microtasks, and they may await the world outside. */
  live = 0;
  /** Of these, the ones in `ctx.sleep`. */
  sleeping = 0;
  /** Begun Gs with children that have not settled. They may well await these, which nobody can see. */
  parents = 0;
  /** For the statistics: Gs that were begun, Gs taken from other Ps, and sleeps. */
  ran = 0;
  stolen = 0;
  parks = 0;
  /** For talk.ts: turns that were given away. */
  yields = 0;
  /** A G has ended with the thread in its hands. What else is bound to that goes on first. */
  isEnding = false;
  #isOver = false;
  /** Of the live ones, those that wait for their modules or arguments; and when to stop waiting for nothing else. */
  #arriving = 0;
  #arrival = 0;
  /**
   * What waits its turn. A G that yielded is two entries, itself and what its promise is resolved with, and no object of their
   * own: where thousands yield each of these lives through a collection or two. 25,000 take half the time so.
   */
  readonly #resumes = new Fifo<Resume | G | ((value: unknown) => void)>();
  readonly #timers = new Timers();
  readonly #words: Int32Array;
  readonly #record: number;
  readonly #mailbox: Mailbox;
  readonly #rings: LocalRunQueue;
  /** The same M's; and what all share. Parts of the M that get the agenda have these by it. */
  readonly hold: Hold;
  readonly shared: Shared;

  constructor(shared: Shared, hold: Hold) {
    const { arena, mailbox, rings } = shared;
    this.shared = shared;
    this.#words = arena.i32;
    this.#record = arena.isolate(hold.isolate);
    this.#mailbox = mailbox;
    this.#rings = rings;
    this.hold = hold;
  }

  // Added by Gs and their operations --------------------------------------------------------------------------------------

  get mayRun(): boolean {
    return this.hold.p !== NO_P;
  }

  resumeLater(resume: Resume): void {
    this.#resumes.push(resume);
    this.kick();
  }

  giveTurn(g: G, resolve: (value: unknown) => void): void {
    this.yields++;
    this.#resumes.push(g);
    this.#resumes.push(resolve);
    this.kick();
  }

  startTimer(timer: Timer, at: number): void {
    this.#timers.add(timer, at);
    this.kick();
  }

  stopTimer(timer: Timer): void {
    this.#timers.remove(timer);
  }

  /** Something was added here while the loop may sleep. */
  kick(): void {
    this.hold.kick();
  }

  // Done by the loop ------------------------------------------------------------------------------------------------------

  /** Lets one go on that waits its turn. */
  resume(): boolean {
    if (this.#resumes.length === 0) return false;
    const next = this.#resumes.popOldest() as Resume | G;
    if ("fire" in next) next.fire();
    else next.goOn(this.#resumes.popOldest() as (value: unknown) => void);
    return true;
  }

  runTimers(): boolean {
    return this.#timers.size !== 0 && this.#timers.run(performance.now());
  }

  /** When the next timer is due, or what is expected is too late. */
  get next(): number {
    return this.isExpecting ? Math.min(this.#timers.next, this.#arrival) : this.#timers.next;
  }

  get hasTimers(): boolean {
    return this.#timers.size !== 0;
  }

  /** Something that cannot go on elsewhere. */
  hasOwnWork(): boolean {
    return !this.#mailbox.isEmpty(this.hold.isolate) || this.#resumes.length !== 0 ||
      this.privates.length !== 0 ||
      (this.#timers.size !== 0 && this.#timers.next <= performance.now());
  }

  /**
   * That, or in its ring: a continuation that the event loop ran may have published there, or come back from a call with
   * another P; or with none, when all is closing.
   */
  hasWorkHere(): boolean {
    return this.hasOwnWork() || this.hold.p === NO_P ||
      (this.takesMore && !this.#rings.isEmpty(this.hold.p));
  }

  // Live Gs -----------------------------------------------------------------------------------------------------------

  began(): void {
    this.live++;
  }

  ended(): void {
    // Without live Gs it sleeps in a futex, and is the first to be woken.
    if (--this.live === 0) this.kick();
  }

  attend(work: Promise<void>): void {
    this.began();
    const ended = () => {
      this.hold.locks.hold();
      this.ended();
      this.hold.locks.release();
    };
    work.then(ended, ended);
  }

  /** A G that is live, but has not begun: something is to arrive first. */
  expects(isParcel: boolean): void {
    const latest = performance.now() + (isParcel ? PARCEL : IMPORT);
    this.#arrival = this.#arriving++ === 0 ? latest : Math.max(this.#arrival, latest);
    this.live++;
  }

  arrived(): void {
    this.#arriving--;
    this.ended();
  }

  /** Until when it waits for what it expects; 0: it expects nothing. */
  get arrival(): number {
    return this.#arriving === 0 ? 0 : this.#arrival;
  }

  /** It keeps its P, since what is expected is nobody else's, and goes on with what it has. */
  get isExpecting(): boolean {
    return this.#arriving !== 0 && performance.now() < this.#arrival;
  }

  /** Whether it takes Gs from queues now. */
  get takesMore(): boolean {
    return this.hold.takesWork && !this.isExpecting;
  }

  // The end -----------------------------------------------------------------------------------------------------------

  endWhenDone(): void {
    this.isEnding = true;
    this.kick();
  }

  /** All is closing, or the thread is one too many. */
  close(): void {
    this.#isOver = true;
  }

  /** What else is bound to the thread goes on, as do children that found no slot. */
  get isOver(): boolean {
    return this.#isOver || (this.isEnding && this.live === 0 && this.privates.length === 0);
  }

  /** For the host. */
  tellCounts(): void {
    store(this.#words, this.#record + M_RAN, this.ran);
    store(this.#words, this.#record + M_STOLEN, this.stolen);
    store(this.#words, this.#record + M_PARKS, this.parks);
    store(this.#words, this.#record + M_LIVE, this.live);
  }

  /** Changes with nearly all that a continuation may do. */
  get progress(): string {
    const { live, parents, privates, sleeping } = this;
    return [live, parents, privates.length, sleeping, this.#resumes.length].join();
  }
}

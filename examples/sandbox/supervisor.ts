/**
 * The supervisor: one task on a thread of its own, for all boxes of a scheduler. It sleeps in epoll until one of them
 * reports, or calls; without boxes it waits for one, as any task does. What is traced it reads and shows, and lets it go on.
 * What a policy is asked about it copies and refers to that (referral.ts). It decides nothing itself.
 */

import { Channel, type Scheduler, task } from "../../mod.js";
import { isAsked } from "./copied_call.ts";
import { Epoll, HUNG_UP, READABLE } from "./epoll.ts";
import { type CallName, isIntercepted } from "./intercepted_call.ts";
import { Reports, Stage } from "./launch.ts";
import { LOOK, Referral, type Referring } from "./referral.ts";
import { RemoteMemory } from "./remote_memory.ts";
import { Listener } from "./seccomp.ts";
import { type CallCount, Tracer, type Tracing } from "./tracer.ts";
import { Event } from "./wake.ts";

export interface Assignment {
  /** Tells boxes apart. */
  readonly id: number;
  /** The supervisor's end of the launcher's socket. */
  readonly socket: number;
  /** That of the filter, if any calls wait for an answer. */
  readonly listener?: number;
  readonly tracing?: Tracing;
  readonly referring?: Referring;
}

export interface Outcome {
  /** As waitpid stores it; that of SIGKILL when all of the box was killed. */
  readonly waitStatus: number;
  /** Why the program could not be executed, if so: an errno. */
  readonly execError?: number;
  readonly counts: Partial<Record<CallName, CallCount>>;
  /** Flags that would allow what was needed and not granted. */
  readonly flags: readonly string[];
}

const SIGKILL = 9;

interface Ending {
  readonly id: number;
  readonly outcome: Outcome;
}

/**
 * `wake` is an eventfd, set when there is an assignment. Ends when the channel of assignments is closed. `inPool` is for who
 * measures what the thread of its own is worth: then its waits are blocking calls, after each of which it needs a P.
 */
export const supervise = task(
  import.meta,
  "supervise",
  async (
    context,
    assignments: Channel<Assignment>,
    endings: Channel<Ending>,
    wake: number,
    inPool: boolean,
  ): Promise<void> => {
    const woken = new Event(wake);
    const boxes = new Map<number, Supervised>();
    using epoll = new Epoll();
    epoll.add(wake, WAKE);
    for (;;) {
      woken.take(); // first: it is set after an assignment was sent
      let next = boxes.size === 0 ? await received(assignments) : assignments.tryRecv();
      for (; next !== undefined; next = assignments.tryRecv()) {
        if (next.done) return;
        boxes.set(next.value.id, new Supervised(next.value, epoll));
      }
      const judged = [...boxes.values()].filter(({ isJudged }) => isJudged);
      const ended: Supervised[] = [];
      let isSame = true;
      const ready = (key: number, events: number): void => {
        if (key === WAKE) isSame = false;
        else if (boxes.get(key >> 1)!.turn(key & 1, events)) ended.push(boxes.get(key >> 1)!);
      };
      // Until a box comes or goes.
      while (isSame && ended.length === 0) {
        const timeout = judged.some(({ isReferring }) => isReferring) ? LOOK : -1;
        if (inPool) context.blocking(() => epoll.wait(timeout, ready));
        else epoll.wait(timeout, ready);
        for (const box of judged) box.look();
      }
      for (const { id, outcome } of ended) {
        boxes.delete(id);
        await endings.send({ id, outcome: outcome! });
      }
    }
  },
);

async function received<T>(channel: Channel<T>): Promise<IteratorResult<T, undefined>> {
  return await channel[Symbol.asyncIterator]().next();
}

/** The keys of epoll: of a box twice its id, plus which of both it is. */
const WAKE = 0, REPORTS = 0, CALLS = 1;

class Supervised {
  readonly id: number;
  /** Set when nobody of the box is left. */
  outcome: Outcome | undefined;
  readonly #epoll: Epoll;
  readonly #listener: number | undefined;
  readonly #reports: Reports;
  readonly #calls: Listener | undefined;
  readonly #tracer: Tracer | undefined;
  readonly #referral: Referral | undefined;
  #waitStatus = SIGKILL;
  #execError: number | undefined;

  constructor({ id, socket, listener, tracing, referring }: Assignment, epoll: Epoll) {
    this.id = id;
    this.#epoll = epoll;
    this.#listener = listener;
    this.#reports = new Reports(socket);
    epoll.add(socket, 2 * id + REPORTS);
    if (listener === undefined) return;
    epoll.add(listener, 2 * id + CALLS);
    const memory = new RemoteMemory();
    this.#calls = new Listener(listener);
    this.#tracer = tracing && new Tracer(tracing, memory);
    this.#referral = referring && new Referral(referring, this.#calls, memory);
  }

  /** Whether it has a policy. */
  get isJudged(): boolean {
    return this.#referral !== undefined;
  }

  /** Whether its policy may have calls to judge. */
  get isReferring(): boolean {
    return this.#referral?.isWaiting ?? false;
  }

  /** To be called with each turn of the loop. */
  look(): void {
    if (this.isReferring) this.#referral!.look();
  }

  /** Does what is there to be done. True when nobody of the box is left. */
  turn(which: number, events: number): boolean {
    if (which === REPORTS) return this.#hear((events & HUNG_UP) !== 0);
    if (events & READABLE) this.#answer();
    else this.#epoll.remove(this.#listener!); // nobody is left who could call
    return false;
  }

  #hear(isLast: boolean): boolean {
    const report = this.#reports.take();
    if (report?.stage === Stage.ended) this.#waitStatus = report.value;
    else if (report?.stage === Stage.exec) this.#execError = report.value;
    else if (isLast) {
      const { counts = {}, needs } = this.#tracer ?? {};
      this.#tracer?.end();
      const flags = needs?.flags() ?? [];
      this.outcome = { waitStatus: this.#waitStatus, execError: this.#execError, counts, flags };
      this.#epoll.remove(this.#reports.socket);
      if (this.#listener !== undefined) this.#epoll.remove(this.#listener);
      return true;
    }
    return false;
  }

  #answer(): void {
    const notification = this.#calls!.receive();
    if (!notification) return;
    const { id, number } = notification;
    const isReferred = this.#referral !== undefined && isAsked(number);
    const seen = this.#tracer !== undefined && isIntercepted(number)
      ? this.#tracer.look(notification)
      : undefined;
    // Of a call that does not wait any more nothing counts: what was read may have been another's.
    if (isReferred) {
      if (this.#referral.refer(notification) && seen) this.#tracer!.count(seen);
    } else if (seen && this.#tracer!.isShowing) {
      if (!this.#calls!.stillWaits(id)) return;
      this.#tracer!.show(seen, this.#tracer!.count(seen)); // while its thread sleeps, and does not write into the line
      this.#calls!.proceed(id);
    } else if (this.#calls!.proceed(id) && seen) {
      this.#tracer!.count(seen);
    }
  }
}

/** The host's side: it hands out the boxes, and hears of their ends. */
export class Supervision {
  static readonly #all = new WeakMap<Scheduler, Supervision>();
  readonly #assignments: Channel<Assignment>;
  readonly #wake: Event;
  readonly #waiting = new Map<number, PromiseWithResolvers<Outcome>>();
  #boxes = 0;
  #error: unknown;
  #hasEnded = false;

  /** That of the scheduler. It starts with the first box, and ends with the scheduler. */
  static of(scheduler: Scheduler): Supervision {
    let supervision = this.#all.get(scheduler);
    if (supervision === undefined || supervision.#hasEnded) {
      this.#all.set(scheduler, supervision = new Supervision(scheduler));
    }
    return supervision;
  }

  /** Those of the boxes that the scheduler will have, by a task of its pool: for comparison. */
  static startInPool(scheduler: Scheduler): void {
    this.#all.set(scheduler, new Supervision(scheduler, true));
  }

  private constructor(scheduler: Scheduler, inPool = false) {
    this.#assignments = new Channel<Assignment>(scheduler, 64);
    const endings = new Channel<Ending>(scheduler, 64);
    this.#wake = Event.make();
    const call = supervise(this.#assignments, endings, this.#wake.fd, inPool);
    const loop = inPool ? scheduler.go(call) : scheduler.dedicate(call, { name: "supervisor" });
    const hear = async () => {
      for await (const { id, outcome } of endings) {
        this.#waiting.get(id)?.resolve(outcome);
        this.#waiting.delete(id);
      }
    };
    Promise.all([loop, hear()]).catch((error) => {
      this.#hasEnded = true;
      this.#error = error;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      this.#wake.close();
    });
  }

  /** Settles when nobody of the box is left, or its supervisor has ended. */
  async outcomeOf(box: Omit<Assignment, "id">): Promise<Outcome> {
    if (this.#hasEnded) throw this.#error;
    const id = ++this.#boxes;
    const waiting = Promise.withResolvers<Outcome>();
    this.#waiting.set(id, waiting);
    await this.#assignments.send({ ...box, id });
    this.#wake.set();
    return await waiting.promise;
  }
}

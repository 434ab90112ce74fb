/**
 * What the host does in the place of a thread that has ended, or was given up: what it held goes back, and what was bound to
 * it is lost. host/README.md, "Death of a thread", has the order.
 */
import { load, store } from "../arena/atomics.ts";
import { BlackBox } from "../machine/black_box.ts";
import { taskAbandoned, threadDied } from "../tasks/errors.ts";
import { G_FAILED, type GTable, type Parcel } from "../slots/g_table.ts";
import type { GlobalRunQueues } from "../queues/global_run_queues.ts";
import { type Idle, NO_P } from "../parking/idle.ts";
import type { Mail } from "../parking/mail.ts";
import type { Wakeups } from "../parking/wakeups.ts";
import type { Shared } from "../parking/shared.ts";
import type { Isolate } from "../sync/isolate.ts";
import type { LocalRunQueue } from "../queues/local_run_queue.ts";
import { type Mailbox, TO_WAITER } from "../queues/mailbox.ts";
import type { Arena } from "../arena/arena.ts";
import { ISOLATES } from "../arena/layout/header.ts";
import { HOST, M_RAN_ON, M_SPINNING, M_WANTS_P } from "../arena/layout/m.ts";
import type { Parker } from "../parking/parker.ts";
import { givenP, givenSpinning, isGiven } from "../parking/sleep_word.ts";
import { buryWaiters } from "../sync/poison.ts";
import { splitKey } from "../tasks/define.ts";
import type { TaskTable } from "../slots/task_table.ts";

/** What a task rejects with that was bound to the thread. */
export type Verdict = (slot: number, name: string, id: number) => Error;

export function diedBy(why: string): Verdict {
  return (_slot, name, id) => threadDied(name, id, why);
}

/** It was given up because a task ran on, which the black box names. */
export function ranOn(arena: Arena, isolate: number): Verdict {
  const ms = load(arena.i32, arena.isolate(isolate) + M_RAN_ON);
  const entry = new BlackBox(arena, isolate).read();
  const what = entry === undefined ? "a task" : `task "${entry.name}" (id ${entry.id})`;
  const died = diedBy(`${what} ran there for ${ms} ms on end, and was abandoned with it`);
  return (slot, name, id) =>
    slot === entry?.slot ? taskAbandoned(name, id, ms, id === entry.id ? "it" : what) : died(slot, name, id);
}

/** The host's own tasks, and its ports. */
export interface Bereaved {
  /** Of a task of its own. */
  nameOf(slot: number): string;
  /** The runner of a task of its own died: the slot is free again, and the task settles. */
  lose(slot: number, error: Error): void;
  /**
   * A task has ended, and its runner died, perhaps before it could mail that to the host. False: the slot is a thread's, and
   * the host has nothing to pass on.
   */
  read(slot: number): boolean;
  /** Arguments that the runner of a thread's task has not got, if there are any. */
  dropParcel(slot: number): void;
  /** To the slot's owner, a thread. */
  post(slot: number, parcel: Parcel): void;
}

export class Burial {
  readonly #home: Isolate;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #idle: Idle;
  readonly #wakeups: Wakeups;
  readonly #mail: Mail;
  /** The host acts as the owner of the P that the thread held. */
  readonly #local: LocalRunQueue;
  readonly #global: GlobalRunQueues;
  readonly #mailbox: Mailbox;
  readonly #gs: GTable;
  readonly #table: TaskTable;
  readonly #host: Bereaved;

  constructor(home: Isolate, shared: Shared, host: Bereaved) {
    const { parker, global, mailbox } = shared;
    this.#home = home;
    this.#arena = home.arena;
    this.#words = home.words;
    this.#parker = parker;
    this.#idle = shared.idle;
    this.#wakeups = shared.wakeups;
    this.#mail = shared.mail;
    this.#local = shared.rings;
    this.#global = global;
    this.#mailbox = mailbox;
    this.#gs = home.gs;
    this.#table = home.table;
    this.#host = host;
  }

  /** The host has read its own mail before, and wakes who is to do what is left. */
  bury(isolate: number, verdict: Verdict): void {
    this.#takeP(isolate);
    this.#table.breakLock(isolate);
    this.#closeMailbox(isolate);
    this.#loseTasks(isolate, verdict);
    this.#home.heap.bury(isolate);
    buryWaiters(this.#home, isolate);
    this.#rouseOthers(isolate);
  }

  #takeP(isolate: number): void {
    const record = this.#arena.isolate(isolate);
    // Nobody can give it a P from here on; one that was on its way is taken back.
    const last = this.#parker.bury(isolate);
    const p = isGiven(last) ? givenP(last) : this.#idle.ps.inherit(isolate);
    const wasSpinning = isGiven(last) ? givenSpinning(last) : load(this.#words, record + M_SPINNING) === 1;
    store(this.#words, record + M_SPINNING, 0);
    if (p !== NO_P) {
      this.#local.moveToGlobal(p);
      this.#idle.releaseP(p);
    }
    if (wasSpinning) this.#idle.stopSpinning();
  }

  /**
   * From here on who mails to it finds it closed. What the mail says about slots the slots say as well, also of mail that
   * it had taken out and not read.
   */
  #closeMailbox(isolate: number): void {
    this.#mailbox.close(isolate, (record, addressee) => {
      if (addressee === TO_WAITER) this.#home.discard(record);
    });
  }

  #loseTasks(isolate: number, verdict: Verdict): void {
    const gs = this.#gs;
    // Of numbers that were never used, nobody can have started anything.
    const end = this.#arena.firstSlot(load(this.#words, ISOLATES));
    for (let slot = 0; slot < end; slot++) {
      gs.loseRunnerMail(slot, isolate);
      if (gs.runner(slot) !== isolate) continue;
      // It waited for its module there.
      const isTaken = gs.isTaken(slot, isolate);
      const isLost = gs.isMeantFor(slot, isolate) || (isTaken ? gs.loseTaken(slot) : gs.lose(slot));
      if (isLost) this.#lose(slot, isolate, verdict);
      else if (isTaken) this.#putBack(slot);
      // It may have died before it could say so. The owner's link may be in use, if not.
      else if (gs.hasEnded(slot) && !this.#host.read(slot)) {
        this.#mail.toRunner(this.#arena.ownerOf(slot), slot);
      }
    }
    gs.told(isolate);
  }

  #putBack(slot: number): void {
    this.#gs.putBack(slot);
    this.#global.push(slot, this.#gs.priority(slot));
  }

  #lose(slot: number, isolate: number, verdict: Verdict): void {
    const gs = this.#gs;
    const owner = this.#arena.ownerOf(slot);
    const id = gs.id(slot);
    if (owner === HOST) return this.#host.lose(slot, verdict(slot, this.#host.nameOf(slot), id));
    const [, name] = splitKey(this.#table.key(gs.definition(slot)));
    // In the name of the runner, which writes nothing any more.
    this.#host.dropParcel(slot);
    gs.dropPayload(slot);
    const parcel = gs.writeResult(slot, verdict(slot, name, id));
    if (parcel !== undefined) this.#host.post(slot, parcel);
    gs.end(slot, isolate, G_FAILED);
    this.#mail.toOwner(owner, slot);
  }

  /**
   * It may have been about to wake somebody: who has mail, or whose sleep word it had changed already. Or it had taken a
   * note out of the queue. So all look at everything once more.
   */
  #rouseOthers(isolate: number): void {
    const isolates = load(this.#words, ISOLATES);
    for (let other = HOST + 1; other < isolates; other++) {
      if (other === isolate) continue;
      if (this.#wakeups.isQueuedForP(other) && !this.#global.includes(-other)) this.#global.push(-other);
      this.#wakeups.signal(other);
      this.#parker.rouse(other);
    }
  }

  /**
   * Makes the number of a thread that is buried ready for another one. False: tasks that the last one started are in flight,
   * or a mail about one of them.
   */
  revive(isolate: number): boolean {
    const first = this.#arena.firstSlot(isolate);
    for (let slot = first; slot < first + this.#arena.slotsOf(isolate); slot++) {
      if (!this.#comesToRest(slot)) return false;
    }
    const record = this.#arena.isolate(isolate);
    // A note that is left is as good as a new one.
    if (!this.#global.includes(-isolate)) store(this.#words, record + M_WANTS_P, 0);
    this.#parker.revive(isolate);
    this.#mailbox.open(isolate);
    return true;
  }

  /** Of a slot whose owner is dead. Plain access: when it is free, or has ended and was told, it is nobody's but the host's. */
  #comesToRest(slot: number): boolean {
    const gs = this.#gs;
    if (gs.isAtRest(slot)) {
      // Its owner had not queued it yet.
      gs.dropPayload(slot);
      return true;
    }
    // What goes by port is mailed to the host first.
    const isRead = gs.hasEnded(slot) && !gs.isBeingTold(slot) &&
      (!gs.isByPort(slot) || this.#mailbox.isEmpty(HOST));
    if (isRead) gs.discard(slot);
    return gs.isAtRest(slot);
  }
}

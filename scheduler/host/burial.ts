/**
 * What the host does in the place of a thread that has ended, or was given up: what it held goes back, and what was bound to
 * it is lost. `bury` has the order; each of its steps says why nothing is done twice, and nothing left out.
 *
 * One rule serves all steps: **whatever mail says about slots, the slots say as well.** So it does not matter what the dead
 * one had taken out of its mailbox and not read. Where a thread may die: README.md, "Where a death is survived".
 *
 * Tasks in its ring had not started: they go on elsewhere. Its private Gs are gone with it, and so is their parent.
 */
import { load, store } from "../arena/atomics.ts";
import { BlackBox } from "../machine/black_box.ts";
import { taskAbandoned, threadDied } from "../tasks/errors.ts";
import type { Forwarder } from "../slots/forwarder.ts";
import { G_FAILED, type GTable } from "../slots/g_table.ts";
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
import { closePollSet } from "../sync/poller.ts";
import { buryWaiters } from "../sync/poison.ts";
import type { Owner } from "../slots/owner.ts";
import { splitKey } from "../tasks/define.ts";
import type { Started } from "./host_tasks.ts";
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
  /** Of the host's own tasks. */
  readonly #owner: Owner<Started>;
  readonly #forwarder: Forwarder;

  constructor(home: Isolate, shared: Shared, owner: Owner<Started>, forwarder: Forwarder) {
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
    this.#owner = owner;
    this.#forwarder = forwarder;
  }

  /** The host has read its own mail before, keeps the parcels that nobody has asked for yet, and wakes who is to do what is left. */
  bury(isolate: number, verdict: Verdict): void {
    this.#takeP(isolate);
    this.#table.breakLock(isolate);
    this.#closeMailbox(isolate);
    closePollSet(this.#home, isolate);
    this.#loseTasks(isolate, verdict);
    this.#home.heap.bury(isolate);
    buryWaiters(this.#home, isolate);
    this.#rouseOthers(isolate);
  }

  /**
   * Its sleep word becomes awake by CAS, unless it is frozen or given up: from then on nobody can give it a P. If the old value
   * names a P that was on its way, that is its P; otherwise the Ps' words tell. Whoever has just written its name into a P, to
   * give that to a frozen M, takes the name back by CAS, and so does `inherit`: one of them has it.
   */
  #takeP(isolate: number): void {
    const record = this.#arena.isolate(isolate);
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
   * By exchange. What is in it is not read, but records are freed. Who pushes there later finds it closed, and does what the
   * reader would have done: a record is freed, a runner's mark taken back by CAS; a slot whose owner is dead is left as it is.
   */
  #closeMailbox(isolate: number): void {
    this.#mailbox.close(isolate, (record, addressee) => {
      if (addressee === TO_WAITER) this.#home.discard(record);
    });
  }

  /**
   * A mark that names its mailbox is taken back. What it was running, or was to run as a dedicated task, becomes LOST. What
   * waited there for its module goes to the global queue, or is lost if that happens to it for the second time. Of a task that
   * had ended it may not have told the owner: so the host looks at its own, having read its mail before, and mails others.
   */
  #loseTasks(isolate: number, verdict: Verdict): void {
    const gs = this.#gs;
    // Of numbers that were never used, nobody can have started anything.
    const end = this.#arena.firstSlot(load(this.#words, ISOLATES));
    for (let slot = 0; slot < end; slot++) {
      gs.loseRunnerMail(slot, isolate);
      if (gs.runner(slot) !== isolate) continue;
      const isTaken = gs.isTaken(slot, isolate);
      const isLost = gs.isMeantFor(slot, isolate) || (isTaken ? gs.loseTaken(slot) : gs.lose(slot));
      if (isLost) this.#lose(slot, isolate, verdict);
      else if (isTaken) this.#putBack(slot);
      else if (gs.hasEnded(slot)) this.#tellEnd(slot);
    }
    gs.told(isolate);
  }

  /** Its runner may not have done so. */
  #tellEnd(slot: number): void {
    const owner = this.#arena.ownerOf(slot);
    if (owner === HOST) this.#owner.readOfDead(slot);
    // By the runner's link, since the owner's may be in use. The owner reads it after all mail of the dead one.
    else if (!this.#gs.isByPort(slot) || !this.#forwarder.passOn(slot)) this.#mail.toRunner(owner, slot);
  }

  #putBack(slot: number): void {
    this.#gs.putBack(slot);
    this.#global.push(slot, this.#gs.priority(slot));
  }

  #lose(slot: number, isolate: number, verdict: Verdict): void {
    const gs = this.#gs;
    const owner = this.#arena.ownerOf(slot);
    const id = gs.id(slot);
    if (owner === HOST) return this.#owner.lose(slot, verdict(slot, this.#owner.of(slot)!.name, id));
    const [, name] = splitKey(this.#table.key(gs.definition(slot)));
    // In the name of the runner, which writes nothing any more.
    this.#forwarder.dropArguments(slot);
    gs.dropPayload(slot);
    const parcel = gs.writeResult(slot, verdict(slot, name, id));
    if (parcel !== undefined) this.#forwarder.postToOwner(slot, parcel);
    gs.end(slot, isolate, G_FAILED);
    this.#mail.toOwner(owner, slot);
  }

  /**
   * It may have been about to wake somebody: who has mail, or whose sleep word it had changed already. So each is woken by a
   * signal, and without a reason. Or it had a note in hand: each M that waits with one that is not in the queue gets a new one.
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
   * Makes the number of a thread that is buried ready for another one. False: tasks that the last one started are in flight
   * (others may run its children), or a mail about one of them.
   *
   * A mail of one that had read the old number may come to the new thread, which knows neither such a task nor such a record:
   * it clears the mark, or frees the record.
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

  /**
   * Of a slot whose owner is dead. It is in flight until it has ended and its runner does not name it in M_TELLS any more: the
   * runner stores M_TELLS, then the status, then pushes its mail, then clears M_TELLS. So no mail about it will be pushed then,
   * and none can be anywhere but with the host (of a parcel). Plain access: such a slot, or a free one, is the host's alone.
   */
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

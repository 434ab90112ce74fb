/**
 * What the host does in the place of a thread that has ended, or was given up: what it held goes back, and what was bound to
 * it is lost. README.md, "Death of a thread", has the order.
 */
import { load, store } from "./atomics.ts";
import { BlackBox } from "./black_box.ts";
import { taskAbandoned, threadDied } from "./errors.ts";
import { FAILED, type GTable } from "./g_table.ts";
import { type Idle, NO_P } from "./idle.ts";
import type { Isolate } from "./isolate.ts";
import type { LocalRunQueue } from "./local_run_queue.ts";
import { type Mailbox, TO_RUNNER, TO_WAITER } from "./mailbox.ts";
import { type Arena, HOST, ISOLATES, M_RAN_ON, M_SPINNING } from "./memory_layout.ts";
import { givenP, givenSpinning, isGiven, type Parker } from "./parker.ts";
import { buryWaiters } from "./poison.ts";
import { splitKey } from "./task.ts";
import type { TaskTable } from "./task_table.ts";

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

/** The host's own tasks. */
export interface Bereaved {
  nameOf(slot: number): string;
  /** Its runner died: the slot is free again, and the task settles. */
  lose(slot: number, error: Error): void;
}

export class Burial {
  readonly #home: Isolate;
  readonly #arena: Arena;
  readonly #words: Int32Array;
  readonly #parker: Parker;
  readonly #idle: Idle;
  /** The host acts as the owner of the P that the thread held. */
  readonly #local: LocalRunQueue;
  readonly #mailbox: Mailbox;
  readonly #gs: GTable;
  readonly #table: TaskTable;
  readonly #host: Bereaved;

  constructor(
    home: Isolate,
    parker: Parker,
    idle: Idle,
    local: LocalRunQueue,
    mailbox: Mailbox,
    gs: GTable,
    table: TaskTable,
    host: Bereaved,
  ) {
    this.#home = home;
    this.#arena = home.arena;
    this.#words = home.words;
    this.#parker = parker;
    this.#idle = idle;
    this.#local = local;
    this.#mailbox = mailbox;
    this.#gs = gs;
    this.#table = table;
    this.#host = host;
  }

  /** The host has read its own mail before, and wakes who is to do what is left. */
  bury(isolate: number, verdict: Verdict): void {
    this.#takeP(isolate);
    this.#loseTasks(isolate, verdict);
    this.#readMail(isolate);
    buryWaiters(this.#home, isolate);
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

  #loseTasks(isolate: number, verdict: Verdict): void {
    // Of numbers that were never used, nobody can have started anything.
    const end = this.#arena.firstSlot(load(this.#words, ISOLATES));
    for (let slot = 0; slot < end; slot++) {
      if (this.#gs.runner(slot) !== isolate) continue;
      const neverBegan = this.#gs.isMeantFor(slot, isolate);
      if (neverBegan || this.#gs.lose(slot)) this.#lose(slot, verdict);
    }
  }

  #lose(slot: number, verdict: Verdict): void {
    const owner = this.#arena.ownerOf(slot);
    const id = this.#gs.id(slot);
    if (owner === HOST) return this.#host.lose(slot, verdict(slot, this.#host.nameOf(slot), id));
    const [, name] = splitKey(this.#table.key(this.#gs.definition(slot)));
    // In the name of the runner, which writes nothing any more.
    this.#gs.dropPayload(slot);
    this.#gs.writeResult(slot, verdict(slot, name, id));
    this.#gs.end(slot, FAILED);
    this.#idle.mailOwner(owner, slot);
  }

  #readMail(isolate: number): void {
    this.#mailbox.drain(isolate, (slot, addressee) => {
      if (addressee === TO_WAITER) this.#home.discard(slot);
      else if (addressee === TO_RUNNER) this.#gs.clearRunnerMail(slot);
      else this.#gs.discard(slot);
    });
  }

  /** The slots that a dead thread owned and others still have come back by mail. */
  nothingInFlightOf(isolate: number): boolean {
    this.#readMail(isolate);
    const first = this.#arena.firstSlot(isolate);
    for (let slot = first; slot < first + this.#arena.slotsOf(isolate); slot++) {
      if (!this.#gs.isAtRest(slot)) return false;
    }
    return true;
  }
}

/** The host of scenarios in which threads die: it keeps the books of its tasks, and buries. */
import { load } from "../../../scheduler/arena/atomics.ts";
import { Burial, diedBy } from "../../../scheduler/host/burial.ts";
import { G_DONE, G_FREE, G_QUEUED, G_RUNNING } from "../../../scheduler/slots/g_table.ts";
import { GLOBAL_HEAD, GLOBAL_TAIL, IDLE_COUNTS } from "../../../scheduler/arena/layout/header.ts";
import { M_SPINNING } from "../../../scheduler/arena/layout/m.ts";
import { P_HEAD, P_NEXT, P_RING, P_TAIL, RING_SIZE } from "../../../scheduler/arena/layout/p.ts";
import { givenP, givenSpinning, isGiven } from "../../../scheduler/parking/sleep_word.ts";
import { isOnItsWay } from "../../../scheduler/parking/processor.ts";
import type { Started } from "../../../scheduler/host/host_tasks.ts";
import type { Call, TaskState } from "../../../scheduler/tasks/call.ts";
import { check, checkEqual, isAsleep } from "../scenario.ts";
import type { Pool } from "./machines.ts";

export class Mourner {
  readonly pool: Pool;
  readonly burial: Burial;
  /** In their order. */
  readonly #started: Started[] = [];

  constructor(pool: Pool) {
    this.pool = pool;
    const { home, host, forwarder } = pool;
    this.burial = new Burial(home, pool, host.owner, forwarder);
  }

  submit(call: Call<unknown>): Started {
    const started = this.pool.submit(call);
    this.#started.push(started);
    return started;
  }

  /** Of its tasks, in the order in which they were started. */
  get outcomes(): (TaskState | undefined)[] {
    return this.#started.map(({ outcome }) => outcome);
  }

  /** Until all that it has started has stopped. */
  settle(): void {
    const { gs } = this.pool;
    this.pool.readMailUntil(() => this.#started.every(({ slot }) => gs.status(slot) === G_FREE));
  }

  bury(isolate: number): void {
    this.pool.readMail();
    this.burial.bury(isolate, diedBy("it was killed"));
    this.pool.wakeups.wakeIfWork();
  }

  /** For the end: nothing of the dead is left, and all are idle. */
  isAtRest(dead: number): void {
    const { pool } = this;
    check(!this.outcomes.includes(undefined), "every task settles");
    pool.isAtRest();
    check(booksBalance(pool), "the books balance");
    for (let slot = 0; slot < pool.arena.shape.maxTasks; slot++) {
      check(pool.gs.isAtRest(slot), `slot ${slot} is at rest`);
    }
    check(this.burial.revive(dead), "the number of the dead can be used again");
    checkEqual(pool.parker.state(dead), 0, "the dead one's sleep word");
  }
}

/**
 * Where a death is survived: host/README.md, "Where a death is survived". A thread that sleeps does nothing; else what it does is in no
 * book that others could not read.
 */
export function survives(pool: Pool, isolate: number): boolean {
  return isAsleep(`M${isolate}`) || booksBalance(pool);
}

/**
 * Each P is idle, held or given; the counts say so; each task that is queued is in one queue, and what is empty in the
 * global queue can be filled.
 */
function booksBalance(pool: Pool): boolean {
  const { i32: words } = pool.arena;
  const states = pool.machines.map((_, i) => pool.parker.state(i + 1)).filter(isGiven);
  let idle = 0;
  const queued: number[] = [];
  for (let p = 0; p < pool.procs; p++) {
    const word = pool.idle.ps.word(p);
    if (word === 0) return false;
    if (word === 1) idle++;
    if (isOnItsWay(word) && !states.some((state) => givenP(state) === p)) return false;
    const at = pool.arena.processor(p);
    for (let i = words[at + P_HEAD]; i !== words[at + P_TAIL]; i++) {
      queued.push(words[at + P_RING + (i & (RING_SIZE - 1))]);
    }
    if (words[at + P_NEXT] !== 0) queued.push(words[at + P_NEXT] - 1);
  }
  const spinning = states.filter(givenSpinning).length +
    pool.machines.filter((_, i) => words[pool.arena.isolate(i + 1) + M_SPINNING] === 1).length;
  if (words[IDLE_COUNTS] !== (idle << 16) + spinning) return false;
  const [head, tail] = [words[GLOBAL_HEAD], words[GLOBAL_TAIL]];
  const { globalCapacity, globalCells, slots } = pool.arena;
  for (let position = tail - globalCapacity; position < tail; position++) {
    if (position < 0) continue;
    const cell = globalCells + (position % globalCapacity) * 2;
    const round = position - position % globalCapacity;
    if (words[cell] !== (position < head ? round + globalCapacity : round + 1)) return false;
    if (position >= head && words[cell + 1] >= 0) queued.push(words[cell + 1]);
  }
  for (let slot = 0; slot < slots; slot++) {
    const status = load(words, pool.arena.g(slot));
    const isQueued = status !== G_FREE && (status === G_QUEUED || (status !== G_RUNNING && status < G_DONE));
    if (queued.filter((one) => one === slot).length !== (isQueued ? 1 : 0)) return false;
  }
  return true;
}

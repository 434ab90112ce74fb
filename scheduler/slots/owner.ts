/**
 * The owner's side of slots: what an isolate does with the tasks that it started and that others know of. The host has one
 * of these, and so has each M for the children of its Gs.
 *
 * From `write` to the mail that the task has ended a slot is the task's; then the owner reads what it says, and frees it.
 * slots/README.md, "Life of a G".
 */
import { G_DONE, G_FAILED, type GTable } from "./g_table.ts";
import { dropParcel, openParcel, type Parcel } from "./parcel.ts";
import type { Mail } from "../parking/mail.ts";
import type { Locks } from "../parking/locks.ts";
import type { Definition } from "../tasks/call.ts";
import { USER_VISIBLE } from "../tasks/priority.ts";
import { exportedClasses } from "../tasks/define.ts";
import { tellProgress } from "../tasks/progress.ts";
import { isDefaultReason } from "../tasks/promise.ts";
import type { Crossing } from "../codec/handle.ts";
import type { TaskTable } from "./task_table.ts";

/** A task as its owner has it. */
export interface Owned {
  readonly id: number;
  readonly definition: Definition | undefined;
  /** -1 while it has none. */
  slot: number;
  /** Its promise has settled: what the slot says is dropped. */
  readonly hasSettled: boolean;
}

/**
 * The task runs nowhere any more, and its slot is free. One that had settled before was cancelled, and there is no value;
 * so is one that was dropped unopened.
 */
export type Ended<T> = (task: T, ok: boolean, value: unknown) => void;

/** The way of payloads that cannot be bytes in the arena: side_channel.ts. */
export interface Port {
  /** Arguments, for who will run the task. */
  post(slot: number, parcel: Parcel): void;
  /** The result: its mail has come. */
  take(slot: number): Parcel | undefined;
  /** Arguments, if they are kept here and nobody has asked for them. */
  drop?(slot: number): void;
}

export class Owner<T extends Owned> {
  readonly #gs: GTable;
  readonly #table: TaskTable;
  readonly #mail: Mail;
  readonly #locks: Locks;
  readonly #port: Port;
  readonly #ended: Ended<T>;
  /** By slot, from the first that this isolate owns. */
  readonly #tasks: (T | undefined)[] = [];
  readonly #first: number;
  /** Of tasks with signals or streams among their arguments, by slot. */
  readonly #crossings = new Map<number, Crossing>();
  /** Slots that have ended, and wait for the class of an error. */
  readonly #reading = new Set<number>();

  constructor(gs: GTable, table: TaskTable, mail: Mail, locks: Locks, port: Port, ended: Ended<T>) {
    this.#gs = gs;
    this.#table = table;
    this.#mail = mail;
    this.#locks = locks;
    this.#port = port;
    this.#ended = ended;
    this.#first = gs.first;
  }

  /** Those that have a slot. */
  get tasks(): T[] {
    return this.#tasks.filter((task) => task !== undefined);
  }

  of(slot: number): T | undefined {
    return this.#tasks[slot - this.#first];
  }

  /**
   * Fills a slot that was allocated for the task, and makes it QUEUED: the caller puts it into a queue, or mails it to the
   * M that it is for. Throws a DataCloneError; the slot is free again then.
   */
  write(slot: number, task: T, args: readonly unknown[], priority = USER_VISIBLE, dedicatedTo = 0): void {
    const gs = this.#gs;
    let parcel: Parcel | undefined;
    try {
      gs.prepare(slot, task.id, this.#table.number(task.definition!), dedicatedTo, priority);
      parcel = this.#writeArguments(slot, args);
      if (parcel !== undefined) this.#port.post(slot, parcel);
      if (this.#crossings.size !== 0) this.#crossings.get(slot)?.begin();
    } catch (error) {
      dropParcel(parcel, gs.handles);
      this.#endCrossing(slot);
      gs.free(slot);
      throw error;
    }
    task.slot = slot;
    this.#tasks[slot - this.#first] = task;
    gs.queue(slot);
  }

  /**
   * A task that waits in a queue is written anew into a slot that was allocated for that: the caller pushes it. What is left in the
   * queue is `ghost`'s, which has settled, and is dropped as if it had been cancelled. False: it keeps its place, or has begun.
   */
  rewrite(slot: number, task: T, args: readonly unknown[], priority: number, ghost: T): boolean {
    const before = task.slot;
    try {
      this.write(slot, task, args, priority);
    } catch {
      return false;
    }
    // Partner: the CAS of its taker.
    if (!this.#gs.cancelQueued(before)) {
      this.#free(slot);
      task.slot = before;
      return false;
    }
    ghost.slot = before;
    this.#tasks[before - this.#first] = ghost;
    return true;
  }

  #writeArguments(slot: number, args: readonly unknown[]): Parcel | undefined {
    const gs = this.#gs;
    const bridges = gs.handles?.bridges;
    if (bridges === undefined) return gs.writeArguments(slot, args);
    const opened = bridges.open();
    try {
      return gs.writeArguments(slot, args);
    } finally {
      const crossing = bridges.close(opened);
      if (crossing !== undefined) this.#crossings.set(slot, crossing);
    }
  }

  /** All is closing: nothing of what crosses goes on. */
  endCrossings(): void {
    for (const slot of [...this.#crossings.keys()]) this.#endCrossing(slot);
  }

  #endCrossing(slot: number): void {
    this.#crossings.get(slot)?.end();
    this.#crossings.delete(slot);
  }

  /** Its promise has settled: it does not begin, or hears of the reason. */
  cancel({ slot }: T, reason: unknown): void {
    if (this.#gs.cancelQueued(slot)) return;
    this.#locks.hold();
    try {
      this.#gs.requestCancel(slot, isDefaultReason(reason) ? undefined : reason);
      this.#mail.toRunner(this.#gs.runner(slot), slot);
    } finally {
      this.#locks.release();
    }
  }

  /** By the M that took a slot out of a queue: if it is of its own, the slot is freed, and the task as it was before. */
  takeBack(slot: number): T | undefined {
    // What went by port is with the host, and comes back from there as to any other thread.
    if (this.#gs.isByPort(slot)) return undefined;
    const task = this.of(slot);
    if (task === undefined) return undefined;
    this.#free(slot);
    task.slot = -1;
    return task;
  }

  /** By mail: the task has ended, or was taken out of its queue after it had been cancelled. */
  read(slot: number): void {
    const gs = this.#gs;
    const task = this.of(slot)!;
    const status = gs.status(slot);
    const hasResult = status === G_DONE || status === G_FAILED;
    const parcel = hasResult && gs.isByPort(slot) ? this.#port.take(slot) : undefined;
    if (!hasResult || task.hasSettled) {
      dropParcel(parcel, gs.handles);
      return this.#end(slot, task, false, undefined);
    }
    if (parcel === undefined && gs.isByPort(slot)) {
      throw new Error(`Heddle: the result of slot ${slot} never arrived.`);
    }
    if (status === G_FAILED && parcel === undefined && gs.unknownErrorClass(slot) !== undefined) {
      this.#readWithClasses(slot, task);
      return;
    }
    this.#endWith(slot, task, status === G_DONE, () => {
      return parcel === undefined ? gs.readPayload(slot) : openParcel(parcel, gs.handles);
    });
  }

  /** By mail, before that of the end. */
  readReport(slot: number): void {
    const task = this.of(slot)!;
    const report = this.#gs.takeReport(slot);
    if (report !== undefined && !task.hasSettled) tellProgress(task, report.value);
  }

  /** As `read`, if that has not come before: the runner died, perhaps before it could mail the slot. */
  readOfDead(slot: number): void {
    if (this.of(slot) !== undefined && !this.#reading.has(slot)) this.read(slot);
  }

  /** An error of a class that only its task's module knows is found there. */
  async #readWithClasses(slot: number, task: T): Promise<void> {
    this.#reading.add(slot);
    const classOf = await exportedClasses(task.definition!.module);
    this.#reading.delete(slot);
    this.#endWith(slot, task, false, () => this.#gs.readPayload(slot, classOf));
  }

  /** What cannot be read is what the task fails with. */
  #endWith(slot: number, task: T, ok: boolean, read: () => unknown): void {
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      ok = false;
      value = error;
    }
    this.#end(slot, task, ok, value);
  }

  /** By the host: the runner died, and the task with it. */
  lose(slot: number, error: Error): void {
    this.#end(slot, this.of(slot)!, false, error);
  }

  #end(slot: number, task: T, ok: boolean, value: unknown): void {
    this.#free(slot);
    this.#ended(task, ok, value);
  }

  #free(slot: number): void {
    this.#tasks[slot - this.#first] = undefined;
    this.#port.drop?.(slot);
    if (this.#crossings.size !== 0) this.#endCrossing(slot);
    this.#gs.free(slot);
  }
}

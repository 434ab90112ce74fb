/**
 * The caller's side of an M: the children that its Gs start. They stay private here, plain objects that no other thread
 * knows of, until they run or somebody is hungry; then some are published, each with a slot. With all slots of the M in use
 * they stay private.
 *
 * **Together what talks together, apart what computes.** A child with channels or locks among its arguments is bound to the thread
 * where it begins, and may live long there. So it is published at once, whether somebody is hungry or not, as long as there is more
 * than one P, and its publisher leaves it to thieves for a while (patience.ts). As talk.ts knows of the last ones of its kind:
 *
 * - What is **brief** is published as a child without channels is.
 * - What is **talkative** is not: less than TALK of work from one operation to the next. It runs next, and is published only when its
 *   M loses the P, locks its thread or calls what blocks. On two threads the Savina rows (ring, doubleselect, dictionary, bank,
 *   barbers) took 1.1 to 3 times as long as on one; now they take as long.
 *
 * Of a kind of which none has ended yet nobody knows anything: stages of a pipeline, and workers that start before their jobs come,
 * must not all be bound to one thread. So talkative ones are spread in the first run of a process, which takes 2 to 6 times as long.
 * That run is cold, and each message across threads is work of its own: what it seems to need is a guess, and taken for an eighth; if
 * that was too little, the second run has one thread for itself and is measured there.
 */
import { copy, copyArguments, type ErrorClass, isPrimitive } from "../codec/codec.ts";
import { limitTask } from "../queues/cancellation.ts";
import type { Agenda } from "./agenda.ts";
import { G, type Services } from "./g.ts";
import type { Hold } from "./hold.ts";
import type { Nursery } from "./task_scope.ts";
import { timedOut } from "../tasks/errors.ts";
import { G_QUEUED, type GTable } from "../slots/g_table.ts";
import { hasHandles, isHandle } from "../codec/handle.ts";
import { handOver } from "../codec/moves.ts";
import { NO_P } from "../parking/idle.ts";
import { Owner } from "../slots/owner.ts";
import { priorityNumber, USER_VISIBLE } from "../tasks/priority.ts";
import type { PrivateRunQueue } from "../queues/private_run_queue.ts";
import type { Locks } from "../parking/locks.ts";
import type { Shared } from "../parking/shared.ts";
import type { SideChannel } from "../slots/side_channel.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import { type Call, type GoOptions, requireGoOptions, type StartOptions } from "../tasks/call.ts";
import {
  type ChildTask,
  isOwnReason,
  newChildTask,
  reject,
  rejectAnew,
  watchState,
} from "../tasks/promise.ts";
import { followPriority } from "../tasks/task_controller.ts";
import { RunTimes } from "../slots/run_times.ts";
import type { TaskTable } from "../slots/task_table.ts";

/** Guess: private Gs that gather before some are published although nobody is hungry. */
const HANDFUL = 8;
/** Microseconds: what takes less on end costs more elsewhere than here. A transfer takes 1 to 2 us on either side. */
const GRAIN = 4;
/** Milliseconds from one handful of tiny ones to the next: a handful takes some 16 us, so this bounds their share to 4%. */
const BEAT = 0.4;
/** Microseconds. A message between tasks of one thread takes 0.2 to 1, between two threads 2 to 20. */
const TALK = 8;

export class Children {
  readonly #shared: Shared;
  readonly #privates: PrivateRunQueue<G>;
  /** Those that were published. */
  readonly #owner: Owner<G>;
  #isCancelling = false;
  /** When the next handful of tiny ones may go, and how often somebody was hungry. */
  #beat = 0;
  #hunger = 0;
  readonly #times: RunTimes;
  readonly #table: TaskTable;
  readonly #hold: Hold;
  readonly #agenda: Agenda;
  readonly #services: Services;
  readonly #locks: Locks;
  readonly #gs: GTable;

  constructor(agenda: Agenda, services: Services, side: SideChannel) {
    const { hold, shared } = agenda;
    this.#shared = shared;
    this.#privates = agenda.privates;
    this.#hold = hold;
    this.#agenda = agenda;
    this.#services = services;
    this.#locks = hold.locks;
    const { gs, table } = services.home;
    this.#gs = gs;
    this.#table = table;
    this.#times = new RunTimes(shared.arena);
    const ended = (g: G, ok: boolean, value: unknown) => this.#settle(g, ok, value);
    this.#owner = new Owner(gs, table, shared.mail, hold.locks, side, ended);
  }

  start(parent: G, call: Call<unknown>, options: GoOptions | undefined, nursery?: Nursery): ChildTask {
    const limits = options === undefined
      ? undefined
      : requireGoOptions(nursery === undefined ? "ctx.go" : "scope.go", options);
    let args = call.args;
    for (let i = 0; i < args.length; i++) {
      // A handle is the same object on the other side.
      if (typeof args[i] === "number" || isPrimitive(args[i]) || isHandle(args[i])) continue;
      args = handOver(limits?.transfer, () => copyArguments(args));
      break;
    }
    // What runs code of users came before.
    reserveStack();
    const g = new G(this.#services, call.definition, this.#gs.newId(), args, -1);
    const promise = g.promise = newChildTask(g);
    g.parent = parent;
    if (parent.outstanding++ === 0) this.#agenda.parents++;
    if (nursery !== undefined) g.nursery = nursery;
    if (parent.rare !== undefined) g.priority = parent.rare.priority;
    if (limits !== undefined) this.#limit(g, promise, limits);
    if (promise.state === "cancelled") return promise;
    this.#privates.push(g);
    const { isInCall, takesWork } = this.#hold;
    if (this.#privates.length > 1 || !takesWork || isInCall) this.#share();
    this.#hold.kick();
    return promise;
  }

  #limit(g: G, promise: ChildTask, limits: StartOptions): void {
    if (limits.priority !== undefined) g.priority = priorityNumber(limits.priority);
    const late = (timeout: number) => timedOut(limits.name ?? g.definition!.name, g.id, timeout);
    const release = limitTask(promise, limits, this.#agenda, late);
    if (release !== undefined) g.release = release;
    if (limits.followed === undefined || promise.state === "cancelled") return;
    g.release = followPriority(limits.followed, (priority) => {
      this.#setPriority(g, priorityNumber(priority));
    }, release);
  }

  /** A private one is pushed with it when it is published. What has begun, or finds no slot, keeps its place. */
  #setPriority(g: G, priority: number): void {
    if (g.promise!.state !== "queued" || g.priority === priority) return;
    if (g.slot < 0) return void (g.priority = priority);
    reserveStack();
    this.#locks.hold();
    try {
      const slot = this.#gs.allocate();
      if (slot < 0) return;
      const ghost = new G(this.#services, g.definition, g.id, undefined, -1);
      ghost.promise = { state: "cancelled" } as ChildTask;
      if (!this.#owner.rewrite(slot, g, g.args!, priority, ghost)) return;
      g.priority = priority;
      watchState(g.promise!, () => this.#gs.status(slot) === G_QUEUED ? "queued" : "running");
      this.#push(slot);
      this.#shared.wakeups.wake();
    } finally {
      this.#locks.release();
    }
  }

  cancel(g: G, reason: unknown): boolean {
    const { state } = g.promise!;
    if (state !== "queued" && state !== "running") return false;
    // Not again for those whose scopes hear of it: their listeners are not to throw.
    if (this.#isCancelling) return this.#cancel(g, reason);
    reserveStack();
    this.#isCancelling = true;
    try {
      return this.#cancel(g, reason);
    } finally {
      this.#isCancelling = false;
    }
  }

  #cancel(g: G, reason: unknown): boolean {
    const { state } = g.promise!;
    g.promise!.state = "cancelled";
    this.#leaveParent(g);
    g.rare?.release?.();
    if (isOwnReason(reason)) rejectAnew(g, reason);
    else reject(g, reason);
    g.rare?.nursery?.failed(reason);
    if (g.slot < 0) {
      g.abort(reason);
      if (state === "queued") stopped(g);
    } else {
      this.#owner.cancel(g, reason);
    }
    return true;
  }

  #leaveParent(g: G): void {
    const parent = g.parent!;
    g.parent = undefined;
    if (--parent.outstanding === 0) this.#agenda.parents--;
  }

  // Publishing --------------------------------------------------------------------------------------------------------

  /**
   * Private Gs go to where others find them, all but the newest. If somebody is hungry when a child is started, all of
   * them do at once, since the parent may compute on for long. Else a handful does if thieves would find nothing, so that
   * a P that becomes hungry later finds something. A dedicated thread runs none if it can help it.
   */
  #share(): void {
    this.#locks.hold();
    try {
      const { p, takesWork } = this.#hold;
      const older = this.#privates.length - 1;
      if (p === NO_P || !takesWork) this.publishAll();
      else if (this.#shared.idle.isAnyHungry || this.#isBetterApart) {
        this.#feed(older);
      } else if (
        older >= HANDFUL && this.#shared.rings.isEmpty(p) && isForRing(this.#privates.oldest!)
      ) {
        this.#publish(HANDFUL);
      }
    } finally {
      this.#locks.release();
    }
  }

  /** Before one of several private Gs is run, which may take long: half of the older ones, if somebody would get none. */
  shareHalf(): void {
    const { p, takesWork } = this.#hold;
    if (!takesWork || !this.#shared.idle.isAnyHungry || !this.#shared.rings.isEmpty(p)) return;
    this.#feed(this.#privates.length >> 1);
  }

  /**
   * Somebody is hungry: the oldest `count`, or a handful at a beat if they are tiny. Of a tree of tasks that await their
   * children the oldest are the largest subtrees, so this is enough for these; and of tiny ones no more crosses than a share
   * of the time that is bounded whatever their grain (heartbeat scheduling: Acar et al., PLDI 2018).
   */
  #feed(count: number): void {
    if (count > 0 && this.#areTiny()) {
      if ((++this.#hunger & 7) !== 0) return;
      const now = performance.now();
      if (now < this.#beat) return;
      this.#beat = now + BEAT;
      count = Math.min(count, HANDFUL);
    }
    this.#publish(count, true);
  }

  /** Of the oldest. Somebody may have a P for it later than it begins here, where it would be bound: see patience.ts. */
  get #isBetterApart(): boolean {
    return this.#shared.idle.procs > 1 && this.#mayLiveLong(this.#privates.oldest!);
  }

  #mayLiveLong({ args, definition }: G): boolean {
    if (!hasHandles(args!)) return false;
    const number = this.#table.known(definition!);
    return number < 0 || !this.#times.isBrief(number);
  }

  /** By what others of its definition did, as far as anybody knows. */
  #isTalkative({ args, definition }: G): boolean {
    if (!hasHandles(args!)) return false;
    const number = this.#table.find(definition!);
    if (number < 0) return false;
    const us = this.#times.talk(number);
    return us !== 0 && us < TALK;
  }

  /**
   * By the oldest. Those of which nobody knows how long they take are not; nor those that live long, which take little until they
   * await for the first time, whatever they do then.
   */
  #areTiny(): boolean {
    const oldest = this.#privates.oldest!;
    const number = this.#table.known(oldest.definition!);
    if (number < 0 || this.#mayLiveLong(oldest)) return false;
    const mean = this.#times.mean(number);
    return mean !== 0 && mean < GRAIN;
  }

  /** All that has not begun: this thread may not come to it for long. */
  publishAll(): void {
    if (this.#privates.length !== 0) this.#publish(this.#privates.length);
    if (this.#agenda.unloaded.size !== 0) this.putBack([...this.#agenda.unloaded]);
  }

  /**
   * The oldest `count`, or as many as there are slots for. The newest of all stays the next to run. `isChoice`: and only as far as
   * none comes that is talkative.
   */
  #publish(count: number, isChoice = false): void {
    const { p, takesWork } = this.#hold;
    for (let i = 0; i < count; i++) {
      if (isChoice && this.#isTalkative(this.#privates.oldest!)) {
        this.#privates.push(this.#privates.popOldest()!);
        if (i === 0) return;
        break;
      }
      const slot = this.#gs.allocate();
      if (slot < 0) break;
      const g = this.#privates.popOldest()!;
      if (g.promise!.state !== "queued") {
        this.#gs.free(slot);
        continue;
      }
      // There may be no room for what it is given, in the arena or on the stack. Then it runs here, and later ones too.
      if (!this.#write(slot, g)) {
        this.#privates.putBack(g);
        break;
      }
      watchState(g.promise!, () => this.#gs.status(slot) === G_QUEUED ? "queued" : "running");
      if (p !== NO_P && takesWork && this.#privates.length === 0 && g.priority === USER_VISIBLE) {
        this.#shared.rings.pushNext(p, slot);
      } else {
        this.#push(slot);
      }
    }
    this.#shared.wakeups.wake();
  }

  /** What waits here for its module goes to where others find it, and this M too. */
  putBack(slots: readonly number[]): void {
    if (slots.length === 0) return;
    for (const slot of slots) {
      this.#agenda.unloaded.delete(slot);
      this.#agenda.arrived();
      this.#gs.putBack(slot);
      this.#push(slot);
    }
    this.#shared.wakeups.wake();
  }

  #push(slot: number): void {
    const { p, takesWork } = this.#hold;
    const priority = this.#gs.priority(slot);
    if (p === NO_P || !takesWork || priority !== USER_VISIBLE) this.#shared.global.push(slot, priority);
    else this.#shared.rings.push(p, slot);
  }

  /** Whether it is in the slot. If not the slot is free again. */
  #write(slot: number, g: G): boolean {
    try {
      this.#owner.write(slot, g, g.args!, g.priority);
      return true;
    } catch {
      return false;
    }
  }

  /** By the M that took the slot out of a queue: if it is a child of its own, it is private again. */
  takeBack(slot: number): G | undefined {
    const g = this.#owner.takeBack(slot);
    if (g !== undefined) g.promise!.state = "queued";
    return g;
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  /** A task that was published here has ended elsewhere, or was taken out of its queue after it was cancelled. */
  read(slot: number): void {
    this.#owner.read(slot);
  }

  /** The same, if that has not come before: the runner died, perhaps before it could mail the slot. */
  readOfDead(slot: number): void {
    this.#owner.readOfDead(slot);
  }

  /** One that runs elsewhere has reported something. */
  readReport(slot: number): void {
    this.#owner.readReport(slot);
  }

  /** The result is copied, as if it had come from another thread. */
  end(g: G, ok: boolean, value: unknown): void {
    if (isPrimitive(value)) return this.#settle(g, ok, value);
    if (g.promise!.state === "cancelled") return stopped(g);
    try {
      const errorClass = () => (value as object).constructor as ErrorClass;
      this.#settle(g, ok, copy(value, ok ? "result" : "error", errorClass));
    } catch (error) {
      this.#settle(g, false, error);
    }
  }

  #settle(g: G, ok: boolean, value: unknown): void {
    const promise = g.promise!;
    if (promise.state === "cancelled") return stopped(g);
    promise.state = ok ? "done" : "failed";
    this.#leaveParent(g);
    if (g.rare !== undefined) g.rare.release?.();
    if (ok) g.resolve(value);
    else rejectAnew(g, value);
    if (g.rare === undefined) return;
    if (!ok) g.rare.nursery?.failed(value);
    stopped(g);
  }
}

/** Of another priority none goes there, however empty it is. */
function isForRing(g: G): boolean {
  return g.priority === USER_VISIBLE && !hasHandles(g.args!);
}

function stopped(g: G): void {
  const { rare } = g;
  if (rare?.nursery === undefined) return;
  const { nursery } = rare;
  rare.nursery = undefined;
  nursery.stopped(g.promise!);
}

/** The tasks that the host has started: from their start, perhaps with a wait for a slot, to the end of their promises. */
import type { Shared } from "../parking/shared.ts";
import { type Clock, limitTask } from "../queues/cancellation.ts";
import { SchedulerClosedError, threadDied, timedOut } from "../tasks/errors.ts";
import type { Forwarder } from "../slots/forwarder.ts";
import { copyArguments } from "../codec/codec.ts";
import { G_QUEUED, G_RUNNING, type GTable } from "../slots/g_table.ts";
import type { Isolate } from "../sync/isolate.ts";
import { Line } from "./line.ts";
import { HOST } from "../arena/layout/m.ts";
import { type Owned, Owner } from "../slots/owner.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Call, Definition, StartOptions, TaskState } from "../tasks/call.ts";
import { followPriority, type TaskSignal } from "../tasks/task_controller.ts";
import { BACKGROUND, priorityNumber, USER_BLOCKING, USER_VISIBLE } from "../tasks/priority.ts";
import { readProgress } from "../tasks/progress.ts";
import {
  type Caller,
  HostTask,
  isOwnReason,
  reject,
  rejectAnew,
  type Resolver,
  silence,
} from "../tasks/promise.ts";

/** A task that the host started. */
export class Started implements Owned, Caller, Resolver {
  readonly id: number;
  readonly definition: Definition;
  readonly name: string;
  priority: number;
  /** The view that it was started through. */
  view: ViewLine | undefined = undefined;
  /** Where it is counted, from when it has a slot. */
  line: Line<Waiting> | undefined = undefined;
  /** -1 while it waits for a slot. */
  slot = -1;
  resolve!: (value: unknown) => void;
  promise!: HostTask;
  release: (() => void) | undefined = undefined;
  outcome: TaskState | undefined = undefined;
  /** The process waits for it. */
  isInFlight = true;
  readonly #tasks: HostTasks;

  constructor(
    tasks: HostTasks,
    id: number,
    { definition }: { readonly definition: Definition },
    options?: StartOptions,
  ) {
    this.#tasks = tasks;
    this.id = id;
    this.definition = definition;
    this.name = options?.name ?? definition.name;
    this.priority = priorityNumber(options?.priority);
  }

  get hasSettled(): boolean {
    return this.outcome !== undefined;
  }

  get state(): TaskState {
    return this.outcome ?? (this.slot >= 0 && this.#tasks.isRunning(this.slot) ? "running" : "queued");
  }

  cancel(reason: unknown): boolean {
    return this.#tasks.cancel(this, reason);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<unknown> {
    return readProgress(this, this.promise);
  }
}

/** A thread that tasks may be started on. */
export interface Place {
  readonly isolate: number;
  /** Whether it has ended. */
  readonly isGone: boolean;
}

interface Waiting {
  readonly started: Started;
  readonly args: readonly unknown[];
  readonly on: Place | undefined;
}

/** So many of its tasks may be under way at once: scheduler/view.ts. */
export class ViewLine extends Line<Waiting> {
  /** Set by its close, which resolves it when none is under way. */
  closed: PromiseWithResolvers<void> | undefined = undefined;
}

/** The host's loop: the process waits for what has begun and not ended. */
interface Vigil extends Clock {
  begin(): void;
  end(): void;
}

export class HostTasks {
  readonly #shared: Shared;
  readonly #gs: GTable;
  readonly #home: Isolate;
  readonly #forwarder: Forwarder;
  readonly #vigil: Vigil;
  readonly #owner: Owner<Started>;
  /** What exceeds the slots, by priority, and in the order in which they move on. */
  readonly #lines: Line<Waiting>[] = [];
  /** Those that hold back a task. */
  readonly #views = new Set<ViewLine>();
  #isAbandoned = false;

  constructor(shared: Shared, home: Isolate, forwarder: Forwarder, vigil: Vigil) {
    this.#shared = shared;
    this.#gs = home.gs;
    this.#home = home;
    this.#forwarder = forwarder;
    this.#vigil = vigil;
    this.#lines[USER_VISIBLE] = new Line();
    this.#lines[USER_BLOCKING] = new Line();
    // A backlog of these leaves slots to the others.
    this.#lines[BACKGROUND] = new Line(Math.ceil(shared.arena.shape.maxTasks / 2));
    this.#owner = new Owner(
      home.gs,
      home.table,
      shared.mail,
      home.locks,
      forwarder,
      (started, ok, value) => this.#ended(started, ok, value),
    );
  }

  // Starting ----------------------------------------------------------------------------------------------------------

  /** By any M, or on that thread, which has been dedicated before. */
  start(call: Call<unknown>, options: StartOptions | undefined, on?: Place, view?: ViewLine): HostTask {
    // One that may move is written again then.
    const args = options?.followed === undefined ? call.args : copyArguments(call.args);
    const started = this.#newStarted(call, options);
    const line = this.#lines[started.priority];
    started.view = view;
    if (view !== undefined && !view.isOpen) {
      this.#wait(view, started, args, on);
      this.#views.add(view);
    } else {
      const slot = line.isOpen ? this.#gs.allocate() : -1;
      if (slot >= 0) this.#submit(slot, started, args, on, line);
      else this.#wait(line, started, args, on);
      view?.begin();
    }
    const promise = this.#begin(started, options);
    if (options?.followed !== undefined && on === undefined) {
      this.#followPriority(started, args, options.followed);
    }
    return promise;
  }

  /**
   * As the first on a thread of its own, in a slot that the caller has allocated, since such a task cannot wait for one. With a
   * throw that is free again. `isInFlight`: the process waits for its end.
   */
  startOnOwn(
    slot: number,
    call: Call<unknown>,
    options: StartOptions | undefined,
    args: readonly unknown[],
    on: Place,
    isInFlight: boolean,
  ): HostTask {
    const started = this.#newStarted(call, options);
    started.isInFlight = isInFlight;
    this.#submit(slot, started, args, on);
    return this.#begin(started, options);
  }

  /** Its signal was aborted before. */
  neverStarted(call: Call<unknown>, { signal }: StartOptions): HostTask {
    const started = this.#newStarted(call, undefined);
    started.outcome = "cancelled";
    const promise = started.promise = HostTask.start(started);
    silence(promise);
    reject(started, signal!.reason);
    return promise;
  }

  #newStarted(call: Call<unknown>, options: StartOptions | undefined): Started {
    return new Started(this, this.#gs.newId(), call, options);
  }

  #submit(
    slot: number,
    started: Started,
    args: readonly unknown[],
    on: Place | undefined,
    line?: Line<Waiting>,
  ): void {
    this.#owner.write(slot, started, args, started.priority, on === undefined ? 0 : on.isolate);
    this.#requireOpen(started);
    started.line = line;
    line?.begin();
    if (on !== undefined) return this.#shared.mail.toRunner(on.isolate, slot);
    this.#shared.global.push(slot, started.priority);
    this.#shared.wakeups.wake();
  }

  #begin(started: Started, options: StartOptions | undefined): HostTask {
    const promise = started.promise = HostTask.start(started);
    if (started.isInFlight) this.#vigil.begin();
    if (options !== undefined) this.#limit(started, options);
    return promise;
  }

  #limit(started: Started, options: StartOptions): void {
    const late = (timeout: number) => timedOut(started.name, started.id, timeout);
    started.release = limitTask(started.promise, options, this.#vigil, late);
  }

  #followPriority(started: Started, args: readonly unknown[], signal: TaskSignal): void {
    if (started.hasSettled) return;
    started.release = followPriority(signal, (priority) => {
      this.setPriority(started, args, priorityNumber(priority));
    }, started.release);
  }

  /** Where it waits, or would wait. What has begun, or finds no slot, keeps its place. */
  setPriority(started: Started, args: readonly unknown[], priority: number): void {
    if (started.hasSettled || started.priority === priority) return;
    reserveStack();
    const to = this.#lines[priority];
    if (started.slot < 0) {
      const before = started.priority;
      started.priority = priority;
      // What a view holds back goes into the right line when its turn comes.
      for (const entry of this.#lines[before]) {
        if (entry.started !== started) continue;
        to.push({ ...entry });
        return this.refill();
      }
      return;
    }
    const slot = this.isRunning(started.slot) || !to.isOpen ? -1 : this.#gs.allocate();
    if (slot < 0) return;
    const ghost = new Started(this, started.id, started, { name: started.name });
    ghost.outcome = "cancelled";
    ghost.line = started.line;
    if (!this.#owner.rewrite(slot, started, args, priority, ghost)) return;
    started.priority = priority;
    started.line = to;
    to.begin();
    this.#shared.global.push(slot, priority);
    this.#shared.wakeups.wake();
  }

  #wait(line: Line<Waiting>, started: Started, args: readonly unknown[], on: Place | undefined): void {
    const copied = copyArguments(args);
    this.#requireOpen(started);
    line.push({ started, args: copied, on });
  }

  /** Once more when arguments have been copied: their getters may have called close(). */
  #requireOpen(started: Started): void {
    if (!this.#isAbandoned) return;
    started.outcome = "failed";
    throw new SchedulerClosedError("The scheduler was closed as the task's arguments were copied.");
  }

  /** Tasks that wait for a slot. In front of the background ones: without these. */
  waiting(isInFront = false): number {
    const [visible, blocking, background] = this.#lines;
    return visible.length + blocking.length + (isInFront ? 0 : background.length);
  }

  /** Tasks that views hold back. */
  get heldBack(): number {
    let held = 0;
    for (const view of this.#views) held += view.length;
    return held;
  }

  /** All without a slot, one by one, but for those that have settled. */
  *withoutSlot(): Iterable<Started> {
    // What has moved to another line is in both for a while.
    const seen = new Set<Started>();
    for (const line of [...this.#lines, ...this.#views]) {
      for (const { started } of line) if (!started.hasSettled && started.slot < 0) seen.add(started);
    }
    yield* seen;
  }

  /** Tasks may have ended: what waits for that moves on. */
  refill(): void {
    // Each time that the host reads mail, nearly always for nothing.
    if (this.#views.size > 0) { for (const view of this.#views) this.#release(view); }
    this.#refill(this.#lines[USER_BLOCKING]);
    this.#refill(this.#lines[USER_VISIBLE]);
    this.#refill(this.#lines[BACKGROUND]);
  }

  /** Into the line for a slot. */
  #release(view: ViewLine): void {
    for (let next = view.oldest; next !== undefined && view.hasRoom; next = view.oldest) {
      view.popOldest();
      if (next.started.hasSettled) continue;
      view.begin();
      this.#lines[next.started.priority].push(next);
    }
    if (view.length === 0) this.#views.delete(view);
  }

  #refill(line: Line<Waiting>): void {
    for (let next = line.oldest; next !== undefined && line.hasRoom; next = line.oldest) {
      const { started, args, on } = next;
      // It has moved to another line, and may have come back.
      if (started.slot >= 0 || this.#lines[started.priority] !== line) {
        line.popOldest();
        continue;
      }
      if (on?.isGone) {
        const error = threadDied(started.name, started.id, "it ended before the task began");
        this.#settle(started, "failed", error);
      }
      if (!started.hasSettled) {
        const slot = this.#gs.allocate();
        if (slot < 0) return;
        try {
          this.#submit(slot, started, args, on, line);
        } catch (error) {
          this.#settle(started, "failed", error);
        }
      }
      line.popOldest();
      if (started.slot < 0) this.#leaveView(started);
    }
  }

  // Ending ------------------------------------------------------------------------------------------------------------

  /** What has ended is running until its mail is read. */
  isRunning(slot: number): boolean {
    return this.#gs.status(slot) !== G_QUEUED;
  }

  cancel(started: Started, reason: unknown): boolean {
    if (started.hasSettled) return false;
    reserveStack();
    this.#settle(started, "cancelled", reason);
    if (started.slot >= 0) this.#owner.cancel(started, reason);
    return true;
  }

  /** It runs nowhere any more. */
  #ended(started: Started, ok: boolean, value: unknown): void {
    started.line?.end();
    this.#leaveView(started);
    this.#settle(started, ok ? "done" : "failed", value);
  }

  #leaveView({ view }: Started): void {
    if (view === undefined) return;
    view.end();
    if (view.underWay === 0) view.closed?.resolve();
  }

  #settle(started: Started, outcome: TaskState, value: unknown): void {
    if (started.hasSettled) return;
    started.outcome = outcome;
    started.release?.();
    if (started.isInFlight) this.#vigil.end();
    if (outcome === "done") started.resolve(value);
    else if (outcome === "failed" || isOwnReason(value)) rejectAnew(started, value);
    else reject(started, value);
  }

  /** Mail about a slot, of whichever owner: what goes by port goes through the host. */
  readMail(slot: number): void {
    if (this.#gs.status(slot) === G_RUNNING) this.#forwarder.forward(slot);
    else if (this.#isOwn(slot)) this.#owner.read(slot);
    else this.#forwarder.passOn(slot);
  }

  #isOwn(slot: number): boolean {
    return this.#home.arena.ownerOf(slot) === HOST;
  }

  /** All that have not settled fail with that. Nobody has to handle it. */
  abandon(why: () => Error): void {
    this.#isAbandoned = true;
    const lines = [...this.#lines, ...this.#views];
    const waiting = lines.flatMap((line) => line.takeAll()).map((entry) => entry.started);
    const all = [...waiting, ...this.#owner.tasks];
    this.#fail(all, why);
    this.#owner.endCrossings();
    for (const { view } of all) view?.closed?.resolve();
  }

  #fail(tasks: readonly Started[], why: () => Error): void {
    for (const started of tasks) {
      if (started.hasSettled) continue;
      this.#settle(started, "failed", why());
      silence(started.promise);
    }
  }

  /** All of that view fail with that, and those that run are cancelled. Resolves when none is under way, or all is closing. */
  closeView(view: ViewLine, why: () => Error): Promise<void> {
    if (view.closed !== undefined) return view.closed.promise;
    view.closed = Promise.withResolvers();
    const own = [...this.withoutSlot(), ...this.#owner.tasks].filter((started) => started.view === view);
    const running = own.filter((started) => !started.hasSettled && started.slot >= 0);
    this.#fail(own, why);
    for (const started of running) this.#owner.cancel(started, why());
    this.refill();
    // With the scheduler closed no mail says that they have ended.
    if (view.underWay === 0 || this.#isAbandoned) view.closed.resolve();
    return view.closed.promise;
  }

  /** Whether only tasks and what they share can make anything go on: nothing here starts or cancels one by itself. */
  get areAlone(): boolean {
    return this.waiting() === 0 && this.#views.size === 0 &&
      this.#owner.tasks.every(({ release }) => release === undefined);
  }

  /** Of those that have a slot: for who buries their runners, and for dumps. */
  get owner(): Owner<Started> {
    return this.#owner;
  }
}

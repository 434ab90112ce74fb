/** The tasks that the host has started: from their start, perhaps with a wait for a slot, to the end of their promises. */
import type { Shared } from "../parking/shared.ts";
import { type Clock, limitTask } from "../queues/cancellation.ts";
import { SchedulerClosedError, threadDied, timedOut } from "../tasks/errors.ts";
import { Fifo } from "../queues/fifo.ts";
import type { Forwarder } from "../slots/forwarder.ts";
import { copy } from "../codec/codec.ts";
import { G_QUEUED, G_RUNNING, type GTable } from "../slots/g_table.ts";
import type { Isolate } from "../sync/isolate.ts";
import { HOST } from "../arena/layout/m.ts";
import { type Owned, Owner } from "../slots/owner.ts";
import { reserveStack } from "../codec/stack_reserve.ts";
import type { Call, Definition, GoOptions, TaskState } from "../tasks/call.ts";
import { type Caller, HostTask, reject, type Resolver, silence } from "../tasks/promise.ts";

/** A task that the host started. */
export class Started implements Owned, Caller, Resolver {
  readonly id: number;
  readonly definition: Definition;
  readonly name: string;
  /** -1 while it waits for a slot. */
  slot = -1;
  resolve!: (value: unknown) => void;
  promise!: HostTask;
  release: (() => void) | undefined = undefined;
  outcome: TaskState | undefined = undefined;
  /** The process waits for it. */
  isInFlight = true;
  readonly #tasks: HostTasks;

  constructor(tasks: HostTasks, id: number, { definition }: Call<unknown>, name?: string) {
    this.#tasks = tasks;
    this.id = id;
    this.definition = definition;
    this.name = name ?? definition.name;
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
  /** What exceeds the slots. */
  readonly #waiting = new Fifo<Waiting>();
  #isAbandoned = false;

  constructor(shared: Shared, home: Isolate, forwarder: Forwarder, vigil: Vigil) {
    this.#shared = shared;
    this.#gs = home.gs;
    this.#home = home;
    this.#forwarder = forwarder;
    this.#vigil = vigil;
    this.#owner = new Owner(
      home.gs,
      home.table,
      shared.mail,
      home.locks,
      forwarder,
      (started, ok, value) => this.#settle(started, ok ? "done" : "failed", value),
    );
  }

  // Starting ----------------------------------------------------------------------------------------------------------

  /** By any M, or on that thread, which has been dedicated before. */
  start(call: Call<unknown>, options: GoOptions | undefined, on?: Place): HostTask {
    const started = this.#newStarted(call, options);
    const slot = this.#waiting.length > 0 ? -1 : this.#gs.allocate();
    if (slot >= 0) this.#submit(slot, started, call.args, on);
    else this.#wait(started, call.args, on);
    return this.#begin(started, options);
  }

  /**
   * As the first on a thread of its own, in a slot that the caller has allocated, since such a task cannot wait for one. With a
   * throw that is free again. `isInFlight`: the process waits for its end.
   */
  startOnOwn(
    slot: number,
    call: Call<unknown>,
    options: GoOptions | undefined,
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
  neverStarted(call: Call<unknown>, { signal }: GoOptions): HostTask {
    const started = this.#newStarted(call, undefined);
    started.outcome = "cancelled";
    const promise = started.promise = HostTask.start(started);
    silence(promise);
    reject(started, signal!.reason);
    return promise;
  }

  #newStarted(call: Call<unknown>, options: GoOptions | undefined): Started {
    return new Started(this, this.#gs.newId(), call, options?.name);
  }

  #submit(slot: number, started: Started, args: readonly unknown[], on: Place | undefined): void {
    this.#owner.write(slot, started, args, on === undefined ? 0 : on.isolate);
    this.#requireOpen(started);
    if (on !== undefined) return this.#shared.mail.toRunner(on.isolate, slot);
    this.#shared.global.push(slot);
    this.#shared.wakeups.wake();
  }

  #begin(started: Started, options: GoOptions | undefined): HostTask {
    const promise = started.promise = HostTask.start(started);
    if (started.isInFlight) this.#vigil.begin();
    if (options !== undefined) this.#limit(started, options);
    return promise;
  }

  #limit(started: Started, options: GoOptions): void {
    const late = (timeout: number) => timedOut(started.name, started.id, timeout);
    started.release = limitTask(started.promise, options, this.#vigil, late);
  }

  /** Until there is a slot for it. */
  #wait(started: Started, args: readonly unknown[], on: Place | undefined): void {
    const copied = copy(args, "args") as unknown[];
    this.#requireOpen(started);
    this.#waiting.push({ started, args: copied, on });
  }

  /** Once more when arguments have been copied: their getters may have called close(). */
  #requireOpen(started: Started): void {
    if (!this.#isAbandoned) return;
    started.outcome = "failed";
    throw new SchedulerClosedError("The scheduler was closed as the task's arguments were copied.");
  }

  /** Tasks without a slot. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The same, one by one, but for those that have settled. */
  *withoutSlot(): Iterable<Started> {
    for (const { started } of this.#waiting) if (!started.hasSettled) yield started;
  }

  /** Slots may have become free: what waits for one moves on. */
  refill(): void {
    for (let next = this.#waiting.oldest; next !== undefined; next = this.#waiting.oldest) {
      const { started, args, on } = next;
      if (on?.isGone) {
        const error = threadDied(started.name, started.id, "it ended before the task began");
        this.#settle(started, "failed", error);
      }
      if (!started.hasSettled) {
        const slot = this.#gs.allocate();
        if (slot < 0) return;
        try {
          this.#submit(slot, started, args, on);
        } catch (error) {
          this.#settle(started, "failed", error);
        }
      }
      this.#waiting.popOldest();
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

  #settle(started: Started, outcome: TaskState, value: unknown): void {
    if (started.hasSettled) return;
    started.outcome = outcome;
    started.release?.();
    if (started.isInFlight) this.#vigil.end();
    if (outcome === "done") started.resolve(value);
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
    const waiting = this.#waiting.takeAll().map((entry) => entry.started);
    for (const started of [...waiting, ...this.#owner.tasks]) {
      if (started.hasSettled) continue;
      this.#settle(started, "failed", why());
      silence(started.promise);
    }
  }

  /** Whether only tasks and what they share can make anything go on: nothing here starts or cancels one by itself. */
  get areAlone(): boolean {
    return this.#waiting.length === 0 && this.#owner.tasks.every(({ release }) => release === undefined);
  }

  /** Of those that have a slot: for who buries their runners, and for dumps. */
  get owner(): Owner<Started> {
    return this.#owner;
  }
}

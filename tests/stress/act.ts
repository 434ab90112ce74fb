/** One piece of a round: it starts things, and has a model that says what may become of them. */
import {
  type Call,
  type GoOptions,
  type Scheduler,
  SchedulerClosedError,
  type Task,
  TaskAbandonedError,
  TaskController,
  ThreadDiedError,
  type ThreadLocker,
} from "@heddle/heddle";
import { threadOptions } from "../support/capabilities.ts";
import type { Plan } from "./plan.ts";
import type { Random } from "./random.ts";

/** Where a task may run: on threads of the pool; there or on one of its own; or on those of lockers, too. */
export type Where = "pool" | "no locker's" | "anywhere";

export const PRIORITIES = ["user-blocking", "user-visible", "background"] as const;

/** What all acts of a round share. */
export interface Stage {
  readonly sched: Scheduler;
  readonly lockers: Set<ThreadLocker>;
  readonly plan: Plan;
  /** Tasks that run on, so far. The number of such a thread is not used again. */
  runaways: number;
  /** close() was called. */
  isClosing: boolean;
  /** The model says that this cannot be: the round has failed. */
  fail(message: string): void;
  /** For a report: what was done so far. */
  note(text: string): void;
  /** Called when the scheduler is closed, and no task runs any more. */
  readonly closers: (() => void)[];
  /** What has not settled. */
  readonly open: Map<unknown, string>;
}

export class Act {
  readonly stage: Stage;
  readonly name: string;
  readonly random: Random;
  readonly #controller = new AbortController();
  readonly #tasks = new Set<Task<unknown>>();
  readonly stopReason: Error;
  /** Whether everything went as planned so far, so that the model knows all numbers. */
  isWhole = true;

  constructor(stage: Stage, name: string, random: Random) {
    this.stage = stage;
    this.name = name;
    this.random = random;
    this.stopReason = new Error(`${name} was stopped`);
  }

  get sched(): Scheduler {
    return this.stage.sched;
  }

  /** Aborted when the act is stopped. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  check(holds: boolean, message: string): void {
    if (!holds) this.stage.fail(`${this.name}: ${message}`);
  }

  /** What it has started is cancelled. */
  stop(): void {
    if (this.signal.aborted) return;
    this.isWhole = false;
    this.stage.note(`${this.name} is stopped`);
    this.#controller.abort(this.stopReason);
    for (const task of this.#tasks) task.cancel(this.stopReason);
  }

  /** Undefined if the scheduler is closed. `maySignal`: it may get a signal, by which its priority changes. */
  go<R>(
    call: Call<R>,
    options?: GoOptions,
    where: Where = "anywhere",
    maySignal = true,
  ): Task<R> | undefined {
    const priority = this.random.of([undefined, undefined, ...PRIORITIES]);
    const controller = maySignal && priority !== undefined && options?.signal === undefined &&
        this.random.chance(30)
      ? new TaskController({ priority })
      : undefined;
    const how = controller === undefined ? { priority } : { signal: controller.signal };
    const task = this.#start(call, priority === undefined ? options : { ...options, ...how }, where);
    if (task === undefined) return undefined;
    if (controller !== undefined) this.#change(controller);
    this.#tasks.add(task as Task<unknown>);
    if (this.signal.aborted) task.cancel(this.stopReason);
    return task;
  }

  /** Of what waits, or has begun, or ended. */
  async #change(controller: TaskController): Promise<void> {
    const { random } = this;
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      if (random.chance(40)) await new Promise((resolve) => setTimeout(resolve, random.below(4)));
      controller.setPriority(random.of(PRIORITIES));
    }
  }

  #start<R>(call: Call<R>, options: GoOptions | undefined, where: Where): Task<R> | undefined {
    const { stage, random, sched } = this;
    try {
      const dice = random.below(100);
      if (where === "pool") return sched.go(call, options);
      if (dice < 12 && stage.lockers.size > 0 && where === "anywhere") {
        const locker = random.of([...stage.lockers]);
        try {
          return locker.go(call, options);
        } catch (error) {
          // Its thread may have died.
          if (!stage.plan.isDeadly && !stage.isClosing) throw error;
        }
      } else if (dice < 20) {
        try {
          return sched.dedicate(call, {
            ...options,
            ...(random.chance(20) && threadOptions.isThere && { nice: 1 }),
          });
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }
      return sched.go(call, options);
    } catch (error) {
      if (!stage.isClosing || !(error instanceof SchedulerClosedError)) throw error;
      this.isWhole = false;
    }
  }

  /** What it resolves with. Undefined if it rejected, as it may: in a way of all acts, or one of `may`. */
  async outcome<T>(
    promise: PromiseLike<T> | undefined,
    what: string,
    may: (error: Error) => boolean = () => false,
  ): Promise<T | undefined> {
    if (promise === undefined) return undefined;
    const { stage } = this;
    stage.open.set(promise, `${this.name}: ${what}`);
    try {
      return await promise;
    } catch (error) {
      if (may(error as Error)) return undefined;
      const isAllowed = (this.signal.aborted && error === this.stopReason) ||
        (stage.isClosing && error instanceof SchedulerClosedError) ||
        (stage.plan.isDeadly && error instanceof ThreadDiedError) ||
        (stage.plan.options.runawayMs !== undefined && error instanceof TaskAbandonedError);
      if (!isAllowed) stage.fail(`${this.name}: ${what} rejected with ${Deno.inspect(error)}`);
      this.stop();
      return undefined;
    } finally {
      stage.open.delete(promise);
    }
  }
}

export type Play = (act: Act) => Promise<void>;

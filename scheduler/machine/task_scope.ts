/**
 * How a scope is kept. A cancelled task's promise rejects at once, while the task may go on for a while on another thread. A
 * scope waits for the task itself, and hears of both from the side that started it: see `Nursery`.
 */
import { type Clock, limit } from "../queues/cancellation.ts";
import { timedOut } from "../tasks/errors.ts";
import type { Names } from "../tasks/options.ts";
import type { Scope, ScopeOptions } from "../tasks/scope.ts";
import { type Call, type Definition, type GoOptions, requireGoOptions, type Task } from "../tasks/call.ts";
import { type ChildTask, defaultReason } from "../tasks/promise.ts";
import { abort } from "./task_signal.ts";

const SCOPE_OPTIONS = { signal: true, timeout: true } satisfies Names<ScopeOptions>;

/** What waits for children that it started: a scope. */
export interface Nursery {
  /** A child's promise rejects, since it failed or was cancelled. As that happens: who awaits the child hears of it later. */
  failed(reason: unknown): void;
  /** A child has stopped, whatever its promise did before; if it fails by that, `failed` came first. */
  stopped(child: ChildTask): void;
}

/** The task that opens a scope. */
export interface Opener {
  readonly id: number;
  readonly definition: Definition | undefined;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  start(call: Call<unknown>, options: GoOptions | undefined, nursery: Nursery): ChildTask;
}

export class TaskScope implements Scope, Nursery {
  readonly #opener: Opener;
  readonly #controller = new AbortController();
  readonly #children = new Set<ChildTask>();
  /** The first one, which is what the scope rejects with. */
  #failure: { readonly reason: unknown } | undefined = undefined;
  #isCancelled = false;
  #isOver = false;
  /** Set while the body has ended and children have not. */
  #allEnded: (() => void) | undefined = undefined;

  static async run<T>(
    opener: Opener,
    body: (scope: Scope) => T | Promise<T>,
    options: ScopeOptions,
  ): Promise<T> {
    const limits = requireGoOptions("ctx.scope", options, SCOPE_OPTIONS);
    const scope = new TaskScope(opener);
    const release = scope.#follow(limits);
    try {
      let result: T | undefined;
      try {
        result = await body(scope);
      } catch (error) {
        scope.cancel(error);
      }
      await scope.#childrenEnded();
      if (scope.#failure === undefined) return result as T;
      // Of the last children the promises may not have said so yet.
      scope.cancel();
      throw scope.#failure.reason;
    } finally {
      scope.#isOver = true;
      release();
    }
  }

  private constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** The task's own cancellation is the scope's, so a deadline of the task holds for all that it started here. */
  #follow(own: ScopeOptions): () => void {
    const { clock, definition, id, signal } = this.#opener;
    const cancel = (reason: unknown) => this.cancel(reason);
    const late = (timeout: number) => timedOut(`a scope of ${definition?.name ?? "a task"}`, id, timeout);
    const releases = [own, { signal }].map((limits) => limit(limits, clock, cancel, late));
    return () => releases.forEach((release) => release?.());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    if (this.#isOver) {
      throw new Error("scope.go(): the scope has ended. Start the child before, or with ctx.go().");
    }
    const child = this.#opener.start(call, options, this);
    // It never starts if its signal is aborted.
    if (child.state !== "cancelled") this.#children.add(child);
    // Its failure is the scope's, also if nobody awaits the child. In a microtask: abort listeners are a task's code.
    child.then(undefined, () => this.cancel());
    if (this.#isCancelled) child.cancel(this.#failure!.reason);
    return child as unknown as Task<R>;
  }

  /** The first reason counts. */
  cancel(reason: unknown = defaultReason()): void {
    if (this.#isOver || this.#isCancelled) return;
    this.#isCancelled = true;
    this.failed(reason);
    const first = this.#failure!.reason;
    for (const child of [...this.#children]) child.cancel(first);
    abort(this.#controller, first);
  }

  failed(reason: unknown): void {
    this.#failure ??= { reason };
  }

  stopped(child: ChildTask): void {
    this.#children.delete(child);
    if (this.#children.size === 0) this.#allEnded?.();
  }

  #childrenEnded(): Promise<void> {
    if (this.#children.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#allEnded = resolve);
  }
}

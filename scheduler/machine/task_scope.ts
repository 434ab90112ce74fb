/**
 * How a scope is kept. A cancelled task's promise rejects at once, while the task may go on for a while on another thread. A
 * scope waits for the task itself, and hears of both from the side that started it: see `Nursery`.
 */
import { reserveStack } from "../codec/stack_reserve.ts";
import { limit } from "../queues/cancellation.ts";
import { requireMs } from "../queues/timers.ts";
import { timedOut } from "../tasks/errors.ts";
import type { Names } from "../tasks/options.ts";
import type { Scope, ScopeOptions } from "../tasks/scope.ts";
import { type Call, type Definition, type GoOptions, requireGoOptions, type Task } from "../tasks/call.ts";
import { type ChildTask, defaultReason, silence } from "../tasks/promise.ts";
import { abort } from "./task_signal.ts";
import { endWaits, sleepUntil, type Wait, waitFor, type Waiting } from "./wait.ts";

const SCOPE_OPTIONS = { signal: true, timeout: true } satisfies Names<ScopeOptions>;

/** What waits for children that it started: a scope. */
export interface Nursery {
  /** A child's promise rejects, since it failed or was cancelled. As that happens: who awaits the child hears of it later. */
  failed(reason: unknown): void;
  /** A child has stopped, whatever its promise did before; if it fails by that, `failed` came first. */
  stopped(child: ChildTask): void;
}

/** What opens a scope: a task, or a scope of it. */
export interface Opener {
  readonly id: number;
  readonly definition: Definition | undefined;
  readonly signal: AbortSignal;
  readonly services: Waiting["services"];
  yield(): Promise<void>;
  start(call: Call<unknown>, options: GoOptions | undefined, nursery: Nursery): ChildTask;
}

export class TaskScope implements Scope, Nursery, Opener, Waiting {
  /** What its end and its cancellation end: its sleeps and waits, as a list. */
  waits: Wait | undefined = undefined;
  readonly #opener: Opener;
  readonly #controller = new AbortController();
  readonly #children = new Set<ChildTask>();
  /** Scopes that were opened in this one and have not ended. */
  #nested = 0;
  /** The first one, which is what the scope rejects with. */
  #failure: { readonly reason: unknown } | undefined = undefined;
  #isCancelled = false;
  #isOver = false;
  /** Set while the body has ended, and children or nested scopes have not. */
  #allEnded: (() => void) | undefined = undefined;

  static async run<T>(
    opener: Opener,
    body: (scope: Scope) => T | Promise<T>,
    options: ScopeOptions,
  ): Promise<T> {
    const what = opener instanceof TaskScope ? "scope.scope" : "ctx.scope";
    const limits = requireGoOptions(what, options, SCOPE_OPTIONS);
    const scope = new TaskScope(opener);
    const release = scope.#follow(limits);
    try {
      let result: T | undefined;
      try {
        result = await body(scope);
      } catch (error) {
        scope.cancel(error);
      }
      await scope.#allLeft();
      if (scope.#failure === undefined) return result as T;
      // Of the last children the promises may not have said so yet.
      scope.cancel();
      throw scope.#failure.reason;
    } finally {
      scope.#isOver = true;
      release();
      if (scope.waits !== undefined) endWaits(scope, leftBehind());
    }
  }

  private constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** The cancellation of the task, or of the scope around it, is the scope's. So a deadline holds for all that was started in it. */
  #follow(own: ScopeOptions): () => void {
    const { definition, id, services, signal } = this.#opener;
    const cancel = (reason: unknown) => this.cancel(reason);
    const late = (timeout: number) => timedOut(`a scope of ${definition?.name ?? "a task"}`, id, timeout);
    const releases = [own, { signal }].map((limits) => limit(limits, services.agenda, cancel, late));
    return () => releases.forEach((release) => release?.());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    if (this.#isOver) throw over("go()");
    const child = this.#opener.start(call, options, this);
    // It never starts if its signal is aborted.
    if (child.state !== "cancelled") this.#children.add(child);
    // Its failure is the scope's, also if nobody awaits the child. In a microtask: abort listeners are a task's code.
    child.then(undefined, () => this.cancel());
    if (this.#isCancelled) child.cancel(this.#failure!.reason);
    return child as unknown as Task<R>;
  }

  sleep(ms: number): Promise<void> {
    const at = performance.now() + requireMs("scope.sleep", ms);
    return this.#refusal("sleep()") ?? sleepUntil(this, at);
  }

  wait<T>(promise: PromiseLike<T>): Promise<T> {
    return this.#refusal("wait()") ?? waitFor(this, promise);
  }

  yield(): Promise<void> {
    return this.#refusal("yield()") ?? this.#opener.yield().then(() => this.#refusal("yield()"));
  }

  scope<T>(body: (scope: Scope) => T | Promise<T>, options: ScopeOptions = {}): Promise<T> {
    if (this.#isOver) return Promise.reject(over("scope()"));
    // Nothing throws from here on: it would be waited for without end.
    reserveStack();
    this.#nested++;
    // Whoever opened it hears how it ended: that is no failure of this one. If it was this one's, nobody needs to.
    const nested: Promise<T> = TaskScope.run(this, body, options).finally(() => {
      this.#nested--;
      if (this.#isCancelled) silence(nested);
      this.#left();
    });
    return nested;
  }

  /** Why nothing waits here any more, if so. */
  #refusal(what: string): Promise<never> | undefined {
    if (this.#isCancelled) return Promise.reject(this.#failure!.reason);
    return this.#isOver ? Promise.reject(over(what)) : undefined;
  }

  // As the opener of nested scopes.

  get id(): number {
    return this.#opener.id;
  }

  get definition(): Definition | undefined {
    return this.#opener.definition;
  }

  get services(): Waiting["services"] {
    return this.#opener.services;
  }

  start(call: Call<unknown>, options: GoOptions | undefined, nursery: Nursery): ChildTask {
    return this.#opener.start(call, options, nursery);
  }

  /** The first reason counts. */
  cancel(reason: unknown = defaultReason()): void {
    if (this.#isOver || this.#isCancelled) return;
    this.#isCancelled = true;
    this.failed(reason);
    const first = this.#failure!.reason;
    endWaits(this, first);
    for (const child of [...this.#children]) child.cancel(first);
    abort(this.#controller, first);
  }

  failed(reason: unknown): void {
    this.#failure ??= { reason };
  }

  stopped(child: ChildTask): void {
    this.#children.delete(child);
    this.#left();
  }

  #left(): void {
    if (this.#children.size === 0 && this.#nested === 0) this.#allEnded?.();
  }

  #allLeft(): Promise<void> {
    return new Promise((resolve) => {
      this.#allEnded = resolve;
      this.#left();
    });
  }
}

function over(what: string): Error {
  return new DOMException(
    `scope.${what}: the scope has ended. Do it before, or with ctx.${what}.`,
    "AbortError",
  );
}

/** For what still sleeps or waits in a scope that ends. */
function leftBehind(): Error {
  return new DOMException("The scope has ended in which this sleep or wait began.", "AbortError");
}

/**
 * Scopes: children that do not outlive the code that started them (after Go's errgroup and Trio's nurseries).
 *
 * A cancelled task's promise rejects at once, while the task may go on for a while on another thread. A scope waits
 * for the task itself: see `ended` in children.ts.
 */
import type { G } from "./context.ts";
import { timedOut } from "./errors.ts";
import { type Call, defaultReason, type GoOptions, requireGoOptions, silence, type Task } from "./task.ts";

/** Where children are started that end before the scope does. */
export interface Scope {
  /** Aborted when the scope is cancelled: by a failure, by the task's own cancellation, or by its timeout. */
  readonly signal: AbortSignal;
  /** As `ctx.go`. A child that is started after the scope was cancelled is cancelled before it starts. */
  go<R>(call: Call<R>, options?: GoOptions): Task<R>;
  /** Cancels all children; the scope rejects with the reason. Default: an `AbortError`. */
  cancel(reason?: unknown): void;
}

/** Options of `ctx.scope`. */
export interface ScopeOptions {
  /** Aborting it cancels the scope with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds from now until the scope is cancelled with a {@linkcode TaskTimeoutError}. Default: never. */
  timeout?: number;
}

export class TaskScope implements Scope {
  readonly #g: G;
  readonly #controller = new AbortController();
  readonly #children = new Set<Task<unknown>>();
  readonly #failure: { reason: unknown }[] = [];
  #isOver = false;
  /** Set while the body has ended and children have not. */
  #allEnded: (() => void) | undefined = undefined;

  static async run<T>(g: G, body: (scope: Scope) => T | Promise<T>, options: ScopeOptions): Promise<T> {
    requireGoOptions(options);
    const scope = new TaskScope(g);
    const unfollow = scope.#follow(options);
    try {
      let result: T | undefined;
      try {
        result = await body(scope);
      } catch (error) {
        scope.cancel(error);
      }
      await scope.#childrenEnded();
      if (scope.#failure.length > 0) throw scope.#failure[0].reason;
      return result as T;
    } finally {
      scope.#isOver = true;
      unfollow();
    }
  }

  private constructor(g: G) {
    this.#g = g;
  }

  /** The task's own cancellation is the scope's, so a deadline of the task holds for all that it started here. */
  #follow({ signal, timeout }: ScopeOptions): () => void {
    const undo: (() => void)[] = [];
    for (const source of [this.#g.signal, signal]) {
      if (source === undefined) continue;
      const onAbort = () => this.cancel(source.reason);
      if (source.aborted) onAbort();
      source.addEventListener("abort", onAbort, { once: true });
      undo.push(() => source.removeEventListener("abort", onAbort));
    }
    if (timeout !== undefined && timeout !== Infinity) {
      const { machine, definition, id } = this.#g;
      const fire = () => this.cancel(timedOut(`a scope of ${definition?.name ?? "a task"}`, id, timeout));
      const timer = { at: performance.now() + timeout, cancelled: false, fire };
      machine.startTimer(timer);
      undo.push(() => machine.stopTimer(timer));
    }
    return () => undo.forEach((each) => each());
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  go<R>(call: Call<R>, options?: GoOptions): Task<R> {
    if (this.#isOver) {
      throw new Error("scope.go(): the scope has ended. Start the child before, or with ctx.go().");
    }
    const child = this.#g.machine.children.start(this.#g, call, options, () => {
      this.#children.delete(child);
      if (this.#children.size === 0) this.#allEnded?.();
    }) as unknown as Task<R>;
    this.#children.add(child);
    // Its failure is the scope's, also if nobody awaits the child.
    child.then(undefined, (error) => this.cancel(error));
    if (this.signal.aborted) child.cancel(this.signal.reason);
    return child;
  }

  /** The first reason counts. */
  cancel(reason: unknown = defaultReason()): void {
    if (this.#isOver || this.#failure.length > 0) return;
    this.#failure.push({ reason });
    for (const child of [...this.#children]) {
      child.cancel(reason);
      silence(child);
    }
    this.#controller.abort(reason);
  }

  #childrenEnded(): Promise<void> {
    if (this.#children.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#allEnded = resolve);
  }
}

/**
 * With `stacks: true`, what the tasks of a thread await, and where in the source, and which locks they hold: told to the thread's
 * journal (tracing/journal.ts).
 *
 * V8's promise hooks tell it. `init` is called in the middle of each `await`, and of each `then`, with the promise that is awaited and
 * the stack as it is; `before` when that has settled, and what awaited it goes on. Whose await it is follows from the task that has
 * its turn: from its function's call on (`registry.wrap` puts a function of ours around each task's, as it is defined), and again
 * with each of its awaits that ends.
 *
 * What a promise stands for, who made it says: an operation tells the tap in words before it makes its promise, and a child's has its
 * number. Of all others the task has made it itself, or the runtime.
 *
 * An await takes 30 us so (on a busy machine, in CPU time), nearly all of it for the stack, whose lines Deno maps to their sources.
 * Without `stacks` it costs nothing: no hook is installed, and no function is wrapped.
 */
import { AWAITS, BEGUN, HOLDS } from "../arena/layout/journal.ts";
import { THREAD } from "../codec/trace.ts";
import type { Locks } from "../parking/locks.ts";
import type { TaskFunction } from "../tasks/call.ts";
import { registry } from "../tasks/define.ts";
import type { ChildTask } from "../tasks/promise.ts";
import type { Journal } from "../tracing/journal.ts";
import type { Meter } from "../tracing/meter.ts";
import type { HoldTap, Tap } from "../tracing/tap.ts";

/** As node:v8's `promiseHooks.createHook` takes them. */
export interface PromiseHooks {
  readonly init: (promise: object, parent: object | undefined) => void;
  readonly before: (promise: object) => void;
  readonly after: (promise: object) => void;
  readonly settled: (promise: object) => void;
}

/** Lines of a stack that are kept: where it awaits, and who awaits that. */
const MOST_LINES = 3;
/** Calls that are looked at for these, at 2 us each: Deno looks for their source maps. Those of the runtime and the scheduler are among them. */
const MOST_CALLS = 6;

/** Deno's module that calls them. */
const HOOKS = "ext:deno_node/v8";

/** What a promise is that nothing is known of. */
export const OUTSIDE = "a promise of its own";

interface WatchedTask {
  /** In the journal. */
  readonly entry: number;
  readonly id: number;
  /** Its awaits there that have not ended. */
  readonly awaits: Set<number>;
  /** What goes on of it is nobody's any more. */
  isOver: boolean;
}

/** A lock that was taken and not given back, or permits of it. */
interface Hold {
  /** In the journal; 0: it is not there. */
  entry: number;
  /** Who has taken it, if that is known. A lock is its thread's: it may be given back by another one, or never. */
  readonly task: WatchedTask | undefined;
  readonly name: string;
  times: number;
}

/** Where a promise comes from by which a task goes on. */
interface Pending {
  readonly task: WatchedTask;
  /** In the journal; 0: it is not there. */
  readonly entry: number;
}

/** A line of a stack: V8's CallSite. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null;
  toString(): string;
}

export class AwaitWatch implements Tap, HoldTap, PromiseHooks {
  readonly #journal: Journal;
  readonly #locks: Pick<Locks, "hold" | "release">;
  /** Whose turn it is. */
  #current: WatchedTask | undefined = undefined;
  readonly #pending = new WeakMap<object, Pending>();
  readonly #operations = new WeakMap<object, string>();
  /** Of the operation whose promise is about to be made. */
  #announced = "";
  /** Who has parked an operation. */
  readonly #parked = new WeakMap<object, WatchedTask>();
  /** Of each lock, oldest first. */
  readonly #holds = new WeakMap<object, Hold[]>();
  /** Locks that nobody knows any more, and nobody gives back. */
  readonly #collected = new FinalizationRegistry<Hold[]>((holds) => {
    for (const { entry } of holds.splice(0)) this.#write((journal) => journal.close(entry));
  });

  constructor(journal: Journal, locks: Pick<Locks, "hold" | "release">) {
    this.#journal = journal;
    this.#locks = locks;
  }

  /** The thread's: it hears of its tasks and of what its operations wait for. Promises are told it by who can. */
  static begin(journal: Journal, locks: Locks, meter: Meter): AwaitWatch {
    const watch = new AwaitWatch(journal, locks);
    registry.wrap = watch.watched;
    meter.listen(watch);
    return watch;
  }

  // Tasks -------------------------------------------------------------------------------------------------------------

  /** For `registry.wrap`. */
  readonly watched = (key: string, fn: TaskFunction): TaskFunction => {
    const watch = (id: number, parent: number) => this.#begin(key, id, parent);
    const leave = (task: WatchedTask, before: WatchedTask | undefined, result: unknown) =>
      this.#leave(task, before, result);
    const current = () => this.#current;
    return function (this: unknown, ctx, ...args) {
      const before = current();
      const task = watch(ctx.id, ctx.parent?.id ?? 0);
      let result: unknown;
      try {
        return result = fn.call(this, ctx, ...args);
      } finally {
        leave(task, before, result);
      }
    };
  };

  #begin(key: string, id: number, parent: number): WatchedTask {
    const entry = this.#write((journal) => journal.open(BEGUN, id, parent, journal.text(key), ""));
    const task = { entry, id, awaits: new Set<number>(), isOver: false };
    this.#turn(task);
    return task;
  }

  /** Its function has returned: a promise, or what else it comes to. */
  #leave(task: WatchedTask, before: WatchedTask | undefined, result: unknown): void {
    this.#turn(undefined);
    const end = () => this.#end(task);
    try {
      if (result instanceof Promise) Promise.prototype.then.call(result, end, end);
      else end();
    } catch {
      // A "constructor" of its own. It ends unseen.
      end();
    }
    this.#turn(before);
  }

  #end(task: WatchedTask): void {
    task.isOver = true;
    this.#write((journal) => {
      for (const entry of task.awaits) journal.close(entry);
      task.awaits.clear();
      journal.close(task.entry);
    });
  }

  #turn(task: WatchedTask | undefined): void {
    if (task === this.#current) return;
    this.#current = task;
    this.#journal.turn(task?.entry ?? 0);
  }

  // Promises ----------------------------------------------------------------------------------------------------------

  readonly init = (promise: object, parent: object | undefined): void => {
    const announced = this.#announced;
    this.#announced = "";
    if (parent === undefined) {
      if (announced !== "") this.#operations.set(promise, announced);
      return;
    }
    const task = this.#current;
    if (task === undefined || task.isOver) return;
    const entry = this.#await(task, childOf(parent), this.#operations.get(parent));
    this.#pending.set(promise, { task, entry });
  };

  /** What the scheduler itself awaits for a task is that task's if it is an operation; else who calls us awaits more than this. */
  #await(task: WatchedTask, child: number, operation: string | undefined): number {
    const lines = linesOfUser(child !== 0 || operation !== undefined, this.init as () => void);
    if (lines === "") return 0;
    const what = child !== 0 ? "" : operation ?? OUTSIDE;
    const entry = this.#write((journal) => journal.open(AWAITS, task.id, child, journal.text(lines), what));
    if (entry !== 0) task.awaits.add(entry);
    return entry;
  }

  readonly before = (promise: object): void => {
    this.#announced = "";
    const task = this.#close(promise);
    if (task !== undefined) this.#turn(task);
  };

  /** Whose it was. Once: the entry may be another await's by then. */
  #close(promise: object): WatchedTask | undefined {
    const pending = this.#pending.get(promise);
    if (pending === undefined) return undefined;
    this.#pending.delete(promise);
    const { task, entry } = pending;
    if (task.awaits.delete(entry)) this.#write((journal) => journal.close(entry));
    return task;
  }

  readonly after = (_promise: object): void => this.#turn(undefined);

  /** Of what is awaited and is no promise V8 makes one, which is settled at once. */
  readonly settled = (promise: object): void => {
    this.#close(promise);
  };

  // What operations say -----------------------------------------------------------------------------------------------

  /** Of a select there are several before its promise. */
  waits(what: object, text: string): void {
    if (this.#current !== undefined) this.#parked.set(what, this.#current);
    this.#announced += this.#announced === "" ? text : ` or ${text}`;
  }

  waited(): void {}

  readied(): void {}

  // Locks -------------------------------------------------------------------------------------------------------------

  took(lock: object, name: string, times: number, waiter?: object): void {
    const task = waiter === undefined ? this.#current : this.#parked.get(waiter);
    let holds = this.#holds.get(lock);
    if (holds === undefined) {
      this.#holds.set(lock, holds = []);
      this.#collected.register(lock, holds);
    }
    const hold = { entry: 0, task, name, times };
    this.#tell(hold);
    holds.push(hold);
  }

  gave(lock: object, times: number): void {
    const holds = this.#holds.get(lock);
    for (let left = times; holds !== undefined && holds.length > 0 && left > 0;) {
      const own = holds.findLastIndex(({ task }) => task !== undefined && task === this.#current);
      const index = Math.max(0, own);
      const hold = holds[index];
      const given = Math.min(left, hold.times);
      left -= given;
      hold.times -= given;
      this.#write((journal) => journal.close(hold.entry));
      if (hold.times === 0) holds.splice(index, 1);
      else this.#tell(hold);
    }
  }

  #tell(hold: Hold): void {
    const { task, name, times } = hold;
    hold.entry = task === undefined
      ? 0
      : this.#write((journal) => journal.open(HOLDS, task.id, times, 0, name));
  }

  /** A thread that is frozen in the middle of it would keep the entry from all dumps. */
  #write<T>(write: (journal: Journal) => T): T {
    this.#locks.hold();
    try {
      return write(this.#journal);
    } finally {
      this.#locks.release();
    }
  }
}

/** Its number; 0: it is no task. */
function childOf(promise: object): number {
  const { id, progress } = promise as Partial<ChildTask>;
  return typeof id === "number" && progress !== undefined ? id : 0;
}

/** The first is where it awaits; "" if that is not the user's own code. `isOperation`: then who called the scheduler counts. */
function linesOfUser(isOperation: boolean, hook: () => void): string {
  const { prepareStackTrace, stackTraceLimit } = Error as {
    prepareStackTrace?: unknown;
    stackTraceLimit: number;
  };
  const at: { stack?: CallSite[] } = {};
  try {
    Object.assign(Error, {
      prepareStackTrace: (_: unknown, sites: CallSite[]) => sites,
      stackTraceLimit: MOST_CALLS,
    });
    Error.captureStackTrace(at, hook);
    const sites = at.stack;
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
    return Array.isArray(sites) ? keep(sites, isOperation) : "";
  } catch {
    // A program has frozen Error.
    return "";
  }
}

function keep(sites: readonly CallSite[], isOperation: boolean): string {
  const lines: string[] = [];
  for (const site of sites) {
    const script = site.getScriptNameOrSourceURL();
    // `Promise.all` and the like, and the runtime's call of the hook.
    if (typeof script !== "string" || script === "" || script.startsWith(HOOKS)) continue;
    if (isOurs(script)) {
      if (lines.length > 0 || isOperation) continue;
      return "";
    }
    lines.push(String(site));
    if (lines.length === MOST_LINES) break;
  }
  return lines.join("\n");
}

function isOurs(script: string): boolean {
  return script.includes(THREAD) || script.startsWith("ext:") || script.startsWith("node:");
}

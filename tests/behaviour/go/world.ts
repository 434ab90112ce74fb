/**
 * Go's test programs, written once and run in four placements: all goroutines on one thread, which knows their channels
 * alone; the same, and the channels move to the arena in the midst of it; on three threads; and on threads beside a host
 * that runs the main function.
 */
import { isolateOf } from "../../../scheduler/sync/isolate.ts";
import { Channel, type Home, Mutex, Scheduler, type Task, task, type TaskContext } from "@heddle/heddle";
import type { Call, TaskDefinition, ThreadLocker } from "@heddle/heddle";
import { HANDLE } from "../../../scheduler/codec/handle.ts";
import type { Shareable } from "../../../scheduler/sync/handles.ts";

/** Milliseconds after which a channel has moved to the arena. */
const LATER = 0.5;

/** A call of a goroutine, which `World.go` starts. */
export interface Start<R> {
  readonly name: string;
  readonly args: readonly unknown[];
  /** Only for the type checker. */
  readonly result?: R;
}

/** What a goroutine that starts elsewhere is asked for with. */
interface Request {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly reply: Channel<{ value?: unknown; error?: unknown }>;
}

/** Where goroutines are. */
export interface Place {
  /** Whom to ask for another goroutine; null: whoever wants one starts it. */
  readonly spawn: Channel<Request> | null;
  /** Whether what they share is in the arena, whoever knows of it: from the beginning, or from some moment on. */
  readonly isShared: boolean | "later";
  /** What a Go program has in plain variables, if it has any that several goroutines use. */
  readonly words: SharedArrayBuffer | null;
}

type Body<A extends unknown[], R> = (world: World, ...args: A) => R | Promise<R>;
// deno-lint-ignore no-explicit-any -- of all goroutines
const known = new Map<string, TaskDefinition<any[], unknown>>();

/** Registers what Go starts with `go`. The name is unique among all ports. */
export function goroutine<A extends unknown[], R>(
  meta: ImportMeta,
  name: string,
  body: Body<A, R>,
): (...args: A) => Start<R> {
  const definition = task(meta, name, (ctx: TaskContext, place: Place, ...args: unknown[]) => {
    return body(new World(ctx, place, ctx), ...args as A);
  });
  known.set(name, definition);
  return (...args) => ({ name, args });
}

/** What a program sees of where it is. */
export class World {
  readonly home: Home;
  readonly words: Int32Array;
  readonly #place: Place;
  readonly #ctx: TaskContext | undefined;

  constructor(home: Home, place: Place, ctx: TaskContext | undefined) {
    this.home = home;
    this.#place = place;
    this.#ctx = ctx;
    this.words = place.words === null ? new Int32Array() : new Int32Array(place.words);
  }

  /** So many on one thread, fewer where each takes a message. */
  count(here: number, apart: number): number {
    return this.#place.isShared === false ? here : apart;
  }

  go<R>({ name, args }: Start<R>): Promise<R> {
    const { spawn } = this.#place;
    if (spawn !== null) return this.#ask(spawn, name, args) as Promise<R>;
    return this.home.go(known.get(name)!(this.#place, ...args) as Call<R>);
  }

  async #ask(spawn: Channel<Request>, name: string, args: readonly unknown[]): Promise<unknown> {
    const reply: Request["reply"] = new Channel(this.home, 1);
    await spawn.send({ name, args, reply });
    const said = await reply.recv();
    if ("error" in said) throw said.error;
    return said.value;
  }

  channel<T>(capacity = 0): Channel<T> {
    return this.#known(new Channel<T>(this.home, capacity));
  }

  mutex(): Mutex {
    return this.#known(new Mutex(this.home));
  }

  #known<H>(handle: H): H {
    const { isShared } = this.#place;
    const share = () => void ((handle as { [HANDLE]: unknown })[HANDLE] as Shareable).share();
    if (isShared === "later") this.sleep(Math.random() * LATER).then(share);
    else if (isShared) share();
    return handle;
  }

  /** runtime.Gosched */
  yield(): Promise<void> {
    return this.#ctx?.yield() ?? new Promise((resolve) => setImmediate(resolve));
  }

  sleep(ms: number): Promise<void> {
    return this.#ctx?.sleep(ms) ?? new Promise((resolve) => setTimeout(resolve, ms));
  }
}

export type Main = (world: World) => Promise<void>;

/** A program. */
export interface Port {
  /** Where it is in Go's tree, or another module's. */
  readonly source: string;
  readonly main: Main;
  readonly start: () => Start<void>;
  readonly words: number;
}

export const ports: Port[] = [];

/** With so many words of shared memory. */
export function port(meta: ImportMeta, source: string, main: Main, words = 0): void {
  ports.push({ source, main, start: goroutine(meta, `main of ${source}`, main), words });
}

/** Operations of this thread that are parked: their number, and what they are. */
const parkedHere = task(import.meta, "parkedHere", (ctx): [number, string[]] => {
  const isolate = isolateOf(ctx, "a test");
  return [isolate.parked, [...isolate.waiting()].map((waiter) => waiter.waited.describe(waiter))];
});

/** A scheduler for each placement. */
export class Placements implements AsyncDisposable {
  readonly #one: Scheduler;
  readonly #many: Scheduler;
  readonly #lockers: readonly ThreadLocker[];
  #next = 0;

  static async start(): Promise<Placements> {
    const one = await Scheduler.start({ procs: 1 });
    const many = await Scheduler.start({ procs: 2 });
    const lockers = await Promise.all([many.locker(), many.locker(), many.locker()]);
    checkEqual(new Set(lockers.map(({ tid }) => tid)).size, 3, "threads");
    return new Placements(one, many, lockers);
  }

  private constructor(one: Scheduler, many: Scheduler, lockers: readonly ThreadLocker[]) {
    this.#one = one;
    this.#many = many;
    this.#lockers = lockers;
  }

  /** Runs it in each of them. */
  of({ main, start, words: count }: Port): Record<string, () => Promise<void>> {
    const words = () => count === 0 ? null : new SharedArrayBuffer(4 * count);
    return {
      "on one thread": () => this.#oneThread(start(), words(), false),
      "on one thread, with channels that move": () => this.#oneThread(start(), words(), "later"),
      "on three threads": () => this.#threeThreads(start(), words()),
      "the main function on the host": () =>
        main(new World(this.#many, { spawn: null, isShared: true, words: words() }, undefined)),
    };
  }

  /** Afterwards nobody is left who waits. */
  async #oneThread(
    { name, args }: Start<void>,
    words: SharedArrayBuffer | null,
    isShared: Place["isShared"],
  ): Promise<void> {
    await this.#one.go(known.get(name)!({ spawn: null, isShared, words }, ...args));
    let left: [number, string[]] = [0, []];
    for (let tries = 0; tries < 1000; tries++) {
      left = await this.#one.go(parkedHere());
      if (left[0] === 0 && left[1].length === 0) return;
    }
    throw new Error(`${left[0]} operations are left parked: ${left[1].join(", ")}`);
  }

  async #threeThreads({ name, args }: Start<void>, words: SharedArrayBuffer | null): Promise<void> {
    const spawn = new Channel<Request>(this.#many);
    const place: Place = { spawn, isShared: true, words };
    this.#next = 0;
    const starting = this.#startAll(spawn, place);
    await this.#start(place, name, args);
    spawn.close();
    await starting;
  }

  async #startAll(spawn: Channel<Request>, place: Place): Promise<void> {
    for await (const { name, args, reply } of spawn) {
      this.#start(place, name, args).then((value) => reply.trySend({ value }), (error) => {
        // All has been closed while it waited for nobody.
        if (!reply.closed) reply.trySend({ error });
      }).catch(() => {});
    }
  }

  /** In turn, so that who starts another one is on another thread. */
  #start(place: Place, name: string, args: readonly unknown[]): Task<unknown> {
    const locker = this.#lockers[this.#next++ % this.#lockers.length];
    return locker.go(known.get(name)!(place, ...args));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#one.close(), this.#many.close()]);
  }
}

/** Throws what Go would panic with. */
export function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export function checkEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

/** What it throws: its name, or "nothing". */
export async function thrown(fn: () => unknown): Promise<string> {
  try {
    await fn();
    return "nothing";
  } catch (error) {
    return (error as Error).name;
  }
}

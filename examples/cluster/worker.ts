/**
 * Runs jobs of a queue on the threads of a scheduler. All that the queue hears comes from the host, whose event loop is free
 * whatever the tasks do: locks are renewed while they compute without an `await`.
 */
import {
  type Call,
  Channel,
  type NativeLibrary,
  type Scheduler,
  type Task,
  ThreadDiedError,
} from "@heddle/heddle";
import { Appetite } from "./appetite.ts";
import { type Errand, perform, type Performed, type Report } from "./job.ts";
import type { Lease, Order, Queue } from "./queue.ts";
import { errorToText, fromText, messageOf, toText } from "./values.ts";

export interface WorkerOptions {
  /**
   * What may be run: the URLs of modules, by the names that jobs call them. A job names a module and a task, and whoever can write
   * into the queue would else have this machine import any URL.
   */
  readonly modules: Readonly<Record<string, string>>;
  /** The same for functions of C, by `sched.dlopen`. */
  readonly libraries?: Readonly<Record<string, NativeLibrary<Deno.ForeignLibraryInterface>>>;
  /** A job with which so many threads have died goes to the dead-letter queue. Default: 3. */
  readonly maxDeaths?: number;
  /** Hears what the worker does. */
  readonly onEvent?: (message: string) => void;
}

/** What one worker has done. */
export interface Tally {
  taken: number;
  done: number;
  failed: number;
  cancelled: number;
  /** Their lock was another worker's before they were done. */
  lost: number;
  /** Threads that died with one. */
  deaths: number;
  /** Put into the dead-letter queue. */
  buried: number;
  /** Given back when the worker had to end. */
  released: number;
}

interface Running {
  readonly number: number;
  readonly lease: Lease;
  readonly task: Task<Performed>;
  /** Nobody wants to hear how it ends: it was cancelled, or is another worker's. */
  verdict?: "cancelled" | "lost" | "released";
  progress?: string;
  lines: string[];
}

/** Milliseconds between renewals at the most: so long a cancellation may take. */
const BEAT = 250;
/** Milliseconds after which a worker without room looks again: a task that waits frees its P without a word. */
const GLANCE = 10;
/** Milliseconds after which a queue that failed is asked again. */
const AWAY = 250;

export class Worker {
  readonly tally: Tally = {
    taken: 0,
    done: 0,
    failed: 0,
    cancelled: 0,
    lost: 0,
    deaths: 0,
    buried: 0,
    released: 0,
  };
  readonly #sched: Scheduler;
  readonly #queue: Queue;
  readonly #options: WorkerOptions;
  readonly #reports: Channel<Report>;
  readonly #appetite = new Appetite();
  readonly #running = new Map<number, Running>();
  /** What is said to the queue and not answered yet. */
  readonly #saying = new Set<Promise<void>>();
  #lastNumber = 0;
  /** Jobs that the queue is asked for at this moment. */
  #asked = 0;
  #isDraining = false;
  #grace?: ReturnType<typeof setTimeout>;
  #beating?: Promise<void>;
  #onEnd = Promise.withResolvers<void>();

  constructor(sched: Scheduler, queue: Queue, options: WorkerOptions) {
    this.#sched = sched;
    this.#queue = queue;
    this.#options = options;
    this.#reports = new Channel(sched, 1024);
  }

  /** Takes jobs until `drain`, and resolves when the last one has ended. */
  async run(): Promise<void> {
    const beating = setInterval(() => {
      // A queue that is away has not answered the last one.
      this.#beating ??= this.#beat()
        .catch((error) => this.#options.onEvent?.(`the queue renews nothing: ${messageOf(error)}`))
        .finally(() => this.#beating = undefined);
    }, Math.min(BEAT, this.#queue.lockMs / 4));
    try {
      while (!this.#isDraining) {
        const room = this.#room();
        if (room < 1) {
          await this.#something(GLANCE);
          continue;
        }
        const leases = await this.#take(room);
        for (const lease of leases) this.#start(lease);
      }
      while (this.#running.size > 0) await this.#something(1000);
      while (this.#saying.size > 0) await Promise.all(this.#saying);
    } finally {
      clearInterval(beating);
      clearTimeout(this.#grace);
      await this.#beating;
    }
  }

  /**
   * Takes nothing more. What runs has `graceMs` to end; then it is given back, for another worker to run it from its start. `run`
   * resolves when all is said.
   */
  drain(graceMs: number): void {
    this.#isDraining = true;
    this.#onEnd.resolve();
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => {
      for (const each of this.#running.values()) this.#stop(each, "released", new Error("The worker ends."));
    }, graceMs);
  }

  #room(): number {
    return this.#appetite.room(this.#sched.stats(), this.#saying.size + this.#asked);
  }

  async #take(room: number): Promise<Lease[]> {
    this.#asked = room;
    try {
      return await this.#queue.take(room);
    } catch (error) {
      this.#options.onEvent?.(`the queue gives nothing: ${messageOf(error)}`);
      await this.#something(AWAY);
      return [];
    } finally {
      this.#asked = 0;
    }
  }

  #start(lease: Lease): void {
    if (this.#isDraining) return this.#say(this.#queue.release(lease));
    this.tally.taken++;
    const { order } = lease;
    const number = ++this.#lastNumber;
    let task: Task<Performed>;
    try {
      task = this.#go(order, { number, lease });
    } catch (error) {
      // No such module, no room for another dedicated thread, past its deadline.
      this.tally.failed++;
      return this.#say(this.#fail(lease, error));
    }
    const running: Running = { number, lease, task, lines: [] };
    this.#running.set(number, running);
    task.then(
      ([result, ms]) => {
        this.#appetite.ran(ms);
        this.#ended(running, { result });
      },
      (error) => this.#ended(running, { error }),
    );
  }

  #go(order: Order, { number, lease }: { number: number; lease: Lease }): Task<Performed> {
    const [place, name] = order.task.split("#");
    const { modules, libraries = {} } = this.#options;
    const timeout = order.deadline === undefined ? undefined : order.deadline - Date.now();
    if (timeout !== undefined && timeout <= 0) {
      throw new DOMException(`Job ${order.id} waited in the queue past its deadline.`, "TimeoutError");
    }
    if (Object.hasOwn(libraries, place)) return this.#native(libraries[place], name, order);
    if (!Object.hasOwn(modules, place)) {
      const known = Object.keys({ ...modules, ...libraries }).join(", ");
      throw new TypeError(`Job ${order.id} asks for ${order.task}, and this worker has ${known}.`);
    }
    const { id, args, traceparent } = order;
    const { deaths } = lease;
    const errand: Errand = { lease: number, id, deaths, traceparent, module: modules[place], name, args };
    const call: Call<Performed> = perform(errand, this.#reports);
    const options = { name, ...(timeout !== undefined && { timeout }) };
    if (order.dedicated === undefined) return this.#sched.go(call, options);
    return this.#sched.dedicate(call, { ...options, ...order.dedicated });
  }

  /** A call of C takes no options, and nothing stops it: a deadline counts only before it. */
  #native(library: NativeLibrary<Deno.ForeignLibraryInterface>, name: string, order: Order): Task<Performed> {
    const functions = library.symbols as Record<string, (...args: unknown[]) => PromiseLike<unknown>>;
    if (!Object.hasOwn(functions, name)) {
      throw new TypeError(`Job ${order.id} asks for ${order.task}, which is not there.`);
    }
    const start = performance.now();
    const call = Promise.resolve(functions[name](...fromText(order.args) as unknown[]));
    const done = call.then((result): Performed => [toText(result), performance.now() - start]);
    return Object.assign(done, { id: 0, state: "running" as const, cancel() {} }) as Task<Performed>;
  }

  #ended(running: Running, ended: { result: string } | { error: unknown }): void {
    const { number, lease, verdict } = running;
    this.#readReports();
    this.#running.delete(number);
    this.#onEnd.resolve();
    if (verdict === "lost" || verdict === "released") return;
    this.#say((async () => {
      await this.#tell(running);
      if ("result" in ended) {
        this.tally.done++;
        // Its own place, which is counted as taken until the queue has answered, is the next one's.
        const next = await this.#queue.finish(lease, ended, !this.#isDraining && this.#room() >= 0);
        if (next !== undefined) this.#start(next);
        return;
      }
      if (ended.error instanceof ThreadDiedError) return await this.#died(lease, ended.error);
      if (verdict === undefined) this.tally.failed++;
      await this.#fail(lease, ended.error);
    })());
  }

  async #fail(lease: Lease, error: unknown): Promise<void> {
    await this.#queue.finish(lease, { error: errorToText(error) }, false);
  }

  async #died(lease: Lease, error: ThreadDiedError): Promise<void> {
    const { maxDeaths = 3 } = this.#options;
    const deaths = lease.deaths + 1;
    this.tally.deaths++;
    const reason = `thread died ${deaths} of ${maxDeaths} times: ${error.message}`;
    this.#options.onEvent?.(`job ${lease.order.id}, ${lease.order.task}: ${reason}`);
    if (deaths < maxDeaths) return await this.#queue.retry(lease, reason);
    this.tally.buried++;
    await this.#queue.bury(lease, errorToText(error), reason);
  }

  /** Renews all locks at once, and hears which jobs nobody wants any more, or are no longer ours. */
  async #beat(): Promise<void> {
    const all = [...this.#running.values()].filter(({ verdict }) => verdict === undefined);
    if (all.length === 0) return;
    const standings = await this.#queue.renew(all.map(({ lease }) => lease));
    for (const [i, standing] of standings.entries()) {
      const running = all[i];
      // It has ended in the meantime, and its lock with it.
      if (standing.held || !this.#running.has(running.number)) continue;
      const { cancelled } = standing;
      if (cancelled !== undefined) {
        this.#stop(running, "cancelled", new DOMException(cancelled, "AbortError"));
      } else this.#stop(running, "lost", new Error("The lock was lost: another worker may run it by now."));
    }
    this.#readReports();
    for (const running of all) if (this.#running.has(running.number)) await this.#tell(running);
  }

  #stop(running: Running, verdict: "cancelled" | "lost" | "released", reason: Error): void {
    if (running.verdict !== undefined) return;
    running.verdict = verdict;
    this.tally[verdict]++;
    this.#options.onEvent?.(`job ${running.lease.order.id}, ${running.lease.order.task}: ${verdict}`);
    if (verdict === "released") this.#say(this.#queue.release(running.lease));
    running.task.cancel(reason);
  }

  /** What a task has said lies in the channel before its result is there. */
  #readReports(): void {
    for (let got = this.#reports.tryRecv(); got !== undefined && !got.done; got = this.#reports.tryRecv()) {
      const { lease, progress, line } = got.value;
      const running = this.#running.get(lease);
      if (line !== undefined) running?.lines.push(line);
      if (progress !== undefined && running !== undefined) running.progress = progress;
    }
  }

  async #tell(running: Running): Promise<void> {
    const { lease, progress, lines } = running;
    if (progress === undefined && lines.length === 0) return;
    running.progress = undefined;
    running.lines = [];
    await this.#queue.report(lease, progress, lines);
  }

  /** What the queue refuses is told, and the job's lock runs out: another worker takes it. */
  #say(saying: Promise<void>): void {
    const said = saying.catch((error) => this.#options.onEvent?.(`the queue refused: ${messageOf(error)}`));
    this.#saying.add(said);
    said.then(() => this.#saying.delete(said));
  }

  async #something(ms: number): Promise<void> {
    this.#onEnd = Promise.withResolvers();
    const timer = setTimeout(this.#onEnd.resolve, ms);
    await this.#onEnd.promise;
    clearTimeout(timer);
  }
}

/** The queue on BullMQ and Redis. Jobs are fetched by hand, so that a worker takes as many as it has room for. */
import { Job, Queue as BullQueue, QueueEvents, UnrecoverableError, Worker as BullWorker } from "bullmq";
import { Redis } from "ioredis";
import type { Lease, Order, Outcome, Queue, Sight, Standing } from "./queue.ts";
import { errorToText } from "./values.ts";

export const GET_REDIS = `Start one with "deno task cluster redis", which needs redis-server on the PATH. ` +
  `Debian and Ubuntu: apt-get install redis-server; macOS: brew install redis.`;

/** Seconds for which ended jobs, and with them their keys, are known. */
const KEPT = 3600;
/** A worker that is killed takes all its jobs with it, guilty or not: so often a job may be among them. */
const MAX_STALLS = 20;
/** No job fails by the engine's count: whose thread died is the worker's to count. */
const ATTEMPTS = 1_000_000;

/** What lies in Redis. `error` is there when it has failed: BullMQ itself keeps but a message. */
interface Data {
  readonly order: Order;
  readonly error?: string;
  readonly isDead?: boolean;
  readonly reason?: string;
}

interface Held extends Lease {
  readonly job: Job<Data, string>;
}

export interface BullMQOptions {
  readonly url: string;
  /** Default: "heddle". */
  readonly name?: string;
  /** Default: 30,000. */
  readonly lockMs?: number;
}

export async function openBullMQ({ url, name = "heddle", lockMs = 30_000 }: BullMQOptions): Promise<Queue> {
  const probe = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  probe.on("error", () => {}); // connect() rejects with it
  try {
    await probe.connect();
  } catch (cause) {
    throw new Error(`No Redis answers at ${url}.\n${GET_REDIS}`, { cause });
  } finally {
    probe.disconnect();
  }
  return new BullMQ(url, name, lockMs);
}

class BullMQ implements Queue {
  readonly lockMs: number;
  readonly #name: string;
  readonly #redis: Redis;
  readonly #jobs: BullQueue<Data, string>;
  readonly #dead: BullQueue<Data, string>;
  readonly #token = crypto.randomUUID();
  #worker?: BullWorker<Data, string>;
  #events?: QueueEvents;
  #isClosed = false;
  /**
   * How many the next trip asks for. A command takes one job, and one that finds none costs Redis and this thread as much: so half as
   * many more after a trip that got all it had asked for, else one. Asking for all that there was room for, up to 100, took 53
   * commands for a job where two came at a time; this takes 3.4.
   */
  #batch = 1;

  constructor(url: string, name: string, lockMs: number) {
    this.lockMs = lockMs;
    this.#name = name;
    // Redis may be restarted: commands wait for it.
    this.#redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
    this.#redis.on("error", () => {});
    this.#jobs = this.#quiet(new BullQueue(name, { connection: this.#redis }));
    this.#dead = this.#quiet(new BullQueue(`${name}-dead`, { connection: this.#redis }));
  }

  async submit(orders: readonly Order[]): Promise<void> {
    const keep = { removeOnComplete: { age: KEPT }, removeOnFail: { age: KEPT }, attempts: ATTEMPTS };
    await this.#jobs.addBulk(orders.map((order) => {
      return { name: order.task, data: { order }, opts: { jobId: order.id, ...keep } };
    }));
  }

  look(ids: readonly string[]): Promise<(Sight | undefined)[]> {
    return Promise.all(ids.map(async (id) => {
      const job: Job<Data, string> | undefined = await this.#jobs.getJob(id);
      if (job === undefined) return undefined;
      const progress = typeof job.progress === "string" ? job.progress : undefined;
      if (!job.finishedOn) return { state: job.processedOn ? "running" : "waiting", progress };
      const { error = errorToText(new Error(job.failedReason)), isDead } = job.data;
      // The reason of an earlier failure stays with a job that was retried.
      const hasResult = typeof job.returnvalue === "string";
      const outcome: Outcome = hasResult ? { result: job.returnvalue } : { error, isDead };
      return { state: "done", progress, outcome };
    }));
  }

  async logs(id: string, from: number): Promise<string[]> {
    return (await this.#jobs.getJobLogs(id, from)).logs;
  }

  async cancel(id: string, reason: string): Promise<void> {
    await this.#redis.set(this.#cancelKey(id), reason, "EX", KEPT);
  }

  async onNews(listener: (id: string) => void): Promise<void> {
    this.#events = this.#quiet(new QueueEvents(this.#name, { connection: this.#redis }));
    for (const event of ["completed", "failed", "progress"] as const) {
      this.#events.on(event, ({ jobId }: { jobId: string }) => listener(jobId));
    }
    await this.#events.waitUntilReady();
  }

  async dead(): Promise<{ order: Order; reason: string }[]> {
    const jobs: Job<Data, string>[] = await this.#dead.getJobs(["waiting"]);
    return jobs.map(({ data: { order, reason = "" } }) => ({ order, reason }));
  }

  async take(count: number): Promise<Lease[]> {
    if (this.#isClosed) throw new Error("The queue was closed.");
    const worker = await this.#takingWorker();
    const asked = Math.min(count, Math.floor(this.#batch));
    // Alone it waits for a job, if the last look has found none. Several do not: what one has found would wait with the others.
    const looks = Array.from(
      { length: asked },
      () => worker.getNextJob(this.#token, { block: asked === 1 }),
    );
    const got = (await Promise.all(looks)).filter((job) => job !== undefined);
    this.#batch = got.length < asked ? 1 : 1.5 * this.#batch;
    const leases = await Promise.all(got.map((job) => this.#leaseOf(job)));
    return leases.filter((lease) => lease !== undefined);
  }

  async renew(leases: readonly Lease[]): Promise<Standing[]> {
    const ids = leases.map(({ order }) => order.id);
    const [lost, cancelled] = await Promise.all([
      this.#worker!.extendJobLocks(ids, ids.map(() => this.#token), this.lockMs),
      this.#redis.mget(ids.map((id) => this.#cancelKey(id))),
    ]);
    return ids.map((id, i) => {
      const reason = cancelled[i];
      if (reason !== null) return { held: false, cancelled: reason };
      return { held: !lost.includes(id) };
    });
  }

  async report(lease: Lease, progress: string | undefined, lines: readonly string[]): Promise<void> {
    const { job } = lease as Held;
    for (const line of lines) await job.log(line);
    // Also without progress: it is what tells the clients.
    await job.updateProgress(progress ?? job.progress);
  }

  async finish(lease: Lease, outcome: Outcome, next: boolean): Promise<Lease | undefined> {
    const { job } = lease as Held;
    if ("error" in outcome) return void await this.#fail(job, { error: outcome.error });
    const [data, id] = await job.moveToCompleted(outcome.result, this.#token, next) ?? [];
    if (data) return await this.#leaseOf(Job.fromJSON(this.#worker!, data, id));
  }

  async release(lease: Lease): Promise<void> {
    await (lease as Held).job.moveToWait(this.#token);
  }

  async retry(lease: Lease, reason: string): Promise<void> {
    await (lease as Held).job.moveToFailed(new Error(reason), this.#token);
  }

  async bury(lease: Lease, error: string, reason: string): Promise<void> {
    const { job, order } = lease as Held;
    await this.#dead.add(job.name, { order, error, reason }, { jobId: order.id });
    await this.#fail(job, { error, isDead: true }, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    // Not what waits for a job: nobody would get it.
    await this.#worker?.close();
    await this.#events?.close();
    await this.#jobs.close();
    await this.#dead.close();
    this.#redis.disconnect();
  }

  async #fail(
    job: Job<Data, string>,
    ending: { error: string; isDead?: boolean },
    reason?: string,
  ): Promise<void> {
    await job.updateData({ ...job.data, ...ending });
    reason ??= JSON.parse(ending.error).message as string;
    await job.moveToFailed(
      new UnrecoverableError(reason || "it threw an error without a message"),
      this.#token,
    );
  }

  /** None for a job that Redis has given up. */
  async #leaseOf(job: Job<Data, string>): Promise<Held | undefined> {
    const lease: Held = { order: job.data.order, deaths: job.attemptsMade, job };
    if (job.deferredFailure === undefined) return lease;
    const reason = `${MAX_STALLS} workers ended while they had it`;
    await this.bury(lease, errorToText(new Error(`The job is dead: ${reason}.`)), reason);
  }

  async #takingWorker(): Promise<BullWorker<Data, string>> {
    if (this.#worker === undefined) {
      this.#worker = this.#quiet(
        new BullWorker<Data, string>(this.#name, null, {
          connection: this.#redis,
          lockDuration: this.lockMs,
          // One worker of all looks; a job is given back at the second look that finds no lock.
          stalledInterval: Math.max(250, this.lockMs / 4),
          maxStalledCount: MAX_STALLS,
          drainDelay: 1,
        }),
      );
      await this.#worker.waitUntilReady();
      await this.#worker.startStalledCheckTimer();
    }
    return this.#worker;
  }

  #cancelKey(id: string): string {
    return `heddle:${this.#name}:cancelled:${id}`;
  }

  /** A Redis that is away for a moment is told by what waits for it, and by nothing else. */
  #quiet<T extends { on(event: "error", listener: (error: Error) => void): unknown }>(emitter: T): T {
    emitter.on("error", () => {});
    return emitter;
  }
}

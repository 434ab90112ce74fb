/** One measurement: Redis, two worker processes of a side, and a client that is the same for all. */
import { type Job, Queue, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { startRedis } from "../../examples/cluster/redis.ts";
import { toText } from "../../examples/cluster/values.ts";

const WORKERS = 2;
/** Milliseconds of the kernel's clock tick in /proc. */
const TICK = 10;
const program = new URL("worker.ts", import.meta.url).pathname;

/** What a killed worker of BullMQ's leaves behind: its sandboxed processes go on, each in a loop. */
function endGroup(pid: number): void {
  try {
    Deno.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

export class Cluster implements AsyncDisposable {
  readonly workers: Deno.ChildProcess[] = [];
  readonly #cleanup = new AsyncDisposableStack();
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #side: string;
  /** When each has ended, by `performance.now()`. */
  readonly #ended = new Map<string, number>();
  #submitted = 0;

  private constructor(redis: Redis, queue: Queue, side: string) {
    this.#redis = redis;
    this.#queue = queue;
    this.#side = side;
  }

  static async start(side: string, lockMs: number): Promise<Cluster> {
    await using cleanup = new AsyncDisposableStack();
    const redis = cleanup.use(await startRedis());
    const connection = cleanup.adopt(
      new Redis(redis.url, { maxRetriesPerRequest: null }),
      (it) => it.disconnect(),
    );
    const queue = cleanup.adopt(new Queue("bench", { connection }), (it) => it.close());
    const events = cleanup.adopt(new QueueEvents("bench", { connection }), (it) => it.close());
    await events.waitUntilReady();
    const cluster = new Cluster(connection, queue, side);
    events.on("completed", ({ jobId }) => {
      // A job that was run twice has ended once.
      if (!cluster.#ended.has(jobId)) cluster.#ended.set(jobId, performance.now());
    });
    events.on("failed", ({ jobId, failedReason }) => {
      throw new Error(`${side}: job ${jobId} failed: ${failedReason}`);
    });
    for (let i = 0; i < WORKERS; i++) {
      const args = ["run", "--quiet", "-A", program, side, redis.url, "bench", String(lockMs)];
      const worker = new Deno.Command(Deno.execPath(), {
        args,
        stdin: "piped",
        stdout: "piped",
        detached: true, // with a process group of its own
      }).spawn();
      cluster.workers.push(worker);
      cleanup.defer(async () => {
        await worker.stdin.close().catch(() => {}); // one was killed
        await worker.status;
        await worker.stdout.cancel();
        endGroup(worker.pid);
      });
      const reader = worker.stdout.getReader();
      await reader.read();
      reader.releaseLock();
    }
    cluster.#cleanup.use(cleanup.move());
    return cluster;
  }

  /** Resolves when the queue has them: their ids. */
  async submit(count: number, ms: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => `job-${this.#submitted++}`);
    await this.#queue.addBulk(ids.map((id) => {
      const order = { id, task: "work#burn", args: toText([ms]) };
      const data = this.#side === "heddle" ? { order } : { ms };
      return { name: "burn", data, opts: { jobId: id, attempts: 1000 } };
    }));
    return ids;
  }

  /** When each has ended. */
  async ended(ids: readonly string[]): Promise<number[]> {
    const done = Promise.withResolvers<void>();
    // Now and then: to ask for each that ends would take the square of their number.
    const looking = setInterval(() => ids.every((id) => this.#ended.has(id)) && done.resolve(), 5);
    await done.promise;
    clearInterval(looking);
    return ids.map((id) => this.#ended.get(id)!);
  }

  /** Milliseconds of CPU time that the workers have used, with all that they have started. */
  cpuMs(): number {
    const stats = new Map<number, { parent: number; ms: number }>();
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const [, text] = Deno.readTextFileSync(`/proc/${name}/stat`).split(") ");
        const [, parent, , , , , , , , , , user, system] = text.split(" ").map(Number);
        stats.set(Number(name), { parent, ms: (user + system) * TICK });
      } catch {
        // It has ended.
      }
    }
    const roots = new Set(this.workers.map(({ pid }) => pid));
    const isOurs = (pid: number): boolean =>
      roots.has(pid) || stats.has(pid) && isOurs(stats.get(pid)!.parent);
    return [...stats].reduce((sum, [pid, { ms }]) => isOurs(pid) ? sum + ms : sum, 0);
  }

  /** Milliseconds of CPU time that Redis has used. */
  async redisCpuMs(): Promise<number> {
    const seconds = (await this.#redis.info("cpu")).matchAll(/^used_cpu_(?:user|sys):([\d.]+)/gm);
    return seconds.reduce((sum, [, each]) => sum + Number(each) * 1000, 0);
  }

  /** How many run at this moment. */
  async active(): Promise<number> {
    const jobs: Job[] = await this.#queue.getJobs(["active"]);
    return jobs.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

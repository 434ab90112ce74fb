/** A worker process: `worker.ts SIDE URL QUEUE LOCK_MS`. Prints a line when it takes jobs. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";
import { threads } from "../row.ts";

const [side, url, name, lock] = Deno.args;
const lockMs = Number(lock);
const processor = new URL("burn.cjs", import.meta.url).pathname;

const connection = () => new Redis(url, { maxRetriesPerRequest: null });
/** As bullmq.ts of the example has them. */
const options = () => ({
  connection: connection(),
  lockDuration: lockMs,
  stalledInterval: Math.max(250, lockMs / 4),
});

const sides: Record<string, () => Promise<unknown>> = {
  async heddle() {
    const { Scheduler } = await import("@heddle/heddle");
    const { openQueue } = await import("../../examples/cluster/engine.ts");
    const { Worker } = await import("../../examples/cluster/worker.ts");
    const work = import.meta.resolve("./tasks.ts");
    const sched = await Scheduler.start({ procs: threads, warm: [work] });
    const worker = new Worker(sched, await openQueue({ url, name, lockMs }), { modules: { work } });
    worker.run();
    return worker;
  },
  /** Sandboxed processors, each in a process of its own. */
  async sandboxed() {
    return await new Worker(name, processor, { ...options(), concurrency: threads }).waitUntilReady();
  },
  async threads() {
    const worker = new Worker(name, processor, {
      ...options(),
      concurrency: threads,
      useWorkerThreads: true,
    });
    return await worker.waitUntilReady();
  },
  /** More jobs than threads, so that a thread need not wait for Redis: piscina has a queue. */
  async piscina() {
    const { Piscina } = await import("piscina");
    const pool = new Piscina({ filename: processor, minThreads: threads, maxThreads: threads });
    const run = ({ data }: { data: unknown }) => pool.run(data);
    return await new Worker(name, run, { ...options(), concurrency: 16 * threads }).waitUntilReady();
  },
};

await sides[side]();
console.log("ready");
// It ends with the bench.
await Deno.stdin.read(new Uint8Array(1));
Deno.exit(0);

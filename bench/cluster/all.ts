/** `deno task bench cluster`: jobs on two worker processes, by way of Redis. */
import process from "node:process";
import { head, percentile, type Program, type Readings } from "../real/program.ts";
import burn from "./burn.cjs";
import { Cluster } from "./run.ts";

const sides = ["heddle", "sandboxed", "threads", "piscina"] as const;
const others = sides.slice(1).map((side) => ({ against: [side] }));

/** Milliseconds of a job's lock; of all sides, so that they notice a dead worker after the same time. */
const LOCK = 2000;
const JOBS = { full: 10_000, quick: 500 };
const PACED = { full: 2_000, quick: 200 };
/** Milliseconds between the jobs whose latency counts: workers are mostly idle. */
const EVERY = 5;

/** Milliseconds of CPU time that a job of 1 ms computes, without all that is around it. */
async function bareCpuMs(): Promise<number> {
  const times = 300;
  const run = async () => {
    for (let i = 0; i < times; i++) await burn({ ms: 1 });
  };
  await run(); // V8 compiles
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / times;
}

async function jobs(side: string, quick: boolean): Promise<Readings> {
  await using cluster = await Cluster.start(side, LOCK);
  // Threads start, and V8 compiles: with 200 jobs before, one of the next 500 took a third more CPU time than it did after 700.
  await cluster.ended(await cluster.submit(quick ? 200 : 1000, 1));

  const bare = await bareCpuMs();
  const [start, cpu, redis] = [performance.now(), cluster.cpuMs(), await cluster.redisCpuMs()];
  const all = await cluster.submit(quick ? JOBS.quick : JOBS.full, 1);
  const last = Math.max(...await cluster.ended(all));
  const used = cluster.cpuMs() - cpu;
  const redisUsed = await cluster.redisCpuMs() - redis;

  const waits: Promise<number>[] = [];
  const begin = performance.now();
  for (let i = 0; i < (quick ? PACED.quick : PACED.full); i++) {
    const due = begin + i * EVERY;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const at = performance.now();
    waits.push(cluster.submit(1, 1).then((ids) => cluster.ended(ids)).then(([end]) => end - at));
  }
  const taken = await Promise.all(waits);
  return {
    rate: all.length / (last - start) * 1000,
    cpu: used / all.length,
    overhead: used / all.length - bare,
    redis: redisUsed / all.length,
    p50: percentile(taken, 0.5),
    p99: percentile(taken, 0.99),
  };
}

/** From SIGKILL of one of two workers until all that both had begun is done. */
async function recovery(side: string): Promise<Readings> {
  await using cluster = await Cluster.start(side, LOCK);
  // By these a worker of ours knows how long one takes.
  await cluster.ended(await cluster.submit(8, 200));
  const ids = await cluster.submit(4, 1000);
  while (await cluster.active() < ids.length) await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 200));
  cluster.workers[0].kill("SIGKILL");
  const killed = performance.now();
  return { seconds: (Math.max(...await cluster.ended(ids)) - killed) / 1000 };
}

export const clusterPrograms: Program[] = [
  {
    name: "cluster",
    sides,
    measures: [
      {
        ...head("cluster", "cluster, 10,000 jobs of 1 ms on 2 workers", "jobs/s", "rate", sides),
        better: "higher",
        comparisons: others,
      },
      {
        ...head("cluster", "cluster: CPU time of the workers for a job", "ms", "cpu", sides),
        comparisons: others,
      },
      {
        ...head("cluster", "cluster: of that, what is not the job's own 1 ms", "ms", "overhead", sides),
        comparisons: others,
      },
      {
        ...head("cluster", "cluster: CPU time of Redis for a job", "ms", "redis", sides),
        comparisons: others,
      },
      {
        ...head("cluster", "cluster: p50 of a job's latency, one every 5 ms", "ms", "p50", sides),
        comparisons: others,
      },
      { ...head("cluster", "cluster: p99 of that", "ms", "p99", sides), comparisons: others },
    ],
    sample: jobs,
  },
  {
    name: "cluster-recovery",
    sides,
    measures: [
      {
        ...head(
          "cluster-recovery",
          "cluster: kill -9 of a worker, until its jobs of 1 s are done (lock of 2 s)",
          "s",
          "seconds",
          sides,
        ),
        comparisons: others,
      },
    ],
    sample: recovery,
  },
];

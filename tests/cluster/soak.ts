/** What takes minutes: `deno task soak:cluster`. `JOBS=10000` makes fewer. */
import { assertEquals, assertLess } from "@std/assert";
import { Client, remote } from "../../examples/cluster/client.ts";
import { openQueue } from "../../examples/cluster/engine.ts";
import { startRedis } from "../../examples/cluster/redis.ts";
import { toText } from "../../examples/cluster/values.ts";
import { runsByCluster } from "./hogs.ts";
import { cluster, eventually, linesOf, type Process } from "./processes.ts";
import { servers, testWith } from "./servers.ts";

const JOBS = Number(Deno.env.get("JOBS") ?? 100_000);
const WORKERS = 2;
const work = remote<typeof import("../../examples/cluster/work.ts")>("work");

testWith("redis", `${JOBS} jobs are all done while workers are killed and Redis is restarted`, async () => {
  await using redis = await startRedis();
  await using queue = await openQueue({ url: redis.url });
  const file = await Deno.makeTempFile();
  const worker = () => cluster("worker", `--url=${redis.url}`, "--lock-ms=2000", "--procs=1");
  const workers: Process[] = Array.from({ length: WORKERS }, worker);
  const orders = Array.from({ length: JOBS }, (_, i) => {
    return { id: `job-${i}`, task: "work#record", args: toText([file, String(i), 0]) };
  });

  let kills = 0, isOver = false, hasRestarted = false;
  const killing = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 1000 + Math.random() * 4000));
      const i = Math.floor(Math.random() * WORKERS);
      workers[i].child.kill("SIGKILL");
      await workers[i].output;
      kills++;
      workers[i] = worker();
    }
  })();

  const start = performance.now();
  for (let i = 0; i < JOBS;) {
    try {
      await queue.submit(orders.slice(i, i + 1000));
      i += 1000;
    } catch {
      // Redis is away. The same again: orders of one id are one job.
    }
    if (!hasRestarted && i >= JOBS / 2) {
      hasRestarted = true;
      await redis.restart();
    }
  }
  // The effects, and nothing that the queue says of itself.
  const effects = () => new Set(linesOf(file)).size;
  await eventually(() => Deno.statSync(file).size > 0 && effects() === JOBS, "all are done", 1_000_000);
  const seconds = (performance.now() - start) / 1000;
  isOver = true;
  await killing;
  // Whatever is run a second time is so within the next locks.
  for (let size = -1; size !== Deno.statSync(file).size;) {
    size = Deno.statSync(file).size;
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
  for (const each of workers) await each[Symbol.asyncDispose]();
  const lines = linesOf(file);
  const twice = lines.length - JOBS;
  console.log(`${JOBS} jobs in ${seconds.toFixed(0)} s, ${kills} kills, ${twice} done more than once`);
  assertEquals(effects(), JOBS);
  assertLess(twice, JOBS / 100);
  await Deno.remove(file);
});

testWith("redis", "a job that computes for 120 s with a lock of 30 s is run once", async () => {
  await using server = await servers.redis.start();
  assertEquals(await runsByCluster(server.url, 120_000, 30_000), 1);
});

testWith("postgres", "the same on PostgreSQL: 25 s of computing with a lock of 10 s", async () => {
  await using server = await servers.postgres.start();
  assertEquals(await runsByCluster(server.url, 25_000, 10_000), 1);
});

for (const kind of ["redis", "postgres"] as const) {
  testWith(kind, `on ${kind} a job whose worker is killed is run by another one`, async () => {
    await using server = await servers[kind].start();
    const file = await Deno.makeTempFile();
    const args = ["worker", `--url=${server.url}`, "--lock-ms=10000"];
    await using queue = await openQueue({ url: server.url, lockMs: 10_000 });
    await using client = new Client(queue);
    const job = client.go(work.hog(3000, file));
    {
      await using first = cluster(...args);
      await eventually(() => linesOf(file).length === 1, "it runs", 30_000);
      first.child.kill("SIGKILL");
    }
    const killed = performance.now();
    await using _second = cluster(...args);
    assertEquals(await job, true);
    console.log(
      `${kind}: done ${((performance.now() - killed) / 1000).toFixed(1)} s after kill -9, lock of 10 s`,
    );
    assertEquals(linesOf(file).length, 2);
    await Deno.remove(file);
  });
}

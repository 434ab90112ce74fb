/** A job that computes for longer than its lock lasts, and two workers. */
import { Queue, QueueEvents } from "bullmq";
import { Redis } from "ioredis";
import { Client, remote } from "../../examples/cluster/client.ts";
import { openQueue } from "../../examples/cluster/engine.ts";
import { cluster, eventually, linesOf, start } from "./processes.ts";

const work = remote<typeof import("../../examples/cluster/work.ts")>("work");

/** How often it is run by our workers. */
export async function runsByCluster(url: string, ms: number, lockMs: number): Promise<number> {
  const file = await Deno.makeTempFile();
  const name = crypto.randomUUID();
  const args = ["worker", `--url=${url}`, `--queue=${name}`, `--lock-ms=${lockMs}`];
  await using _one = cluster(...args);
  await using _another = cluster(...args);
  await using queue = await openQueue({ url, name, lockMs });
  await using client = new Client(queue);
  await client.go(work.hog(ms, file));
  const runs = linesOf(file).length;
  await Deno.remove(file);
  return runs;
}

/** How often by BullMQ's own. */
export async function runsByBullMQ(url: string, ms: number, lockMs: number): Promise<number> {
  const file = await Deno.makeTempFile();
  const program = new URL("own_worker.ts", import.meta.url).pathname;
  await using _one = start([program, url, String(lockMs)]);
  await using _another = start([program, url, String(lockMs)]);
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue("own", { connection });
  const events = new QueueEvents("own", { connection });
  let hasEnded = false;
  for (const event of ["completed", "failed"] as const) events.on(event, () => hasEnded = true);
  await events.waitUntilReady();
  await queue.add("hog", { file, ms });
  await eventually(() => hasEnded, "the job ends", 20 * ms);
  const runs = linesOf(file).length;
  await events.close();
  await queue.close();
  connection.disconnect();
  await Deno.remove(file);
  return runs;
}

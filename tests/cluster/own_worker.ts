/** BullMQ's own worker, with its processor in the same thread: `own_worker.ts URL LOCK_MS`. A job appends a line and computes. */
import { Worker } from "bullmq";
import { Redis } from "ioredis";

const [url, lock] = Deno.args;
const lockDuration = Number(lock);

new Worker("own", ({ data: { file, ms } }) => {
  Deno.writeTextFileSync(file, "started\n", { append: true });
  const end = performance.now() + ms;
  while (performance.now() < end);
  return Promise.resolve();
}, {
  connection: new Redis(url, { maxRetriesPerRequest: null }),
  lockDuration,
  stalledInterval: lockDuration / 4,
}).on("error", () => {}); // that the lock was lost

import { Worker } from "node:worker_threads";

const worker = new Worker(new URL("./worker_thread.ts", import.meta.url), { workerData: 41 });
const answer = await new Promise<number>((resolve) => worker.once("message", resolve));
console.log(answer);
worker.unref();

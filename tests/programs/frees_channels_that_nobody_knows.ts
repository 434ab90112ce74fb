/** Run with --expose-gc. The channels of all rounds together would not fit into the arena. */
import { Channel, Mutex, Scheduler } from "@heddle/heddle";
import { isolateOf } from "../../scheduler/sync/isolate.ts";
import { collects, knows } from "../tasks/channels.ts";

await using sched = await Scheduler.start({ procs: 1, maxTasks: 64, maxThreads: 4, arenaBytes: 64 << 20 });

async function round() {
  for (let i = 0; i < 400; i++) {
    // 16 KiB, with a channel and a long text in it.
    const channel = new Channel<unknown>(sched, 1000);
    await channel.send(new Channel<unknown>(sched, 1000));
    await channel.send("x".repeat(500));
    await sched.go(knows(channel));
    // By port, and nobody will ask for it.
    const task = sched.go(knows([new Channel<unknown>(sched, 1000), new SharedArrayBuffer(4)]));
    task.cancel();
    await task.catch(() => {});
  }
}

/** Operations wait there, a trace that has their begin ends, and then it is passed on. */
async function waitedFor() {
  const trace = await sched.trace({ file: "/dev/null" });
  const channel = new Channel<number>(sched);
  const mutex = new Mutex(sched);
  mutex.tryLock();
  const [receiving, locking] = [channel.recv(), mutex.lock()];
  await trace.stop();
  await sched.go(knows([channel, mutex]));
  await channel.send(1);
  mutex.unlock();
  await Promise.all([receiving, locking]);
}

async function collect() {
  for (let generation = 0; generation < 2; generation++) {
    (globalThis as unknown as { gc(): void }).gc();
    await sched.go(collects());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

for (let i = 0; i < 12; i++) {
  await round();
  await collect();
}
await waitedFor();
await collect();
console.log(`freed, but for ${isolateOf(sched, "this program").handles.count}`);

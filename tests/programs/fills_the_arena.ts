/** The arena is as small as can be, and then full: of channels, values and parked operations. */
import { Barrier, Channel, Mutex, recv, Scheduler, select, Semaphore, task } from "@heddle/heddle";
import { HANDLE } from "../../scheduler/codec/handle.ts";
import type { Shareable } from "../../scheduler/sync/handles.ts";
import { leastArenaBytes } from "../../scheduler/arena/arena.ts";
import { sum } from "../../examples/tasks.ts";

/** Its argument is too long for a slot. */
export const lengthOf = task(import.meta, "lengthOf", (_ctx, text: string): number => text.length);

/** Has more children than a thread has slots, with arguments for which there is no room. */
export const parent = task(import.meta, "parent", async (ctx, children: number): Promise<number> => {
  const tasks = Array.from({ length: children }, (_, i) => ctx.go(lengthOf("x".repeat(100 + i))));
  return (await Promise.all(tasks)).reduce((a, b) => a + b);
});

/** Parks where there is no room for that, and on a channel that nobody else knows. */
export const parks = task(import.meta, "parks", async (ctx, channel: Channel<number>): Promise<string> => {
  const own = new Channel<number>(ctx);
  const child = ctx.go(lengthOf("none"));
  const [received] = await Promise.all([own.recv(), child.then((n) => own.send(n))]);
  return `${received}, ${await nameOf(() => channel.recv())}`;
});

if (import.meta.main) await main();

async function nameOf(act: () => unknown): Promise<string> {
  try {
    return `done: ${await act()}`;
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}, ${/arenaBytes/.test(message) ? "which tells of arenaBytes" : message}`;
  }
}

async function main(): Promise<void> {
  const [maxTasks, maxThreads] = [16, 3];
  const least = leastArenaBytes(maxTasks, maxThreads);
  const options = { procs: 1, maxTasks, maxThreads };
  try {
    await Scheduler.start({ ...options, arenaBytes: least - 1 });
  } catch (error) {
    console.log("too small:", `${error}`.replaceAll(`${least - 1}`, "…").replaceAll(`${least}`, "LEAST"));
  }

  const sched = await Scheduler.start({ ...options, arenaBytes: least });
  console.log("as small as can be:", await sched.go(sum(0, 10)));
  const share = (handle: { readonly [HANDLE]: unknown }) => void (handle[HANDLE] as Shareable).share();
  const knows = new Channel<number>(sched, 4);
  const never = new Channel<number>(sched);
  const mutex = new Mutex(sched);
  const semaphore = new Semaphore(sched, 1);
  const barrier = new Barrier(sched, 2);
  for (const handle of [knows, never, mutex, semaphore, barrier]) share(handle);
  const guard = await mutex.lock();
  const parked: Promise<unknown>[] = Array.from({ length: 200 }, () => never.recv());

  // Whatever is left of it is too small for one of these.
  const channels: Channel<string>[] = [];
  const another = () => {
    const channel = new Channel<string>(sched, 1);
    share(channel);
    channels.push(channel);
  };
  while (await nameOf(another) === "done: undefined");
  console.log("another channel:", await nameOf(another));
  let refusal: unknown;
  while (refusal === undefined && parked.length < 100_000) {
    const receives = never.recv();
    parked.push(receives);
    await Promise.race([receives.catch((error) => refusal = error), undefined]);
    await undefined;
  }
  parked.pop();
  console.log("another receiver:", await nameOf(() => never.recv()));
  console.log("another one at a lock:", await nameOf(() => mutex.lock()));
  const sends = channels.at(-1)!.send("x".repeat(100));
  console.log("a free semaphore:", await nameOf(async () => typeof await semaphore.acquire()));
  console.log("the same once more:", await nameOf(() => semaphore.acquire()));
  console.log("the first at a barrier:", await nameOf(() => barrier.wait()));
  console.log("a long value:", await nameOf(() => sends));

  console.log("an argument:", await nameOf(() => sched.go(lengthOf("x".repeat(5000)))));
  console.log("children:", await nameOf(() => sched.go(parent(700))));
  console.log("a task that parks:", await nameOf(() => sched.go(parks(never))));
  console.log("what takes no waiting:", await nameOf(() => knows.send(7)), await nameOf(() => knows.recv()));

  await knows.send(8);
  console.log("a select:", await nameOf(async () => (await select([recv(never), recv(knows)])).value));
  console.log("one that would wait:", await nameOf(() => select([recv(never), recv(knows)])));

  // Who was parked before has lost nothing.
  const served = parked.splice(0, 3);
  for (const i of served.keys()) console.log("sent:", await nameOf(() => never.send(i)));
  console.log("received:", (await Promise.all(served)).join());
  guard[Symbol.dispose]();
  console.log("after that:", await nameOf(async () => typeof await mutex.lock()));
  console.log("both at the barrier:", (await Promise.all([barrier.wait(), barrier.wait()])).join());

  const atTheEnd = [...parked, sched.go(parks(never)), never.recv(), sched.go(lengthOf("x".repeat(5000)))];
  const outcomes = Promise.allSettled(atTheEnd);
  await sched.close();
  const names = (await outcomes).map((outcome) =>
    outcome.status === "rejected" ? outcome.reason.name : "done"
  );
  console.log("parked at the end:", parked.length > 0, [...new Set(names)].join());
}

// No thread sleeps beside a task that could go on, and none keeps the world outside waiting: scheduler/README.md, "Standing still".
import { assertEquals, assertLess } from "@std/assert";
import { Channel, Scheduler } from "@heddle/heddle";
import { soon } from "./deadline.ts";
import { Flag } from "./flag.ts";
import { keepsDictionary, listensBeside, playsLocked, portsBeside } from "./tasks/talking.ts";

Deno.test("two tasks that have locked their threads pass messages, and no thread sleeps beside one that could go on", async () => {
  const rounds = 5000;
  await using sched = await Scheduler.start({ procs: 2 });
  assertEquals(await soon(sched.go(playsLocked(rounds)), "the messages", 10_000), rounds);
  assertEquals(sched.stats().overslept, 0);
});

Deno.test("a task that twenty others ask answers at once, also when its slices have put them on two threads", async () => {
  const [askers, times] = [20, 500];
  await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
  const sum = await soon(sched.go(keepsDictionary(askers, times)), "the answers", 10_000);
  assertEquals(sum, askers * times * 4.5);
  assertEquals(sched.stats().overslept, 0);
});

Deno.test("a task hears of the world outside as soon while it waits for a message, too", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const times = 41;
  const ratios: number[] = [];
  for (let round = 0; round < 5; round++) {
    const alone = await sched.go(portsBeside(times, false));
    ratios.push(await sched.go(portsBeside(times, true)) / alone);
  }
  // About 2 for a spin of 20 us. In the futex until the next turn of the event loop was due it took 1 ms: 40 or more.
  assertLess(ratios.sort((a, b) => a - b)[2], 10);
});

Deno.test("a task hears of what Deno does not count while it waits for a message and for a child", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const flag = new Flag();
  const messages = new Channel<number>(sched);
  const heard = sched.go(listensBeside(flag.buffer, messages));
  flag.value = 1;
  Atomics.notify(flag.words, 0);
  assertEquals(await soon(heard, "both"), [1, 2]);
});

// No thread sleeps beside a task that could go on, and none keeps the world outside waiting: scheduler/machine/README.md, "Standing still".
import { assertEquals, assertLess } from "@std/assert";
import { Channel, Scheduler } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { leavesThree, pingPong } from "../tasks/leaving_behind.ts";
import { keepsDictionary, listensBeside, playsLocked, portsBeside } from "../tasks/talking.ts";

Deno.test("two tasks that have locked their threads pass messages, and no thread sleeps beside one that could go on", async () => {
  const rounds = 5000;
  await using sched = await Scheduler.start({ procs: 2 });
  assertEquals(await soon(sched.go(playsLocked(rounds)), "the messages"), rounds);
  assertEquals(sched.stats().overslept, 0);
});

Deno.test("a task that twenty others ask answers at once, also when its slices have put them on two threads", async () => {
  const [askers, times] = [20, 500];
  await using sched = await Scheduler.start({ procs: 1, sliceMs: 1 });
  const sum = await soon(sched.go(keepsDictionary(askers, times)), "the answers");
  assertEquals(sum, askers * times * 4.5);
  assertEquals(sched.stats().overslept, 0);
});

Deno.test("a task hears at once of the world outside, although it waits for a message of another task, too", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const took = await soon(sched.go(portsBeside(100)), "100 messages by port");
  // On a busy machine some take longer: the best tenth tells. In the futex until the event loop was due it took 1 ms, each.
  assertLess(took.toSorted((a, b) => a - b)[10], 0.9);
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

Deno.test("operations that nobody awaits and ended tasks have left behind hold up no other task of the thread", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await sched.go(leavesThree());
  // They count as three tasks that wait. With a sleep at every few messages this took 15 s.
  await soon(sched.go(pingPong(5000)), "the messages", 10_000);
  assertEquals(sched.stats().overslept, 0);
});

/** A task whose module is being imported has not begun: others can have it. */
import { assertEquals, assertRejects } from "@std/assert";
import { Scheduler, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { exits, nothing } from "../tasks/growing.ts";
import { childEndsAsItLoads, endsAsItLoads } from "../tasks/ending.ts";
import { wakes } from "../tasks/late_to_import.ts";
import { blocksUntilSet } from "../tasks/blocking.ts";

const flag = () => new SharedArrayBuffer(4);

Deno.test("a task whose module is late is not kept by one that blocks the thread and waits for it", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const word = flag();
  const late = own.go(wakes(word));
  // After a while its thread takes what else there is.
  const waits = own.go(blocksUntilSet(word));
  assertEquals(await soon(Promise.all([late, waits]), "both"), ["woke it", true]);
});

Deno.test("a task whose module is late begins elsewhere if the thread dies", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const late = own.go(wakes(flag()));
  await assertRejects(() => soon(own.go(exits()), "what ends the thread"), ThreadDiedError);
  assertEquals(await soon(late, "the task"), "woke it");
});

Deno.test("a task whose module ends the thread is lost with the second one, and the pool goes on", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const error = await assertRejects(() => soon(own.go(endsAsItLoads()), "the task"), ThreadDiedError);
  assertEquals(error.message.includes('Task "endsAsItLoads"'), true, error.message);
  assertEquals(await soon(own.go(childEndsAsItLoads()), "a parent"), "ThreadDiedError");
  await soon(own.go(exits()).catch(() => {}), "what ends a thread");
  await soon(own.go(nothing()), "a task after that");
});

Deno.test("a task that is cancelled while its module is late never begins, and its slot is free again", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const [first, second] = [flag(), flag()];
  const tasks = [own.go(wakes(first)), own.go(wakes(second))];
  await until(() => own.stats().queued === 0, "a thread has taken them");
  assertEquals(tasks.map(({ state }) => state), ["queued", "queued"]);
  tasks[0].cancel("not needed");
  assertEquals(await tasks[0].catch((reason) => reason), "not needed");
  assertEquals(await soon(tasks[1], "the other one"), "woke it");
  await until(() => own.stats().inFlight === 0, "none is in flight");
  assertEquals([first, second].map((word) => new Int32Array(word)[0]), [0, 1]);
});

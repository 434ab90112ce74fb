import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Channel, Scheduler, TaskTimeoutError } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import {
  embraces,
  isSavedByChild,
  isSavedBySleeper,
  isSavedLate,
  receivesFromNobody,
  waitsForHost,
  waitsForNothing,
} from "../tasks/deadlocks.ts";

/** Longer than the host needs to find a deadlock. */
const LONG = 900;

Deno.test("a task that waits for what nobody can send rejects, and is told who waits for what", async () => {
  for (const start of ["go", "dedicate"] as const) {
    await using sched = await Scheduler.start({ procs: 2 });
    const told = await soon(sched[start](receivesFromNobody()), "the deadlock is found", 5000);
    assertMatch(
      told,
      /^DeadlockError: Every task waits .*: thread \d+ \(tasks: receivesFromNobody\) waits to receive from channel \d+ of this thread\.$/,
    );
    // The scheduler goes on.
    assertMatch(await soon(sched[start](receivesFromNobody()), "the next one"), /^DeadlockError/);
  }
});

Deno.test("a select without a case that can be ready is told as a deadlock, beside others that wait", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const stuck = [sched.go(waitsForNothing()), sched.go(receivesFromNobody())];
  for (const told of await soon(Promise.all(stuck), "the deadlock is found", 5000)) {
    assertMatch(told, /^DeadlockError: .* waits to .*select among cases that are never ready/);
  }
});

Deno.test("two tasks that lock two mutexes in opposite orders are told so, on one thread and on two", async () => {
  for (const procs of [1, 2]) {
    await using sched = await Scheduler.start({ procs });
    const told = await soon(sched.go(embraces()), "the deadlock is found", 5000);
    assertEquals(told.length, 2);
    for (const each of told) {
      assertMatch(each, /^(DeadlockError: .*lock .*mutex.*, which thread \d+ holds|both)/);
    }
    assert(told.some((each) => each.startsWith("DeadlockError")), JSON.stringify(told));
  }
});

Deno.test("a timer of the event loop, a sleeper or a busy thread may still send: no deadlock", async () => {
  await using sched = await Scheduler.start({ procs: 2 });
  const saved = [isSavedLate(LONG), isSavedBySleeper(LONG), isSavedByChild(LONG)].map((call) =>
    sched.go(call)
  );
  assertEquals(await soon(Promise.all(saved), "all are saved"), ["saved", "saved", "saved"]);
  const alone = [isSavedLate(LONG), isSavedBySleeper(LONG), isSavedByChild(LONG)].map(async (call) => {
    await using sched = await Scheduler.start({ procs: 2 });
    return await sched.go(call);
  });
  assertEquals(await soon(Promise.all(alone), "each is saved alone"), ["saved", "saved", "saved"]);
});

Deno.test("the host may still send what it has a channel for, and cancel by a timeout: no deadlock", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const channel = new Channel<string>(sched);
  const waiting = sched.go(waitsForHost(channel));
  // It alone knows that it will send to itself, from a timer.
  const own = new Channel<string>(sched);
  setTimeout(() => void own.send("mine"), LONG);
  assertEquals(await own.recv(), "mine");
  await channel.send("at last");
  assertEquals(await soon(waiting, "the task"), "at last");
});

Deno.test("a task with a timeout ends by it and not by a deadlock", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  await assertRejects(async () => await sched.go(receivesFromNobody(), { timeout: LONG }), TaskTimeoutError);
});

Deno.test("with detectDeadlocks false nobody is told", async () => {
  await using sched = await Scheduler.start({ procs: 1, detectDeadlocks: false });
  const waiting = sched.go(receivesFromNobody());
  let isTold = false;
  waiting.finally(() => isTold = true).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, LONG));
  assert(!isTold);
});

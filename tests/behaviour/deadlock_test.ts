import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Channel, Scheduler, TaskTimeoutError } from "@heddle/heddle";
import { soon } from "../support/deadline.ts";
import { sideBySide } from "../support/side_by_side.ts";
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

// Each has schedulers of its own.
sideBySide({
  async "a task that waits for what nobody can send rejects, and is told who waits for what"() {
    for (const start of ["go", "dedicate"] as const) {
      await using sched = await Scheduler.start({ procs: 2 });
      const told = await soon(sched[start](receivesFromNobody()), "the deadlock is found");
      assertMatch(
        told,
        /^DeadlockError: Every task waits .*: thread \d+ \(tasks: receivesFromNobody\) waits to receive from channel \d+ of this thread\.$/,
      );
      // The scheduler goes on.
      assertMatch(await soon(sched[start](receivesFromNobody()), "the next one"), /^DeadlockError/);
    }
  },

  async "a select without a case that can be ready is told as a deadlock, beside others that wait"() {
    await using sched = await Scheduler.start({ procs: 1 });
    const stuck = [sched.go(waitsForNothing()), sched.go(receivesFromNobody())];
    for (const told of await soon(Promise.all(stuck), "the deadlock is found")) {
      assertMatch(told, /^DeadlockError: .* waits to .*select among cases that are never ready/);
    }
  },

  async "two tasks that lock two mutexes in opposite orders are told so, on one thread and on two"() {
    for (const procs of [1, 2]) {
      await using sched = await Scheduler.start({ procs });
      const told = await soon(sched.go(embraces()), "the deadlock is found");
      assertEquals(told.length, 2);
      for (const each of told) {
        assertMatch(each, /^(DeadlockError: .*lock .*mutex.*, which thread \d+ holds|both)/);
      }
      assert(told.some((each) => each.startsWith("DeadlockError")), JSON.stringify(told));
    }
  },

  async "a timer of the event loop, a sleeper or a busy thread may still send: no deadlock"() {
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
  },

  async "the host may still send what it has a channel for, and cancel by a timeout: no deadlock"() {
    await using sched = await Scheduler.start({ procs: 1 });
    const channel = new Channel<string>(sched);
    const waiting = sched.go(waitsForHost(channel));
    // It alone knows that it will send to itself, from a timer.
    const own = new Channel<string>(sched);
    setTimeout(() => void own.send("mine"), LONG);
    assertEquals(await own.recv(), "mine");
    await channel.send("at last");
    assertEquals(await soon(waiting, "the task"), "at last");
  },

  async "a task with a timeout ends by it and not by a deadlock"() {
    await using sched = await Scheduler.start({ procs: 1 });
    await assertRejects(
      async () => await sched.go(receivesFromNobody(), { timeout: LONG }),
      TaskTimeoutError,
    );
  },

  async "with detectDeadlocks false nobody is told"() {
    await using sched = await Scheduler.start({ procs: 1, detectDeadlocks: false });
    const waiting = sched.go(receivesFromNobody());
    let isTold = false;
    waiting.finally(() => isTold = true).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, LONG));
    assert(!isTold);
  },
});

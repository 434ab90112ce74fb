import { getEventListeners } from "node:events";
import { assert, assertEquals, assertLess } from "@std/assert";
import { Channel, onAbort, pipeline, recv, Scheduler, select } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { busyUntil } from "../tasks/occupying.ts";
import { follows, looks, ways } from "../tasks/signalled.ts";
import { doubling } from "../../examples/tasks.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

Deno.test("a task that computes and looks at its signal hears that it was cancelled", async () => {
  for (const way of Object.keys(ways)) {
    for (const start of ["go", "dedicate"] as const) {
      const [arrived, heard] = [new Flag(), new Flag()];
      const task = sched[start](looks(way, arrived.buffer, heard.buffer));
      await until(() => arrived.value === 1, "it computes");
      task.cancel("enough");
      await until(() => heard.value === 1, `${way}, by ${start}`);
    }
  }
});

Deno.test("a task whose signal is aborted already and that nobody awaits is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const hear = (event: PromiseRejectionEvent) => {
    unhandled.push(event.reason);
    event.preventDefault();
  };
  globalThis.addEventListener("unhandledrejection", hear);
  await using locker = await sched.locker();
  const signal = AbortSignal.abort("too late");
  const states = [sched.go, sched.dedicate, locker.go].map((start) => {
    return start.call(start === locker.go ? locker : sched, nothing(), { signal } as never).state;
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  globalThis.removeEventListener("unhandledrejection", hear);
  assertEquals([states, unhandled], [["cancelled", "cancelled", "cancelled"], []]);
});

Deno.test("however many follow a signal, it has one listener, and none when they have ended", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const [arrived, leave] = [new Flag(), new Flag()];
  // So that the others stay where they are.
  const busy = Array.from({ length: 2 }, () => sched.go(busyUntil(arrived.buffer, leave.buffer)));
  const quick = Array.from({ length: 1000 }, () => sched.go(nothing(), { signal }));
  assertEquals(listeners(signal), 1);
  leave.value = 1;
  await soon(Promise.all([...busy, ...quick]), "the tasks");
  assertEquals(listeners(signal), 0);

  const channel = new Channel<number>(sched);
  const waiting = [
    ...Array.from({ length: 20_000 }, () => channel.recv({ signal })),
    ...Array.from({ length: 1000 }, () => select([recv(channel), onAbort(signal)])),
    Array.fromAsync(pipeline(sched, [], [doubling], { signal })),
  ];
  assert(listeners(signal) === 1, `${listeners(signal)} listeners`);
  await waiting.at(-1);
  controller.abort("all of them");
  const outcomes = await Promise.allSettled(waiting);
  assertEquals(
    outcomes.slice(0, 20_000).filter((each) => each.status === "rejected" && each.reason === "all of them")
      .length,
    20_000,
  );
  assertEquals(listeners(signal), 0);
});

Deno.test("in a thread a signal has one listener for all children and one for all operations", async () => {
  const [most, left] = await soon(sched.go(follows()), "the task");
  assertEquals(left, 0);
  // Threads have two instances of these modules.
  assertLess(most, 3);
});

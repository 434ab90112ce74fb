import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { HOST, M_LOCKS } from "../../../scheduler/arena/layout/m.ts";
import { Locks } from "../../../scheduler/parking/locks.ts";
import {
  G_CANCELLED,
  G_DONE,
  G_DROPPED,
  G_FAILED,
  G_QUEUED,
  GTable,
} from "../../../scheduler/slots/g_table.ts";
import type { Parcel } from "../../../scheduler/slots/parcel.ts";
import { type Owned, Owner } from "../../../scheduler/slots/owner.ts";
import { TaskTable } from "../../../scheduler/slots/task_table.ts";
import type { Definition } from "../../../scheduler/tasks/call.ts";
import { fourMs } from "../../support/isolates.ts";
import { Refused } from "../../tasks/failing.ts";

const M = 1;

const definition: Definition = {
  module: import.meta.resolve("../../tasks/failing.ts"),
  name: "a",
  fn: () => {},
  key: "a",
};

interface Task extends Owned {
  hasSettled: boolean;
}

/** The host as an owner, and an M that runs its tasks. */
function setUp() {
  const { arena, mail, mailbox } = fourMs(1);
  const gs = new GTable(arena, HOST);
  /** What went by port, and what came. */
  const sent = new Map<number, Parcel>();
  const arrived = new Map<number, Parcel>();
  const port = {
    post: (slot: number, parcel: Parcel) => void sent.set(slot, parcel),
    take: (slot: number) => arrived.get(slot),
    drop: (slot: number) => void sent.delete(slot),
  };
  const ended: [task: Task, ok: boolean, value: unknown][] = [];
  let onEnd = () => {};
  const owner = new Owner<Task>(
    gs,
    new TaskTable(arena, HOST),
    mail,
    new Locks(arena, HOST),
    port,
    (...end) => {
      ended.push(end);
      onEnd();
    },
  );
  const runner = new GTable(arena, M);
  return {
    gs,
    owner,
    runner,
    sent,
    arrived,
    ended,
    nextEnd: () => new Promise<void>((resolve) => onEnd = resolve),
    hold: () => arena.i32[arena.isolate(HOST) + M_LOCKS],
    mailOf(isolate: number) {
      const slots: number[] = [];
      mailbox.drain(isolate, (slot) => slots.push(slot));
      return slots;
    },
    start(...args: unknown[]): Task {
      const task: Task = { id: gs.newId(), definition, slot: -1, hasSettled: false };
      owner.write(gs.allocate(), task, args);
      return task;
    },
    run({ slot }: Task, status: typeof G_DONE | typeof G_FAILED, value: unknown) {
      runner.startRunning(slot, M);
      runner.dropPayload(slot);
      const parcel = runner.writeResult(slot, value);
      runner.end(slot, M, status);
      return parcel;
    },
  };
}

Deno.test("a task is its owner's again when it has ended, with what it returned or threw, and its slot is free", () => {
  const { gs, owner, ended, start, run } = setUp();
  for (const [status, ok, value] of [[G_DONE, true, [42]], [G_FAILED, false, "thrown"]] as const) {
    const task = start(1, 2);
    assertEquals([owner.of(task.slot), gs.status(task.slot)], [task, G_QUEUED]);
    run(task, status, value);
    owner.read(task.slot);
    assertEquals(ended.pop(), [task, ok, value]);
    assertEquals([owner.tasks, gs.isAtRest(task.slot), gs.allocate()], [[], true, task.slot]);
    gs.free(task.slot);
  }
});

Deno.test("arguments that cannot be copied are refused, and nothing is left of the task", () => {
  const { gs, owner, sent, start } = setUp();
  assertThrows(() => start(new SharedArrayBuffer(8), () => {}), DOMException);
  assertEquals([owner.tasks, sent.size, gs.allocate()], [[], 0, 0]);
});

Deno.test("a task that was cancelled in its queue hears nothing, and ends as it is taken out of that", () => {
  const { gs, owner, runner, sent, ended, mailOf, start } = setUp();
  const task = start(new SharedArrayBuffer(8));
  task.hasSettled = true;
  owner.cancel(task, "why");
  assertEquals([gs.status(task.slot), mailOf(M), gs.cancelRequest(task.slot)], [G_CANCELLED, [], undefined]);
  assertEquals(runner.startRunning(task.slot, M), false);
  assertEquals([gs.status(task.slot), sent.size], [G_DROPPED, 1]);
  owner.read(task.slot);
  assertEquals([ended, sent.size], [[[task, false, undefined]], 0]);
});

Deno.test("a task that runs is told that it was cancelled, and what it comes to after that is dropped", () => {
  const { owner, runner, ended, hold, mailOf, start } = setUp();
  const task = start();
  runner.startRunning(task.slot, M);
  task.hasSettled = true;
  owner.cancel(task, "why");
  assertEquals([mailOf(M), runner.cancelRequest(task.slot), hold()], [[task.slot], { reason: "why" }, 0]);
  runner.writeResult(task.slot, 42);
  runner.end(task.slot, M, G_DONE);
  runner.clearRunnerMail(task.slot);
  owner.read(task.slot);
  assertEquals(ended, [[task, false, undefined]]);
});

Deno.test("an isolate that takes its own task out of a queue has it as it was before, unless its arguments are under way", () => {
  const { gs, owner, sent, start } = setUp();
  const task = start(1);
  const { slot } = task;
  assertEquals([owner.takeBack(slot), task.slot, owner.of(slot), gs.isAtRest(slot)], [
    task,
    -1,
    undefined,
    true,
  ]);
  const byPort = start(new SharedArrayBuffer(8));
  assertEquals([owner.takeBack(byPort.slot), owner.of(byPort.slot), sent.size], [undefined, byPort, 1]);
  assertEquals(owner.takeBack(100), undefined);
});

Deno.test("a result by port is opened when its mail has come, and one that never arrived is a fault", () => {
  const { owner, arrived, ended, start, run } = setUp();
  const shared = new SharedArrayBuffer(8);
  const task = start();
  const parcel = run(task, G_DONE, { shared })!;
  assertThrows(() => owner.read(task.slot), Error, "never arrived");
  arrived.set(task.slot, parcel);
  owner.read(task.slot);
  assertEquals((ended[0][2] as { shared: unknown }).shared === shared, true);
});

Deno.test("an error of a class that the task's module exports is one of that class", async () => {
  const { owner, ended, nextEnd, start, run } = setUp();
  const task = start();
  run(task, G_FAILED, new Refused("no", 7));
  const end = nextEnd();
  owner.read(task.slot);
  // Its mail was read, and that of the dead is not read again.
  owner.readOfDead(task.slot);
  await end;
  const [[ofTask, ok, error]] = ended;
  assertEquals([ended.length, ofTask, ok], [1, task, false]);
  assertInstanceOf(error, Refused);
  const { message, code } = error as Refused;
  assertEquals([message, code], ["no", 7]);
});

Deno.test("what a dead runner had ended is read once, and what it had not is lost", () => {
  const { gs, owner, ended, start, run } = setUp();
  const [done, running] = [start(), start()];
  run(done, G_DONE, 42);
  const { slot } = done;
  owner.readOfDead(slot);
  owner.readOfDead(slot);
  const error = new Error("its thread has died");
  gs.startRunning(running.slot, M);
  owner.lose(running.slot, error);
  assertEquals(ended, [[done, true, 42], [running, false, error]]);
  assertEquals(owner.tasks, []);
});

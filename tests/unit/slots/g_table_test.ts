import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { HEAP_TOP } from "../../../scheduler/arena/layout/header.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { G_RUNNER_MAILED, INLINE_BYTES } from "../../../scheduler/arena/layout/slot.ts";
import {
  G_CANCELLED,
  G_DONE,
  G_DROPPED,
  G_FREE,
  G_LOST,
  G_RUNNING,
  GTable,
} from "../../../scheduler/slots/g_table.ts";
import { openParcel } from "../../../scheduler/slots/parcel.ts";

const M = 1;
const MAX_TASKS = 4;

/** The host, whose slots these are, and an M that runs them. */
function setUp() {
  const arena = new Arena({ maxTasks: MAX_TASKS, maxThreads: 2, bytes: leastArenaBytes(MAX_TASKS, 2) });
  return { arena, owner: new GTable(arena, HOST), runner: new GTable(arena, M) };
}

function queued(dedicatedTo = 0) {
  const all = setUp();
  const slot = all.owner.allocate();
  all.owner.prepare(slot, all.owner.newId(), 5, dedicatedTo);
  all.owner.writeArguments(slot, []);
  all.owner.queue(slot);
  return { ...all, slot };
}

// Statuses

Deno.test("a task that was cancelled in its queue is dropped by who takes it, and cannot be cancelled otherwise", () => {
  const { owner, runner, slot } = queued();
  assertEquals([owner.cancelQueued(slot), owner.status(slot)], [true, G_CANCELLED]);
  assertEquals([runner.startRunning(slot, M), owner.status(slot)], [false, G_DROPPED]);
  const running = queued();
  assertEquals([running.runner.startRunning(running.slot, M), running.owner.runner(running.slot)], [true, M]);
  assertEquals([running.owner.cancelQueued(running.slot), running.owner.status(running.slot)], [
    false,
    G_RUNNING,
  ]);
});

Deno.test("only a task that runs is lost with its thread", () => {
  const { owner, runner, slot } = queued();
  assertEquals(owner.lose(slot), false);
  runner.startRunning(slot, M);
  assertEquals([owner.lose(slot), owner.status(slot), owner.hasEnded(slot)], [true, G_LOST, true]);
  const ended = queued();
  ended.runner.startRunning(ended.slot, M);
  ended.runner.end(ended.slot, M, G_DONE);
  assertEquals([ended.owner.lose(ended.slot), ended.owner.status(ended.slot)], [false, G_DONE]);
});

Deno.test("from its end until its owner has been mailed a task's runner says that it is telling of it", () => {
  const { owner, runner, slot } = queued();
  runner.startRunning(slot, M);
  assertEquals(owner.isBeingTold(slot), false);
  runner.end(slot, M, G_DONE);
  assertEquals(owner.isBeingTold(slot), true);
  runner.told(M);
  assertEquals([owner.isBeingTold(slot), owner.hasEnded(slot)], [false, true]);
});

Deno.test("a task for one thread is meant for that alone, cancelled or not, until it begins", () => {
  const { owner, runner, slot } = queued(M);
  assertEquals([owner.isMeantFor(slot, M), owner.isMeantFor(slot, 2)], [true, false]);
  owner.cancelQueued(slot);
  assertEquals(owner.isMeantFor(slot, M), true);
  runner.startRunning(slot, M);
  assertEquals(owner.isMeantFor(slot, M), false);
  const forAnybody = queued();
  assertEquals(forAnybody.owner.isMeantFor(forAnybody.slot, 0), false);
});

Deno.test("a task that was taken out of a queue is so until it is put back or begins, cancelled or not", () => {
  const { owner, runner, slot } = queued();
  assertEquals(owner.isTaken(slot, M), false);
  runner.take(slot, M);
  assertEquals([owner.isTaken(slot, M), owner.isTaken(slot, 2), owner.isMeantFor(slot, M)], [
    true,
    false,
    false,
  ]);
  owner.cancelQueued(slot);
  assertEquals(owner.isTaken(slot, M), true);
  runner.putBack(slot);
  assertEquals(owner.isTaken(slot, M), false);
  runner.take(slot, M);
  runner.startRunning(slot, M);
  assertEquals(owner.isTaken(slot, M), false);
});

Deno.test("a slot to whose runner a mail is under way is allocated again when that has been read", () => {
  const { arena, owner, runner } = setUp();
  const slots = Array.from({ length: MAX_TASKS }, () => owner.allocate());
  assertEquals([slots.toSorted(), owner.allocate()], [[0, 1, 2, 3], -1]);
  arena.i32[arena.g(2) + G_RUNNER_MAILED] = M;
  owner.free(2);
  assertEquals([owner.allocate(), owner.status(2), owner.isAtRest(2)], [-1, G_FREE, false]);
  owner.free(3);
  assertEquals([owner.allocate(), owner.allocate()], [3, -1]);
  runner.clearRunnerMail(2);
  assertEquals([owner.isAtRest(2), owner.allocate()], [true, 2]);
});

Deno.test("a dead runner's mail is taken off, and nobody else's", () => {
  const { arena, owner } = setUp();
  arena.i32[arena.g(1) + G_RUNNER_MAILED] = M;
  owner.loseRunnerMail(1, 2);
  assertEquals(owner.isAtRest(1), false);
  owner.loseRunnerMail(1, M);
  assertEquals(owner.isAtRest(1), true);
});

Deno.test("ids are an arena's own, whoever takes them, and a slot has one beyond 32 bits", () => {
  const { owner, runner } = setUp();
  const ids = new Set<number>();
  for (let i = 0; i < 1500; i++) ids.add(owner.newId()).add(runner.newId());
  assertEquals(ids.size, 3000);
  const id = 2 ** 40 + 2 ** 31 + 7;
  const slot = owner.allocate();
  owner.prepare(slot, id, 9);
  assertEquals([runner.id(slot), runner.definition(slot)], [id, 9]);
});

// Payloads

Deno.test("arguments that are short lie in the slot, longer ones in the heap, and arrive as they were", () => {
  const { arena, owner, runner, slot } = queued();
  const top = arena.i32[HEAP_TOP];
  assertEquals(owner.writeArguments(slot, [1, "two"]), undefined);
  assertEquals([runner.readPayload(slot), arena.i32[HEAP_TOP]], [[1, "two"], top]);
  const long = ["x".repeat(INLINE_BYTES)];
  assertEquals(owner.writeArguments(slot, long), undefined);
  assertNotEquals(arena.i32[HEAP_TOP], top);
  assertEquals(runner.readPayload(slot), long);
});

Deno.test("what cannot be bytes is the caller's to send", () => {
  const { runner, slot } = queued();
  const shared = new SharedArrayBuffer(8);
  const parcel = runner.writeResult(slot, { shared });
  assert(runner.isByPort(slot));
  assertStrictEquals((openParcel(parcel!) as { shared: unknown }).shared, shared);
  assertEquals([runner.writeResult(slot, 1), runner.isByPort(slot)], [undefined, false]);
});

Deno.test("a slot that is freed leaves no memory behind: of what was not read, and of why it was cancelled", () => {
  const { arena, owner } = setUp();
  const round = () => {
    const slot = owner.allocate();
    owner.prepare(slot, 1, 0);
    owner.writeArguments(slot, ["a".repeat(1000)]);
    owner.queue(slot);
    owner.requestCancel(slot, "b".repeat(1000));
    owner.free(slot);
  };
  round();
  const top = arena.i32[HEAP_TOP];
  for (let i = 0; i < 100; i++) round();
  assertEquals(arena.i32[HEAP_TOP], top);
});

// Reasons

Deno.test("a runner hears of the first reason, and of none before and after", () => {
  const { owner, runner, slot } = queued();
  assertEquals(runner.cancelRequest(slot), undefined);
  owner.requestCancel(slot, { why: "the first" });
  owner.requestCancel(slot, { why: "another" });
  assertEquals(runner.cancelRequest(slot), { reason: { why: "the first" } });
  owner.free(slot);
  assertEquals(runner.cancelRequest(slot), undefined);
});

Deno.test("a reason that cannot be copied arrives as none", () => {
  for (const reason of [() => {}, { port: new SharedArrayBuffer(8) }, "x".repeat(4 << 20)]) {
    const { owner, runner, slot } = queued();
    owner.requestCancel(slot, reason);
    assertEquals(runner.cancelRequest(slot), { reason: undefined });
  }
});

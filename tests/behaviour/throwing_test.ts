/** Whatever throws, and wherever: nothing is held or lost afterwards. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Channel, recv, Scheduler, select } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { returnsWhatThrows, waitsForThenable } from "../tasks/failing.ts";
import { nothing } from "../tasks/arithmetic.ts";
import { tryAll } from "../throwing/operations.ts";
import { makeThrowingVariant } from "../throwing/variant.ts";

const ignore = () => {};

Deno.test("near the end of the stack each operation of a task is done or throws, and holds and loses nothing", async () => {
  await tryAll("a task", 2, 0, ignore);
});

Deno.test("near the end of the stack each operation of the host is done or throws, and holds and loses nothing", async () => {
  await tryAll("the host", 2, 0, ignore);
});

Deno.test("wherever a call, a copy or the arena fails in the scheduler, all settles, and nothing is held or lost", async () => {
  const variant = await makeThrowingVariant();
  try {
    const args = ["run", "-A", "--no-check", "tests/throwing/faults_main.ts"];
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: variant })
      .output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assert(success, out.split("\n").slice(-5).join("\n") + err);
  } finally {
    await Deno.remove(variant, { recursive: true });
  }
});

/** One whose methods the user has changed. */
function throwingSignal(): AbortSignal {
  const { signal } = new AbortController();
  signal.addEventListener = () => {
    throw new TypeError("no listeners here");
  };
  return signal;
}

Deno.test("an operation whose signal takes no listener rejects, and does not wait", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const channel = new Channel<number>(sched);
  await assertRejects(() => channel.send(1, { signal: throwingSignal() }), TypeError, "no listeners here");
  assertEquals(channel.tryRecv(), undefined);
  await assertRejects(() => channel.recv({ signal: throwingSignal() }), TypeError, "no listeners here");
  assertEquals(channel.trySend(2), false);
  const signal = throwingSignal();
  const cases = [recv(channel), { kind: "onAbort", signal } as const];
  await assertRejects(() => select(cases), TypeError, "no listeners here");
  assertEquals(channel.trySend(3), false);
});

Deno.test("ctx.wait of what throws in its `then` rejects with that, and leaves nothing that a cancellation would end", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const words = new Int32Array(new SharedArrayBuffer(4));
  const task = sched.go(waitsForThenable(words.buffer));
  await until(() => Atomics.load(words, 0) === 1, "it has caught the error, and sleeps");
  const beside = sched.go(nothing());
  task.cancel();
  await assertRejects(() => task, DOMException);
  await soon(beside, "a neighbour");
  await soon(sched.go(nothing()), "one that comes later");
});

Deno.test("a task whose result throws, as it is copied, an error that does not fit the arena fails with that", async () => {
  await using sched = await Scheduler.start({ procs: 1 });
  const error = await soon(sched.go(returnsWhatThrows(2 ** 21)).catch((error) => error), "the task");
  assertEquals(error.message.length, 2 ** 21);
});

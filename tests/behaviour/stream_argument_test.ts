/** Streams among the arguments of tasks. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Scheduler, ThreadDiedError } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { counting, doubles, givesOn, leaves, reads, writes, writesAndDies } from "../tasks/given_streams.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

const left =
  "AbortError: The other end of the stream is gone: its task has ended, its thread has died, or nobody had it any more.";

/** What was written to it, and how it ended. */
function sink(fails = Infinity): { stream: WritableStream; seen: unknown[] } {
  const seen: unknown[] = [];
  const stream = new WritableStream({
    write(chunk) {
      if (seen.length === fails) throw new RangeError("full");
      seen.push(chunk);
    },
    close: () => void seen.push("closed"),
    abort: (why) => void seen.push(String(why)),
  });
  return { stream, seen };
}

Deno.test("a task reads a stream of the host to its end, and no faster than it wants", async () => {
  const stream = counting(100);
  const task = sched.go(reads(stream, Infinity));
  assertEquals(stream.locked, true);
  assertEquals(await soon(task, "the task"), Array.from({ length: 100 }, (_, i) => i));
  const bytes = new Response("x".repeat(300_000)).body!;
  const chunks = await soon(sched.go(reads(bytes, Infinity)), "bytes") as Uint8Array[];
  assertEquals(chunks.reduce((sum, chunk) => sum + chunk.length, 0), 300_000);
  let pulled = 0;
  const flag = new Flag();
  const slow = sched.go(leaves(counting(100, () => pulled++), "waits", flag.buffer));
  await until(() => flag.value === 1 && pulled === 3, "one is read, one waits, and one is in the hand");
  slow.cancel();
});

Deno.test("a source hears that the task has left it, has ended, was cancelled, or has died with its thread", async () => {
  const flag = new Flag();
  const heard: string[] = [];
  const source = () => {
    const cancelled = Promise.withResolvers<void>();
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(1),
      cancel(why) {
        heard.push(String(why));
        cancelled.resolve();
      },
    });
    return { stream, cancelled: cancelled.promise };
  };
  const [leftEarly, cancelled, died] = [source(), source(), source()];
  assertEquals(await soon(sched.go(reads(leftEarly.stream, 2)), "one that leaves"), [1, 1]);
  await soon(leftEarly.cancelled, "it is cancelled");
  const task = sched.go(leaves(cancelled.stream, "waits", flag.buffer));
  await until(() => flag.value === 1, "it reads");
  task.cancel();
  await soon(cancelled.cancelled, "it hears of the cancellation");
  await task.catch(() => {});
  await assertRejects(
    () => soon(sched.go(leaves(died.stream, "dies", flag.buffer)), "a death"),
    ThreadDiedError,
  );
  await soon(died.cancelled, "it hears of the death");
  assertEquals(heard.slice(1), [left, left]);
});

Deno.test("what a source fails with, and a chunk that cannot be copied, fail the task's stream", async () => {
  const failing = new ReadableStream({
    start(controller) {
      controller.enqueue(1);
    },
    pull: (controller) => controller.error(new RangeError("no more")),
  }, { highWaterMark: 0 });
  assertEquals(await soon(sched.go(reads(failing, Infinity)), "one that fails"), [1, "RangeError: no more"]);
  const odd = new ReadableStream({ pull: (controller) => controller.enqueue(() => {}) });
  const [refusal] = await soon(sched.go(reads(odd, Infinity)), "an odd one") as string[];
  assertEquals(refusal.startsWith("DataCloneError: value[1]: a function"), true);
});

Deno.test("a task writes to a stream of the host, closes it or aborts it, and hears what fails", async () => {
  const [closed, aborted, leftOpen, full] = [sink(), sink(), sink(), sink(2)];
  const list = [1, { two: 2 }, "three"];
  assertEquals(await soon(sched.go(writes({ to: closed.stream }, list, "closes")), "it closes"), "well");
  assertEquals(closed.seen, [...list, "closed"]);
  assertEquals(await soon(sched.go(writes({ to: aborted.stream }, list, "aborts")), "it aborts"), "well");
  await until(() => aborted.seen.length === 4, "the sink hears");
  assertEquals(aborted.seen.at(-1), "RangeError: no more");
  assertEquals(await soon(sched.go(writes({ to: leftOpen.stream }, list, "leaves")), "it leaves"), "well");
  await until(() => leftOpen.seen.length === 4, "the sink hears of the end");
  assertEquals(leftOpen.seen, [...list, left]);
  const all = Array.from({ length: 100 }, (_, i) => i);
  assertEquals(
    await soon(sched.go(writes({ to: full.stream }, all, "closes")), "a full one"),
    "RangeError: full",
  );
  const died = sink();
  await assertRejects(() => soon(sched.go(writesAndDies(died.stream)), "a death"), ThreadDiedError);
  await until(() => died.seen.at(-1) === left, "the sink hears of the death");
});

Deno.test("both ends go through one task, also those of a TransformStream", async () => {
  const { stream, seen } = sink();
  await soon(sched.go(doubles({ readable: counting(3), writable: stream })), "the task");
  assertEquals(seen, [0, 2, 4, "closed"]);
  const transform = new TransformStream<number, number>();
  const writer = transform.writable.getWriter();
  writer.releaseLock();
  const task = sched.go(doubles(transform as ReadableWritablePair<number, number>));
  assertEquals([transform.readable.locked, transform.writable.locked], [true, true]);
  task.cancel();
  await task.catch(() => {});
});

Deno.test("a child has a stream of its parent, elsewhere and here", async () => {
  const all = Array.from({ length: 20 }, (_, i) => i);
  assertEquals(await soon(sched.go(givesOn(20)), "the parent"), [all, all]);
});

Deno.test("a stream in use is refused, and is not given up if another argument is", () => {
  const locked = counting(1);
  locked.getReader();
  assertThrows(() => sched.go(reads(locked, 1)), DOMException, "args[0]: a ReadableStream that has a reader");
  const free = counting(1);
  assertThrows(() => sched.go(reads(free, (() => {}) as never)), DOMException, "args[1]: a function");
  assertEquals(free.locked, false);
});

/** Streams in results, in what tasks yield, and in what is sent through channels; and ports. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Channel, Scheduler } from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import {
  asksChild,
  counting,
  givesBack,
  givesSink,
  givesStream,
  sendsStream,
  takesStream,
  yieldsStreams,
} from "../tasks/given_streams.ts";

const sched = await Scheduler.start({ procs: 2 });
Deno.test.afterAll(() => sched.close());

const gone = "AbortError: The other end of the stream is gone";

async function read(stream: ReadableStream): Promise<unknown[]> {
  const seen: unknown[] = [];
  try {
    for await (const chunk of stream) seen.push(chunk);
  } catch (error) {
    seen.push(String(error).slice(0, gone.length));
  }
  return seen;
}

/** One of a task, by its result or through a channel. */
const ways: Record<
  string,
  (how: "ends" | "fails" | "dies" | "stalls", heard: Channel<string>) => Promise<ReadableStream>
> = {
  result: (how, heard) => sched.go(givesStream(how, heard)),
  channel: async (how, heard) => {
    const to = new Channel<{ stream: ReadableStream }>(sched, 1);
    const task = sched.go(sendsStream(to, how, heard));
    const { stream } = await to.recv();
    await task.catch(() => {});
    return stream;
  },
};

for (const [name, get] of Object.entries(ways)) {
  Deno.test(`a stream comes by ${name}, ends when its task is long over, fails, or dies with its thread`, async () => {
    const heard = new Channel<string>(sched, 1);
    const seen = async (how: "ends" | "fails" | "dies") =>
      await soon(read(await soon(get(how, heard), "the stream")), how);
    assertEquals(await seen("ends"), [0, 1, 2]);
    assertEquals(await seen("fails"), [0, 1, 2, "RangeError: no more"]);
    assertEquals(await seen("dies"), [0, 1, 2, gone]);
  });

  Deno.test(`the source of a stream that came by ${name} hears of the reason when that is cancelled`, async () => {
    const heard = new Channel<string>(sched, 1);
    const stream = await soon(get("stalls", heard), "the stream");
    const reader = stream.getReader();
    for (let i = 0; i < 3; i++) assertEquals(await soon(reader.read(), "a chunk"), { value: i, done: false });
    // While a chunk is waited for that does not come.
    const never = reader.read();
    await soon(reader.cancel(new RangeError("enough")), "the end");
    assertEquals(await soon(heard.recv(), "the reason"), "RangeError: enough");
    assertEquals((await soon(never, "the read")).done, true);
  });
}

Deno.test("a sink comes by a result, is written, closed and aborted here, and its thread's death is told", async () => {
  const told = new Channel<unknown>(sched, 8);
  const closed = (await soon(sched.go(givesSink(told)), "a sink")).getWriter();
  await soon(closed.write({ a: 1 }), "a chunk");
  await soon(closed.close(), "the end");
  const aborted = await soon(sched.go(givesSink(told)), "a sink");
  await soon(aborted.abort(new RangeError("enough")), "an abort");
  const seen = [await soon(told.recv(), "1"), await soon(told.recv(), "2"), await soon(told.recv(), "3")];
  assertEquals(seen, [{ a: 1 }, "closed", "RangeError: enough"]);
  const dying = (await soon(sched.go(givesSink(told)), "a sink")).getWriter();
  dying.closed.catch(() => {});
  const error = await soon(dying.write("die").then(() => dying.close()).catch(String), "a death") as string;
  assertEquals(error.slice(0, gone.length), gone);
});

Deno.test("streams are yielded, and a child's is the very one on its parent's thread", async () => {
  const seen = [];
  for await (const stream of sched.go(yieldsStreams(4))) seen.push(await soon(read(stream), "a stream"));
  assertEquals(seen, [[], [0], [0, 1], [0, 1, 2]]);
  assertEquals(await soon(sched.go(asksChild()), "the parent"), [0, 1, 2]);
});

Deno.test("the host's stream goes through a channel; who takes it reads it, or dies with it", async () => {
  const channel = new Channel<ReadableStream>(sched, 1);
  await channel.send(counting(3));
  assertEquals(await soon(sched.go(takesStream(channel, "reads")), "a reader"), [0, 1, 2]);
  let heard = "";
  await channel.send(
    new ReadableStream({ pull: (to) => to.enqueue(1), cancel: (why) => void (heard = String(why)) }),
  );
  await assertRejects(() => soon(sched.go(takesStream(channel, "dies")), "a death"));
  await until(() => heard.startsWith(gone), "the source hears of the death");
});

Deno.test("a stream that nobody receives any more is cancelled", async () => {
  let heard = "";
  const channel = new Channel<unknown>(sched, 1);
  const taken = sched.go(takesStream(channel as Channel<ReadableStream>, "drops"));
  await channel.send(counting(0));
  await soon(taken, "the channel is shared now");
  await channel.send(0);
  const stream = new ReadableStream({ cancel: (why) => void (heard = String(why)) });
  const controller = new AbortController();
  const send = channel.send({ stream }, { signal: controller.signal });
  assertEquals(stream.locked, true);
  controller.abort(new RangeError("never mind"));
  await assertRejects(() => soon(send, "the send"), RangeError, "never mind");
  await until(() => heard.startsWith(gone), "the source hears");
});

Deno.test("a stream in use is refused where it is sent, and a value that is refused gives none up", () => {
  const channel = new Channel<unknown>(sched, 4);
  sched.go(takesStream(channel as Channel<ReadableStream>, "drops"));
  const locked = counting(1);
  locked.getReader();
  assertThrows(() => channel.trySend(locked), DOMException, "a ReadableStream that has a reader");
  const free = counting(1);
  assertThrows(() => channel.trySend([free, () => {}]), DOMException, "value[1]: a function");
  assertEquals(free.locked, false);
  channel.trySend(counting(0));
});

Deno.test("a port is a result; a channel refuses it, and says what would do", async () => {
  const { port1, port2 } = new MessageChannel();
  const { port } = await soon(sched.go(givesBack({ port: port1 })), "a port");
  const answer = new Promise((resolve) => port.onmessage = ({ data }) => resolve(data));
  port2.postMessage(1);
  assertEquals(await soon(answer, "a message"), 1);
  const channel = new Channel<unknown>(sched, 1);
  assertThrows(() => channel.trySend(port), DOMException, "pass it as a task's argument or result");
  port.close();
  port2.close();
});

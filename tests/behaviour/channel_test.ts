import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Channel,
  ChannelClosedError,
  Mutex,
  type ReceiveChannel,
  recv,
  Scheduler,
  SchedulerClosedError,
  select,
  send,
  type SendChannel,
  ThreadDiedError,
} from "@heddle/heddle";
import { soon, until } from "../support/deadline.ts";
import { Flag } from "../support/flag.ts";
import { runProgram } from "../support/programs.ts";
import {
  doubles,
  fanIn,
  fillsAndCloses,
  goesOn,
  hearsFromOutside,
  knows,
  parks,
  passesOn,
  pingPongAtHome,
  primes,
  receives,
  receivesAndDies,
  receivesInOrder,
  receivesWithSignal,
  sends,
  sendsBack,
  sendsChannel,
  sendsNumbers,
  starvesNobody,
  unlikeValues,
} from "../tasks/channels.ts";

const sched = await Scheduler.start({ procs: 3 });
Deno.test.afterAll(() => sched.close());

/** As the host makes it, and as it is once a task knows it. */
async function lives(capacity: number): Promise<[string, Channel<number>][]> {
  const shared = new Channel<number>(sched, capacity);
  await soon(sched.go(knows(shared)), "a task knows the channel");
  return [["local", new Channel<number>(sched, capacity)], ["shared", shared]];
}

Deno.test("a channel is first in, first out, and takes as many values as its capacity", async () => {
  for (const [life, channel] of await lives(3)) {
    assertEquals([channel.capacity, channel.length, channel.closed], [3, 0, false], life);
    for (let round = 0; round < 5; round++) {
      for (const n of [1, 2, 3]) assert(channel.trySend(n), life);
      assert(!channel.trySend(4), life);
      assertEquals(channel.length, 3);
      assertEquals(await channel.recv(), 1);
      assert(channel.trySend(4));
      assertEquals([await channel.recv(), await channel.recv(), await channel.recv()], [2, 3, 4], life);
      assertEquals(channel.tryRecv(), undefined, life);
    }
  }
});

Deno.test("an unbuffered send ends when its value is received, and not before", async () => {
  for (const [life, channel] of await lives(0)) {
    let sent = false;
    const sending = channel.send(7).then(() => sent = true);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    assert(!sent, life);
    assertEquals(channel.length, 0);
    assertEquals(await channel.recv(), 7, life);
    await sending;
    assert(!channel.trySend(8), life);
    const receiving = channel.recv();
    assert(channel.trySend(9), life);
    assertEquals(await receiving, 9);
  }
});

Deno.test("parked senders and receivers are served in their order", async () => {
  for (const [life, channel] of await lives(1)) {
    const receiving = [channel.recv(), channel.recv(), channel.recv()];
    for (const n of [1, 2, 3]) assert(channel.trySend(n));
    assertEquals(await Promise.all(receiving), [1, 2, 3], life);
    const order: number[] = [];
    const sending = [10, 20, 30, 40].map((n) => channel.send(n).then(() => order.push(n)));
    assertEquals([await channel.recv(), await channel.recv()], [10, 20], life);
    assertEquals([await channel.recv(), await channel.recv()], [30, 40], life);
    await Promise.all(sending);
    assertEquals(order, [10, 20, 30, 40], life);
  }
});

Deno.test("operations with and without a signal, of selects and of loops are served in one order", async () => {
  const { signal } = new AbortController();
  for (const [life, channel] of await lives(0)) {
    const receiving: Promise<unknown>[] = [
      channel.recv(),
      channel.recv({ signal }),
      select([recv(channel)]).then(({ value }) => value),
      channel.recv(),
      channel[Symbol.asyncIterator]().next().then(({ value }) => value),
    ];
    for (const n of [1, 2, 3, 4, 5]) assert(channel.trySend(n), life);
    assertEquals(await Promise.all(receiving), [1, 2, 3, 4, 5], life);
    const sending: Promise<unknown>[] = [
      channel.send(1),
      channel.send(2, { signal }),
      select([send(channel, 3)]),
      channel.send(4),
    ];
    const { value: first } = channel.tryRecv()!;
    assertEquals([first, await channel.recv()], [1, 2], life);
    assertEquals((await select([recv(channel)])).value, 3, life);
    assertEquals(await channel.recv(), 4, life);
    await Promise.all(sending);
    const alone = channel.recv();
    assertEquals(await select([recv(channel), send(channel, 6)]), { index: 1 }, life);
    assertEquals([await alone, channel.tryRecv()], [6, undefined], life);
  }
});

Deno.test("a parked sender's value comes after all that were buffered before it, wherever the ring begins", async () => {
  for (const [life, channel] of await lives(3)) {
    for (const n of [0, 1, 2]) await channel.send(n);
    assertEquals(await channel.recv(), 0);
    await channel.send(3);
    const parked = [4, 5].map((n) => channel.send(n));
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push(await channel.recv());
    assertEquals(seen, [1, 2, 3, 4, 5], life);
    await Promise.all(parked);
  }
});

Deno.test("a closed channel gives what is in it, then ends receivers; senders and a second close are refused", async () => {
  for (const [life, channel] of await lives(2)) {
    await channel.send(1);
    await channel.send(2);
    const parked = channel.send(3);
    channel.close();
    await assertRejects(() => parked, ChannelClosedError, "channel");
    assertEquals(channel.closed, true, life);
    await assertRejects(() => channel.send(4), ChannelClosedError);
    assertThrows(() => channel.trySend(4), ChannelClosedError);
    assertThrows(() => channel.close(), ChannelClosedError);
    assertEquals(await channel.recv(), 1, life);
    assertEquals(channel.tryRecv(), { value: 2, done: false });
    assertEquals(channel.tryRecv(), { value: undefined, done: true });
    await assertRejects(() => channel.recv(), ChannelClosedError);
    for await (const n of channel) throw new Error(`${n} came out of an empty channel`);
  }
});

Deno.test("recvOrDone gives each value, and then that there is none to come, whether it had to wait or not", async () => {
  for (const [life, channel] of await lives(1)) {
    await channel.send(1);
    assertEquals(await channel.recvOrDone(), { value: 1, done: false }, life);
    const waiting = [channel.recvOrDone(), channel.recvOrDone()];
    await channel.send(2);
    assertEquals(await waiting[0], { value: 2, done: false }, life);
    channel.close();
    assertEquals(await waiting[1], { value: undefined, done: true }, life);
    assertEquals(await channel.recvOrDone(), { value: undefined, done: true }, life);
    const { signal } = new AbortController();
    assertEquals(await channel.recvOrDone({ signal }), { value: undefined, done: true }, life);
  }
  for (const [life, channel] of await lives(0)) {
    const controller = new AbortController();
    const waiting = channel.recvOrDone({ signal: controller.signal });
    controller.abort("enough");
    assertEquals(await waiting.catch((reason) => reason), "enough", life);
    assert(!channel.trySend(1), life);
  }
});

Deno.test("a channel is an end of a wider or narrower type, as what goes through it allows", async () => {
  interface Animal {
    readonly name: string;
  }
  interface Dog extends Animal {
    readonly bark: string;
  }
  const [dogs, animals] = [new Channel<Dog>(sched, 1), new Channel<Animal>(sched, 1)];
  const from: ReceiveChannel<Animal> = dogs;
  const to: SendChannel<Dog> = animals;
  // @ts-expect-error: what comes out may be any animal.
  const _noDogs: ReceiveChannel<Dog> = animals;
  // @ts-expect-error: who receives from it expects dogs.
  const _anyAnimal: SendChannel<Animal> = dogs;
  // @ts-expect-error: an end to receive from has nothing to send with.
  assertEquals(typeof from.send, "function");
  const rex: Dog = { name: "Rex", bark: "woof" };
  // As arguments of tasks and in selects they are what the channel is.
  const task = sched.go(passesOn(from, to, 2));
  assertEquals(await select([send(dogs as SendChannel<Dog>, rex)]), { index: 0 });
  assertEquals((await select([recv(animals as ReceiveChannel<Animal>)])).value, rex);
  await dogs.send(rex);
  assertEquals(await soon(animals.recvOrDone(), "another one"), { value: rex, done: false });
  await soon(task, "the task");
});

Deno.test("close ends every receiver that waits", async () => {
  for (const [life, channel] of await lives(0)) {
    const waiting = [channel.recv(), channel.recv()].map((wait) =>
      assertRejects(() => wait, ChannelClosedError)
    );
    const iterating = (async () => {
      for await (const n of channel) throw new Error(`${n} came out of an empty channel`);
      return "ended";
    })();
    channel.close();
    await Promise.all(waiting);
    assertEquals(await iterating, "ended", life);
  }
});

Deno.test("an abort takes a waiting operation back, and nobody gets its value", async () => {
  for (const [life, channel] of await lives(0)) {
    const reason = new RangeError("enough");
    for (const operation of ["send", "recv"] as const) {
      const controller = new AbortController();
      const { signal } = controller;
      const parked = operation === "send" ? channel.send(1, { signal }) : channel.recv({ signal });
      controller.abort(reason);
      assertStrictEquals(await assertRejects(async () => await parked), reason, life);
      const late = operation === "send" ? channel.send(1, { signal }) : channel.recv({ signal });
      assertStrictEquals(await assertRejects(async () => await late), reason, life);
    }
    assertEquals(channel.tryRecv(), undefined, life);
    const receiving = channel.recv();
    assert(channel.trySend(5));
    assertEquals(await receiving, 5, life);
  }
});

Deno.test("values of all kinds go through a channel as copies", async () => {
  for (const [life, channel] of await lives(20) as unknown as [string, Channel<unknown>][]) {
    const values = unlikeValues();
    for (const value of values) await channel.send(value);
    for (const value of values) {
      const copy = await channel.recv();
      assertEquals(copy, value, life);
      if (typeof value === "object" && value !== null) assert(copy !== value, life);
    }
    await assertRejects(() => channel.send(() => 1), DOMException, "cannot be cloned");
    await assertRejects(
      () => channel.send(new SharedArrayBuffer(8)),
      DOMException,
      "does not go through a channel",
    );
    assertEquals(channel.length, 0, life);
  }
});

Deno.test("values of all kinds come back from a task unchanged", async () => {
  const [to, from] = [new Channel<unknown>(sched, 2), new Channel<unknown>(sched)];
  const echo = sched.go(sendsBack(to, from));
  for (const value of unlikeValues()) {
    await soon(to.send(value), "the value is sent");
    assertEquals(await soon(from.recv(), "the value comes back"), value);
  }
  to.close();
  await soon(echo, "the echo ends");
});

Deno.test("the host and a task talk through two channels", async () => {
  const [numbers, doubled] = [new Channel<number>(sched), new Channel<number>(sched, 4)];
  const task = sched.go(doubles(numbers, doubled));
  for (let i = 0; i < 1000; i++) {
    await soon(numbers.send(i), "a number is taken");
    assertEquals(await soon(doubled.recv(), "its double arrives"), 2 * i);
  }
  numbers.close();
  await soon(task, "the task ends");
  assert(doubled.closed);
});

Deno.test("a channel goes through a channel, with what is in it, and is the same object when it comes back", async () => {
  const channel = new Channel<{ reply: Channel<string> }>(sched);
  const task = sched.go(sendsChannel(channel));
  const { reply } = await soon(channel.recv(), "a channel arrives");
  await reply.send("sent by the host");
  assertEquals(await soon(task, "the task"), "in it before it moved, sent by the host");

  const [to, from] = [new Channel<unknown>(sched, 1), new Channel<unknown>(sched)];
  const echo = sched.go(sendsBack(to, from));
  await to.send({ inside: [to] });
  assertStrictEquals((await soon(from.recv(), "it comes back") as { inside: unknown[] }).inside[0], to);
  to.close();
  await echo;
});

Deno.test("parked operations move with their channel when it is passed on", async () => {
  const channel = new Channel<number>(sched);
  const sending = [1, 2, 3].map((n) => channel.send(n));
  const sum = sched.go(receivesInOrder(channel, 1, 100));
  await soon(Promise.all(sending), "three values are taken");
  channel.close();
  assertEquals(await soon(sum, "the sum"), [3, 6]);

  const other = new Channel<number>(sched);
  const receiving = [other.recv(), other.recv()];
  await soon(sched.go(sendsNumbers(other, 5, 2)), "two values are sent");
  assertEquals(await Promise.all(receiving), [5, 6]);
});

Deno.test("what waits for its turn to be sent arrives, also if operations are parked on what it brings along", async () => {
  const outer = new Channel<unknown>(sched);
  await sched.go(knows(outer));
  for (const waiting of [1, 300]) {
    const [inner, mutex] = [new Channel<number>(sched), new Mutex(sched)];
    const received = Array.from({ length: waiting }, () => inner.recv());
    const held = await mutex.lock();
    const locked = mutex.lock();
    const sending = outer.send([inner, mutex]);
    assertStrictEquals((await soon(outer.recv(), "it arrives") as unknown[])[0], inner);
    await soon(sending, "the send ends");
    for (let i = 0; i < waiting; i++) assert(inner.trySend(i));
    assertEquals(await soon(Promise.all(received), "the values"), Array.from(received.keys()));
    held[Symbol.dispose]();
    (await soon(locked, "the mutex"))[Symbol.dispose]();
  }
});

Deno.test("a channel that a getter of the value passes on takes the value", async () => {
  const known: Promise<unknown>[] = [];
  const passesOn = (channel: Channel<unknown>) => ({
    get n() {
      known.push(sched.go(knows(channel)));
      return 5;
    },
  });
  for (const send of ["send", "trySend"] as const) {
    const channel = new Channel<unknown>(sched, 1);
    await channel[send](passesOn(channel));
    assertEquals([channel.length, channel.tryRecv()?.value], [1, { n: 5 }], send);
  }
  const channel = new Channel<unknown>(sched);
  const sending = channel.send(passesOn(channel));
  assertEquals(await soon(channel.recv(), "the value"), { n: 5 });
  await soon(sending, "the send");
  await Promise.all(known);
});

Deno.test("many senders and receivers on three threads: each value arrives once, in order for each sender", async () => {
  // `HEDDLE_VALUES=10000000` takes some seconds.
  const values = Number(Deno.env.get("HEDDLE_VALUES") ?? 1_000_000);
  const [channels, senders] = [8, 16];
  const count = Math.ceil(values / senders);
  const all = Array.from({ length: channels }, (_, i) => new Channel<number>(sched, [0, 1, 7, 64][i % 4]));
  const sums = all.map((channel) => sched.go(receivesInOrder(channel, senders, count)));
  const sending = Array.from({ length: senders }, (_, i) => {
    return sched.go(sendsNumbers(all[i % channels], i * count, count));
  });
  await soon(Promise.all(sending), "all is sent", 120_000);
  for (const channel of all) channel.close();
  const [counts, total] = (await soon(Promise.all(sums), "all is received"))
    .reduce(([n, sum], [count, part]) => [n + count, sum + part]);
  assertEquals([counts, total], [senders * count, senders * count * (senders * count - 1) / 2]);
});

Deno.test("a fan-in of 1000 senders into one channel loses nothing", async () => {
  assertEquals(await soon(sched.go(fanIn(1000, 20)), "the fan-in", 60_000), 1000 * 20);
});

Deno.test("a task that is parked hears of what another one does in the event loop, without a P", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  assertEquals(await soon(own.go(hearsFromOutside(10)), "ten rounds"), [45, 45]);
});

Deno.test("a thread does not sleep while a task that has a child goes on, and does not wait for it", async () => {
  const took = await soon(sched.go(goesOn(21)), "21 rounds");
  // It slept for 20 ms then, each time. On a busy machine some take long: the best ones tell.
  const fast = took.toSorted((a, b) => a - b)[3];
  assert(fast < 5, `a hundred microtasks took ${fast} ms`);
});

Deno.test("two receivers share what a task sends, and each value goes to one", async () => {
  const channel = new Channel<[number, number]>(sched, 4);
  const seen: number[] = [];
  const host = (async () => {
    for await (const [, n] of channel) seen.push(n);
  })();
  await soon(
    Promise.all([sched.go(sends(channel, 0, 500)), sched.go(sends(channel, 1, 500))]),
    "all is sent",
  );
  channel.close();
  await host;
  assertEquals(seen.toSorted((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i >> 1));
});

Deno.test("a prime sieve of a hundred tasks finds the primes", async () => {
  assertEquals((await soon(sched.go(primes(100)), "the sieve")).at(-1), 541);
});

Deno.test("tasks that only pass a ball to each other keep no other task, timer or mail out", async () => {
  await using one = await Scheduler.start({ procs: 1 });
  const stop = new Flag();
  const playing = one.go(starvesNobody(stop.buffer));
  await until(() => stop.value === 1, "they play");
  assertEquals(await soon(one.go(pingPongAtHome(10)), "another task runs beside"), 10);
  stop.value = 2;
  const [rounds, timers] = await soon(playing, "they end");
  assert(rounds > 0 && timers > 0);
});

Deno.test("the host's event loop turns while it receives from a channel that is never empty", async () => {
  const channel = new Channel<number>(sched, 1000);
  const filling = sched.go(fillsAndCloses(channel, 200_000));
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  let count = 0;
  for await (const _ of channel) count++;
  clearInterval(timer);
  await filling;
  assertEquals(count, 200_000);
  assert(turns > 0);
});

Deno.test("the host's event loop turns while its code sends to itself", async () => {
  const channel = new Channel<number>(sched, 1);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for (let i = 0; i < 200_000; i++) {
    await channel.send(i);
    await channel.recv();
  }
  clearInterval(timer);
  assert(turns > 0);
});

Deno.test("a cancelled task's receive ends if it was given the task's signal", async () => {
  const channel = new Channel<unknown>(sched);
  const [arrived, left] = [new Flag(), new Flag()];
  const task = sched.go(receivesWithSignal(channel, arrived.buffer, left.buffer));
  await until(() => arrived.value === 1, "it waits");
  task.cancel(new Error("not needed"));
  await assertRejects(async () => await task, Error, "not needed");
  await until(() => left.value === 1, "its receive has ended");
  assert(!channel.trySend(1));
});

Deno.test("a thread's death takes its parked operations with it, and nobody else's", async () => {
  await using own = await Scheduler.start({ procs: 1 });
  const [channel, done] = [new Channel<unknown>(own), new Channel<unknown>(own)];
  const arrived = new Flag();
  const dying = own.dedicate(receivesAndDies(channel, done, arrived.buffer));
  await until(() => arrived.value === 2, "it waits twice");
  const surviving = own.go(receives(channel, arrived.buffer));
  await until(() => arrived.value === 3, "another one waits");
  await done.send("now");
  await assertRejects(async () => await soon(dying, "the thread dies"), ThreadDiedError);
  await soon(channel.send("for the living"), "somebody receives");
  assertEquals(await soon(surviving, "the other one"), "for the living");
});

Deno.test("close() of the scheduler ends what waits on the host, and what is tried later", async () => {
  const own = await Scheduler.start({ procs: 1 });
  const channel = new Channel<number>(own);
  const [receiving, sending] = [channel.recv(), new Channel<number>(own).send(1)];
  const checked = Promise.all([
    assertRejects(() => receiving, SchedulerClosedError),
    assertRejects(() => sending, SchedulerClosedError),
  ]);
  await own.close();
  await checked;
});

Deno.test("close() ends what waits in each of many channels and mutexes that only the host knows", async () => {
  const own = await Scheduler.start({ procs: 1 });
  const waiting = Array.from({ length: 500 }, (_, i) => {
    if (i < 250) return new Channel<number>(own).recv();
    const mutex = new Mutex(own);
    mutex.tryLock();
    return mutex.lock();
  });
  const checked = waiting.map((each) => assertRejects(() => each, SchedulerClosedError));
  await own.close();
  await soon(Promise.all(checked), "all are told");
});

Deno.test("what nobody awaits any more when the scheduler closes is no unhandled rejection", async () => {
  const { code, stdout, stderr } = await runProgram("closes_although_the_host_waits");
  assertEquals([code, stdout, stderr], [0, "closed\n", ""]);
});

Deno.test("a channel that every side has dropped frees its block", async () => {
  const { code, stdout, stderr } = await runProgram("frees_channels_that_nobody_knows", {
    flags: ["-A", "--v8-flags=--expose-gc"],
  });
  assertEquals([code, stdout], [0, "freed, but for 0\n"], stderr);
});

Deno.test("bad arguments are refused at once", async () => {
  const channels = (home: unknown, capacity: unknown) => () => new Channel(home as never, capacity as never);
  for (const capacity of [-1, 1.5, NaN, 1e6, "2"]) {
    assertThrows(channels(sched, capacity), RangeError, String(capacity));
  }
  for (const home of [undefined, null, {}, 5]) {
    assertThrows(channels(home, 1), TypeError, "give the Scheduler");
  }
  for (const [life, channel] of await lives(0)) {
    const signal = new AbortController() as never;
    await assertRejects(() => channel.recv({ signal }), TypeError, "give an AbortSignal");
    await assertRejects(() => channel.send(1, { signal }), TypeError, "give an AbortSignal");
    // Nobody is left there who would take a value.
    assertEquals([channel.trySend(1), channel.tryRecv()], [false, undefined], life);
  }
  await using other = await Scheduler.start({ procs: 1 });
  const stranger = new Channel<unknown>(other, 1);
  assertThrows(() => sched.go(receives(stranger)), DOMException, "belongs to another scheduler");
});

Deno.test("a hundred thousand tasks that are parked on one channel all hear of its end", async () => {
  // It measures the heap of one thread, so they are to stay there.
  await using own = await Scheduler.start({ procs: 1, preempt: false });
  const [woken, bytes] = await soon(own.go(parks(100_000)), "all are woken", 60_000);
  assertEquals(woken, 100_000);
  console.log(`${Math.round(bytes / 1e6)} MB of JavaScript heap`);
  // Measured: 143 to 160 MB.
  assert(bytes < 200e6, `${bytes} bytes`);
});

Deno.test("close() rejects the host's operations, those that have just ended on a thread and those to come", async () => {
  for (let i = 0; i < 3; i++) {
    const own = await Scheduler.start({ procs: 1 });
    const channel = new Channel<number>(own);
    await soon(own.go(knows(channel)), "a task knows the channel");
    const open: Promise<unknown>[] = [
      channel.recv(),
      select([recv(channel)]),
      new Channel<number>(own).recv(),
    ];
    const sending = own.go(sendsNumbers(channel, 0, 2));
    // Without a turn of its event loop the host does not hear of it.
    for (const end = performance.now() + 20 * i; performance.now() < end;);
    const closed = own.close();
    await assertRejects(() => soon(sending, "the task"), SchedulerClosedError);
    for (const each of open) await assertRejects(() => soon(each, "an operation"), SchedulerClosedError);
    await soon(closed, "close()");
    await assertRejects(() => soon(channel.recv(), "a late operation"), SchedulerClosedError);
    await assertRejects(() => soon(select([recv(channel)]), "a late select"), SchedulerClosedError);
  }
});

import { isolateOf } from "../../scheduler/sync/isolate.ts";
import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import {
  after,
  Channel,
  ChannelClosedError,
  onAbort,
  recv,
  Scheduler,
  SchedulerClosedError,
  select,
  send,
  ThreadDiedError,
} from "@heddle/heddle";

import { soon, until } from "../support/deadline.ts";
import { knows, sendsNumbers } from "../tasks/channels.ts";
import { waitsForNothing } from "../tasks/deadlocks.ts";
import {
  choosesOfTwo,
  choosesOfTwoAtHome,
  diesInSelect,
  looksUntilAChildSends,
  receivesFromAny,
  sendsToAny,
  trades,
  tradesAtHome,
} from "../tasks/selecting.ts";
import { sleepsForLong, sleepTimed } from "../tasks/waiting.ts";

const sched = await Scheduler.start({ procs: 3 });
Deno.test.afterAll(() => sched.close());

/** Two channels: both of the host alone, both shared, and one of each. */
async function pairs(capacity: number): Promise<[string, Channel<number>, Channel<number>][]> {
  const make = (isShared: boolean) => {
    const channel = new Channel<number>(sched, capacity);
    return isShared ? sched.go(knows(channel)).then(() => channel) : channel;
  };
  return [
    ["local", await make(false), await make(false)],
    ["shared", await make(true), await make(true)],
    ["mixed", await make(false), await make(true)],
  ];
}

Deno.test("select does the one thing that is possible, and nothing else", async () => {
  for (const [lives, a, b] of await pairs(1)) {
    await b.send(5);
    assertEquals(await select([recv(a), recv(b)]), { index: 1, value: 5, done: false }, lives);
    assertEquals(await select([send(a, 1), recv(b)]), { index: 0 }, lives);
    assertEquals(await select([send(a, 2), send(b, 3)]), { index: 1 }, lives);
    assertEquals([a.tryRecv(), b.tryRecv()].map((got) => got?.value), [1, 3], lives);
    assertEquals([a.tryRecv(), b.tryRecv()], [undefined, undefined], lives);
  }
});

Deno.test("with default, select does not wait", async () => {
  for (const [lives, a, b] of await pairs(0)) {
    assertEquals(await select([recv(a), send(b, 1)], { default: true }), { index: -1 }, lives);
    assertEquals(await select([], { default: true }), { index: -1 });
    const receiving = b.recv();
    assertEquals(await select([recv(a), send(b, 1)], { default: true }), { index: 1 }, lives);
    assertEquals(await receiving, 1);
  }
});

Deno.test("a case that is false, null or undefined is never ready, and is counted", async () => {
  for (const [lives, a, b] of await pairs(1)) {
    await b.send(5);
    assertEquals(await select([false, null, recv(a), undefined, recv(b)]), {
      index: 4,
      value: 5,
      done: false,
    });
    assertEquals(await select([null, send(a, 1)]), { index: 1 }, lives);
    assertEquals(await select([false, recv(b), null], { default: true }), { index: -1 }, lives);
    const waiting = select([false, recv(b), undefined, after(60_000)]);
    await b.send(6);
    assertEquals(await waiting, { index: 1, value: 6, done: false }, lives);
  }
  assertEquals(await select([null, after(0)]), { index: 1 });
  assertEquals(await select([undefined, onAbort(AbortSignal.abort("over"))]), { index: 1, value: "over" });
});

Deno.test("a select without a case that can be ready waits, and with default it returns at once", async () => {
  for (const cases of [[], [false, null, undefined] as const]) {
    assertEquals(await select(cases, { default: true }), { index: -1 });
    const waiting = select(cases).then(() => "ended");
    assertEquals(await Promise.race([waiting, select([after(10)])]), { index: 0 });
  }
  // Deadlocks are not looked for here, so close() has to end it.
  const own = await Scheduler.start({ procs: 1, detectDeadlocks: false });
  const task = own.go(waitsForNothing());
  await until(() => task.state === "running", "it waits");
  await own.close();
  await assertRejects(async () => await task, SchedulerClosedError);
});

Deno.test("a select that waits is ended by whichever happens first, and leaves the other queues", async () => {
  for (const [lives, a, b] of await pairs(0)) {
    for (const [channel, index] of [[a, 0], [b, 1]] as const) {
      const selecting = select([recv(a), recv(b)]);
      await channel.send(8);
      assertEquals(await selecting, { index, value: 8, done: false }, lives);
      assert(!a.trySend(1) && !b.trySend(1), lives);

      const offering = select([send(a, 10), send(b, 11)]);
      assertEquals(await channel.recv(), 10 + index, lives);
      assertEquals(await offering, { index }, lives);
      assertEquals([a.tryRecv(), b.tryRecv()], [undefined, undefined], lives);
    }
  }
});

Deno.test("many selects that a channel has lost leave nothing in its queue", async () => {
  const parked = () => [...isolateOf(sched, "a test").waiting()].length;
  const before = parked();
  for (const [lives, a, b] of await pairs(0)) {
    for (let i = 0; i < 100; i++) {
      const selecting = select([recv(a), send(a, 1), recv(b)]);
      assert(b.trySend(i), lives);
      assertEquals(await selecting, { index: 2, value: i, done: false });
    }
    assertEquals(parked(), before, lives);
    const receiving = [a.recv(), a.recv()];
    assert(a.trySend(1) && a.trySend(2) && !a.trySend(3), lives);
    assertEquals(await Promise.all(receiving), [1, 2], lives);
  }
});

Deno.test("one channel may be in a select twice, to send and to receive, and it does not talk to itself", async () => {
  for (const [lives, a] of await pairs(0)) {
    const selecting = select([send(a, 1), recv(a), send(a, 2)]);
    assertEquals(
      await select([recv(a), after(5)]).then(({ value }) => [1, 2].includes(value as number)),
      true,
      lives,
    );
    assert([0, 2].includes((await selecting).index), lives);
    const other = select([send(a, 3), recv(a)]);
    await a.send(4);
    assertEquals(await other, { index: 1, value: 4, done: false }, lives);
    assertEquals(await select([send(a, 1), recv(a)], { default: true }), { index: -1 }, lives);
  }
});

Deno.test("two selects meet on a channel", async () => {
  for (const [lives, a, b] of await pairs(0)) {
    const one = select([recv(a), recv(b)]);
    assertEquals((await select([send(a, 1), send(b, 1)])).index, (await one).index, lives);
    const two = select([send(b, 2), send(a, 2)]);
    assertEquals((await select([recv(a), recv(b)])).value, 2, lives);
    await two;
  }
});

Deno.test("a closed channel is ready: to receive with done, to send with an error", async () => {
  for (const [lives, a, b] of await pairs(1)) {
    const selecting = select([recv(a), recv(b)]);
    a.close();
    assertEquals(await selecting, { index: 0, value: undefined, done: true }, lives);
    assertEquals(await select([recv(a)]), { index: 0, value: undefined, done: true }, lives);
    await assertRejects(() => select([send(a, 1)]), ChannelClosedError);
    await b.send(0);
    const offering = select([send(b, 1)]);
    b.close();
    await assertRejects(() => offering, ChannelClosedError);
  }
});

Deno.test("of several cases that are ready each is chosen about as often", async () => {
  for (const [lives, a, b] of await pairs(1)) {
    const chosen = [0, 0, 0, 0];
    for (let i = 0; i < 2000; i++) {
      if (a.length === 0) await a.send(i);
      if (b.length === 0) await b.send(i);
      chosen[(await select([recv(a), recv(b), recv(b), recv(a)])).index]++;
    }
    for (const count of chosen) assert(count > 350 && count < 650, `${lives}: ${chosen}`);
  }
});

Deno.test("of the cases of a select that waits each is chosen about as often, whatever their kind", async () => {
  // 12 standard deviations: once in 10^35 runs it is chance.
  const [rounds, least] = [1000, 300];
  const shared: Channel<number>[] = [];
  for (let i = 0; i < rounds + 2; i++) shared.push(new Channel<number>(sched));
  await sched.go(knows(shared));
  const lives: [string, Record<string, [number, number]>][] = [
    ["local", await choosesOfTwo(() => new Channel<number>(sched), rounds)],
    ["shared", await choosesOfTwo(() => shared.pop()!, rounds)],
    ["in a task", await sched.go(choosesOfTwoAtHome(rounds))],
  ];
  for (const [life, kinds] of lives) {
    for (const [kind, [first, second]] of Object.entries(kinds)) {
      assertEquals(first + second, rounds);
      assert(first > least && second > least, `${life}, ${kind}: ${first} to ${second}`);
    }
  }
});

Deno.test("of what is ready without a channel, too, each is chosen about as often", async () => {
  const signal = AbortSignal.abort("over");
  const channel = new Channel<number>(sched, 1);
  await channel.send(5);
  const chosen = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    const { index } = await select([onAbort(signal), after(0), after(0), send(channel, 1)]);
    chosen[index]++;
  }
  assertEquals(chosen[3], 0);
  for (const count of chosen.slice(0, 3)) assert(count > 400, String(chosen));
});

Deno.test("a task that looks again and again without waiting lets the others of its thread go on", async () => {
  await using one = await Scheduler.start({ procs: 1 });
  assertEquals(await soon(one.go(looksUntilAChildSends()), "a child sends"), 7);
});

Deno.test("a time of any length is as long as that, and Infinity is never", async () => {
  const channel = new Channel<number>(sched);
  for (const ms of [2 ** 31, 2 ** 32 + 1, 1e12, 1e300, Infinity]) {
    for (const others of [[], [recv(channel)]]) {
      const controller = new AbortController();
      const selecting = select([after(ms), onAbort(controller.signal), ...others]);
      const ended = selecting.then(() => "ended");
      assertEquals(await Promise.race([ended, select([after(10)])]), { index: 0 }, `${ms}`);
      controller.abort();
      assertEquals((await selecting).index, 1, `${ms}`);
    }
  }
  await soon(sched.go(sleepTimed(5), { timeout: 1e12 }), "a task with time");
  assertEquals(
    await soon(sched.go(sleepsForLong([2 ** 31, 2 ** 32 + 1, 1e12, 1e300, Infinity], 10)), "a task"),
    [],
  );
});

Deno.test("after and onAbort end a select that waits, and a select that ended earlier leaves nothing of them", async () => {
  for (const [lives, a, b] of await pairs(0)) {
    const start = performance.now();
    assertEquals(await select([recv(a), after(4), after(60_000), recv(b)]), { index: 1 }, lives);
    const took = performance.now() - start;
    assertGreater(took, 3.9);
    assertLess(took, 1000);

    const controller = new AbortController();
    const { signal } = controller;
    const selecting = select([recv(a), onAbort(signal)]);
    controller.abort("stop");
    assertEquals(await selecting, { index: 1, value: "stop" }, lives);
    assertEquals(await select([recv(a), onAbort(signal)]), { index: 1, value: "stop" }, lives);
    assert(!a.trySend(1), lives);

    const quick = select([recv(a), after(60_000)]);
    await a.send(1);
    assertEquals((await quick).index, 0);
  }
  assertEquals(await select([after(1)]), { index: 0 });
});

Deno.test("nothing is lost or doubled by selects on three threads", async () => {
  const count = 3000;
  const channels = [0, 0, 1, 5].map((capacity) => new Channel<number>(sched, capacity));
  const receiving = Array.from({ length: 4 }, () => sched.go(receivesFromAny(channels)));
  const sending = Array.from({ length: 4 }, (_, i) => sched.go(sendsToAny(channels, i * count, count)));
  const plain = sched.go(sendsNumbers(channels[0], 4 * count, count));
  const chosen = await soon(Promise.all(sending), "all is sent", 60_000);
  await soon(plain, "the plain sender");
  for (const channel of channels) channel.close();
  const seen = (await soon(Promise.all(receiving), "all is received")).flat();
  assertEquals(seen.toSorted((a, b) => a - b), Array.from({ length: 5 * count }, (_, n) => n));
  assert(chosen.every((counts) => counts.every((count) => count > 0)), JSON.stringify(chosen));
});

Deno.test("selects that send and receive on the same channels at once trade every value once", async () => {
  const [traders, count] = [6, 1000];
  const expected = Array.from({ length: traders * count }, (_, n) => n);
  const channels = [0, 0, 2].map((capacity) => new Channel<number>(sched, capacity));
  const trading = Array.from({ length: traders }, (_, i) => sched.go(trades(channels, i * count, count)));
  const seen = (await soon(Promise.all(trading), "the trade", 60_000)).flat();
  assertEquals(seen.toSorted((a, b) => a - b), expected);
  const atHome = await soon(sched.go(tradesAtHome(traders, count)), "the trade at home", 60_000);
  assertEquals(atHome.toSorted((a, b) => a - b), expected);
});

Deno.test("a select that waits moves with its channels when they are passed on", async () => {
  const [a, b] = [new Channel<number>(sched), new Channel<number>(sched)];
  const selecting = select([recv(a), recv(b)]);
  await sched.go(knows(a));
  await soon(sched.go(sendsNumbers(b, 7, 1)), "a task sends to the other");
  assertEquals(await selecting, { index: 1, value: 7, done: false });
  assert(!a.trySend(1));
});

Deno.test("long values of cases that were not chosen take no memory", async () => {
  await using own = await Scheduler.start({ procs: 1, maxTasks: 64, maxThreads: 4, arenaBytes: 24 << 20 });
  const [full, other] = [new Channel<string>(own, 1), new Channel<string>(own, 1)];
  await own.go(knows([full, other]));
  await full.send("full");
  const long = "x".repeat(100_000);
  for (let i = 0; i < 2000; i++) {
    assertEquals((await select([send(full, long), recv(other)], { default: true })).index, -1);
    const selecting = select([send(full, long), recv(other)]);
    await other.send("short");
    assertEquals((await selecting).value, "short");
  }
});

Deno.test("close() of the scheduler ends a select that waits", async () => {
  const own = await Scheduler.start({ procs: 1 });
  const [a, b] = [new Channel<number>(own), new Channel<number>(own)];
  await own.go(knows(b));
  const rejected = assertRejects(() => select([recv(a), recv(b), after(60_000)]), SchedulerClosedError);
  await own.close();
  await rejected;
});

Deno.test("a select whose thread dies leaves all queues, and takes and gives nothing; one that it met goes on", async () => {
  const channels = Array.from({ length: 4 }, () => new Channel<number>(sched));
  const waiting = select(channels.slice(2).map((channel) => send(channel, 7)));
  const died = sched.dedicate(diesInSelect(channels.slice(0, 2), channels.slice(0, 2)));
  await assertRejects(() => soon(died, "the death"), ThreadDiedError);
  for (const channel of channels.slice(0, 2)) {
    assertEquals([channel.trySend(1), channel.tryRecv()], [false, undefined]);
  }
  const meets = sched.dedicate(diesInSelect(channels.slice(2), []));
  await assertRejects(() => soon(meets, "the death"), ThreadDiedError);
  // It got the value before it died.
  assertEquals((await soon(waiting, "the host's select")).done, undefined);
  for (const channel of channels) assertEquals(channel.tryRecv(), undefined);
});

Deno.test("bad cases are refused", async () => {
  await assertRejects(() => select(5 as never), TypeError, "select(5): give an array");
  for (const one of [5, 0, "", {}, [], () => false]) {
    await assertRejects(() => select([false, one as never]), TypeError, "recv, send, after and onAbort");
  }
  assertThrows(() => recv({} as never), TypeError, "give a Channel");
  for (const ms of [-1, NaN, -Infinity, "1", 1n]) {
    assertThrows(() => after(ms as never), RangeError, `after(${String(ms)})`);
    await assertRejects(() => sched.go(sleepTimed(ms as never)), RangeError, `ctx.sleep(${String(ms)})`);
    assertThrows(
      () => sched.go(sleepTimed(1), { timeout: ms as never }),
      RangeError,
      `timeout is ${String(ms)}`,
    );
  }
  assertThrows(() => onAbort({} as never), TypeError, "AbortSignal");
  const channel = new Channel<unknown>(sched, 1);
  await assertRejects(() => select([send(channel, () => 1)]), DOMException, "cannot be cloned");
  await using own = await Scheduler.start({ procs: 1 });
  await assertRejects(
    () => select([recv(channel), recv(new Channel(own))]),
    TypeError,
    "different schedulers",
  );
});

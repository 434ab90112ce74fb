/**
 * After Go's `runtime/chan_test.go` (BSD licence, The Go Authors). Those of its tests that are about moving stacks
 * (ShrinkStackDuringBlockedSend, NoShrinkStackWhileParking, SelectStackAdjust) have nothing to say here.
 */
import { type Channel, recv, select, type SelectCase, send, type WaitGroup } from "@heddle/heddle";
import { WaitGroup as Group } from "@heddle/heddle";
import { check, checkEqual, goroutine, port, thrown, type World } from "./world.ts";

const source = (test: string) => `runtime/chan_test.go ${test}`;

const receivesInto = goroutine(
  import.meta,
  "receivesInto",
  async (w, channel: Channel<number>, word: number) => {
    await channel.recv();
    Atomics.store(w.words, word, 1);
  },
);

const sendsInto = goroutine(import.meta, "sendsInto", async (w, channel: Channel<number>, word: number) => {
  await channel.send(0);
  Atomics.store(w.words, word, 1);
});

const hearsOfTheEnd = goroutine(
  import.meta,
  "hearsOfTheEnd",
  async (_w, channel: Channel<number>, done: Channel<boolean>) => {
    await done.send(
      await thrown(() => channel.recv()) === "ChannelClosedError" && channel.tryRecv()?.done === true,
    );
  },
);

const sendsUpTo = goroutine(import.meta, "sendsUpTo", async (_w, channel: Channel<number>, count: number) => {
  for (let i = 0; i < count; i++) await channel.send(i);
});

const counts = goroutine(
  import.meta,
  "counts",
  async (_w, channel: Channel<number>, count: number, done: Channel<Map<number, number>>) => {
    const seen = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const value = await channel.recv();
      seen.set(value, (seen.get(value) ?? 0) + 1);
    }
    await done.send(seen);
  },
);

async function ofCapacity(w: World, capacity: number): Promise<void> {
  const what = (text: string) => `channel of ${capacity}: ${text}`;
  // Receiving from an empty channel blocks, and sending to a full one.
  w.words.fill(0);
  const empty = w.channel<number>(capacity);
  const receiving = [w.go(receivesInto(empty, 0)), w.go(receivesInto(empty, 1))];
  await w.sleep(1);
  checkEqual([...w.words.subarray(0, 2)], [0, 0], what("received from an empty one"));
  check(empty.tryRecv() === undefined, what("a try to receive"));
  checkEqual((await select([recv(empty)], { default: true })).index, -1, what("a select of an empty one"));
  await empty.send(0);
  await empty.send(0);
  await Promise.all(receiving);

  const full = w.channel<number>(capacity);
  for (let i = 0; i < capacity; i++) await full.send(i);
  const sending = w.go(sendsInto(full, 2));
  await w.sleep(1);
  checkEqual(w.words[2], 0, what("sent to a full one"));
  if (capacity > 0) {
    check(!full.trySend(0), what("a try to send"));
    checkEqual((await select([send(full, 0)], { default: true })).index, -1, what("a select of a full one"));
  }
  await full.recv();
  await sending;

  // A closed one gives what is in it, then ends; and unblocks who receives.
  const closed = w.channel<number>(capacity);
  for (let i = 0; i < capacity; i++) await closed.send(i);
  closed.close();
  for (let i = 0; i < capacity; i++) checkEqual(await closed.recv(), i, what("of a closed one"));
  checkEqual(closed.tryRecv(), { done: true }, what("a closed one"));
  const [closing, done] = [w.channel<number>(capacity), w.channel<boolean>()];
  const hearing = w.go(hearsOfTheEnd(closing, done));
  await w.sleep(1);
  closing.close();
  check(await done.recv(), what("close does not unblock a receive"));
  await hearing;

  // In order; and from several to several, each value as often as it was sent.
  const ordered = w.channel<number>(capacity);
  for (const how of ["recv", "loop"]) {
    const filling = w.go(sendsUpTo(ordered, 100));
    if (how === "recv") {
      for (let i = 0; i < 100; i++) checkEqual(await ordered.recv(), i, what("in order"));
    } else {
      let i = 0;
      for await (const value of ordered) {
        checkEqual(value, i++, what("in order"));
        if (i === 100) break;
      }
    }
    await filling;
  }
  const [parties, each] = [4, w.count(500, 60)];
  const maps = w.channel<Map<number, number>>();
  const all = Array.from({ length: parties }, () => w.go(sendsUpTo(ordered, each)));
  for (let i = 0; i < parties; i++) all.push(w.go(counts(ordered, each, maps)));
  const total = new Map<number, number>();
  for (let i = 0; i < parties; i++) {
    for (const [value, times] of await maps.recv()) total.set(value, (total.get(value) ?? 0) + times);
  }
  checkEqual(total.size, each, what("values"));
  for (const times of total.values()) checkEqual(times, parties, what("times of a value"));
  await Promise.all(all);

  const sized = w.channel<number>(capacity);
  checkEqual([sized.length, sized.capacity], [0, capacity], what("length and capacity"));
  for (let i = 0; i < capacity; i++) await sized.send(i);
  checkEqual([sized.length, sized.capacity], [capacity, capacity], what("length and capacity of a full one"));
}

port(import.meta, source("TestChan"), async (w) => {
  for (const capacity of [0, 1, 2, 5, 19]) await ofCapacity(w, capacity);
}, 4);

const triesToReceive = goroutine(import.meta, "triesToReceive", async (_w, channel: Channel<number>) => {
  check((await select([recv(channel)], { default: true })).index === 0, "the channel is not ready");
});

// A channel that is closed with a value in it is ready all the time.
port(import.meta, source("TestNonblockRecvRace"), async (w) => {
  for (let i = w.count(500, 40); i > 0; i--) {
    const channel = w.channel<number>(1);
    await channel.send(1);
    const trying = w.go(triesToReceive(channel));
    channel.close();
    await thrown(() => channel.recv());
    await trying;
  }
});

const triesBoth = goroutine(
  import.meta,
  "triesBoth",
  async (_w, one: Channel<number>, other: Channel<number>, done: Channel<boolean>) => {
    const { index } = await select([recv(one), recv(other)], { default: true });
    await done.send(index >= 0);
  },
);

// A select looks at its channels at one moment: before the first is not ready any more the second one is.
for (const how of ["", "2"]) {
  port(import.meta, source(`TestNonblockSelectRace${how}`), async (w) => {
    const done = w.channel<boolean>(1);
    for (let i = w.count(1000, 60); i > 0; i--) {
      const [one, other] = [w.channel<number>(1), w.channel<number>(how === "" ? 1 : 0)];
      await one.send(1);
      const trying = w.go(triesBoth(one, other, done));
      if (how === "") await other.send(1);
      else other.close();
      one.tryRecv();
      check(await done.recv(), "no channel is ready");
      await trying;
    }
  });
}

const talksToOthers = goroutine(
  import.meta,
  "talksToOthers",
  async (_w, channel: Channel<number>, party: number, times: number, group: WaitGroup) => {
    for (let i = 0; i < times; i++) {
      const cases: SelectCase[] = [send(channel, party), recv(channel)];
      if (party !== 0 && i % 2 !== 0) cases.reverse();
      const { value, done } = await select(cases);
      check(channel.capacity > 0 || done === undefined || value !== party, "it has received from itself");
    }
    group.done();
  },
);

port(import.meta, source("TestSelfSelect"), async (w) => {
  for (const capacity of [0, 10]) {
    const [group, channel] = [new Group(w.home), w.channel<number>(capacity)];
    group.add(2);
    const all = [0, 1].map((party) => w.go(talksToOthers(channel, party, w.count(1000, 200), group)));
    await group.wait();
    await Promise.all(all);
  }
});

const sendsZeros = goroutine(
  import.meta,
  "sendsZeros",
  async (_w, channel: Channel<number>, count: number) => {
    for (let i = 0; i < count; i++) await channel.send(0);
  },
);

const receivesAll = goroutine(
  import.meta,
  "receivesAll",
  async (_w, channel: Channel<number>, count: number) => {
    for (let i = 0; i < count; i++) await channel.recv();
  },
);

/** So often on each of the channels, whichever is ready. */
const selectsFrom = goroutine(
  import.meta,
  "selectsFrom",
  async (_w, channels: Channel<number>[], count: number, how: "send" | "recv") => {
    const open = channels.map((channel) => ({ channel, left: count }));
    while (open.length > 0) {
      const { index } = await select(
        open.map(({ channel }) => how === "send" ? send(channel, 0) : recv(channel)),
      );
      if (--open[index].left === 0) open.splice(index, 1);
    }
  },
);

port(import.meta, source("TestSelectStress"), async (w) => {
  const channels = [0, 0, 2, 3].map((capacity) => w.channel<number>(capacity));
  const count = w.count(1000, 100);
  const all = channels.flatMap((
    channel,
  ) => [w.go(sendsZeros(channel, count)), w.go(receivesAll(channel, count))]);
  // Go's look at the channels in another order.
  all.push(w.go(selectsFrom([3, 2, 0, 1].map((i) => channels[i]), count, "send")));
  all.push(w.go(selectsFrom(channels, count, "recv")));
  await Promise.all(all);
  for (const channel of channels) {
    checkEqual(
      [channel.length, channel.trySend(0) && channel.capacity === 0],
      [0, false],
      "left in a channel",
    );
  }
});

const choosesOf = goroutine(
  import.meta,
  "choosesOf",
  async (_w, channels: Channel<number>[], out: Channel<number>, done: Channel<number>) => {
    for (;;) {
      const { value } = await select(channels.map((channel) => recv(channel)));
      if ((await select([send(out, value as number), recv(done)])).index === 1) return;
    }
  },
);

port(import.meta, source("TestSelectFairness"), async (w) => {
  const trials = w.count(5000, 400);
  const [one, other] = [w.channel<number>(trials + 1), w.channel<number>(trials + 1)];
  for (let i = 0; i <= trials; i++) {
    await one.send(1);
    await other.send(2);
  }
  const [out, done] = [w.channel<number>(), w.channel<number>()];
  const choosing = w.go(choosesOf([w.channel(), w.channel(), one, other], out, done));
  let ones = 0;
  for (let i = 0; i < trials; i++) if (await out.recv() === 1) ones++;
  // As in Go: ten standard deviations.
  const limit = 10 * Math.sqrt(trials / 4);
  check(Math.abs(ones - trials / 2) < limit, `unfair select: ${ones} of ${trials}`);
  done.close();
  await choosing;
});

port(import.meta, source("TestChanSendInterface"), async (w) => {
  const channel = w.channel<unknown>(1);
  const value = { some: "thing" };
  await channel.send(value);
  checkEqual((await select([send(channel, value)], { default: true })).index, -1, "it is full");
  checkEqual(
    (await select([send(channel, value), send(channel, {})], { default: true })).index,
    -1,
    "it is full",
  );
  checkEqual(await channel.recv(), value, "the value");
});

const receivesList = goroutine(
  import.meta,
  "receivesList",
  async (w, channel: Channel<number>, count: number, held: Channel<number[]>) => {
    const list: number[] = [];
    for (let i = 0; i < count; i++) {
      await w.yield();
      list.push(await channel.recv());
    }
    await held.send(list);
  },
);

// Two sends to one channel: the receiver comes later, or there is room.
port(import.meta, source("TestPseudoRandomSend"), async (w) => {
  const count = 100;
  for (const capacity of [0, count]) {
    const [channel, held] = [w.channel<number>(capacity), w.channel<number[]>()];
    const receiving = w.go(receivesList(channel, count, held));
    for (let i = 0; i < count; i++) await select([send(channel, 1), send(channel, 0)]);
    const ones = (await held.recv()).reduce((a, b) => a + b);
    // Go's bound; 8 standard deviations.
    check(ones > count / 10 && ones < count - count / 10, `${ones} ones of ${count}, capacity ${capacity}`);
    await receiving;
  }
});

const WORK = [2, 3, 7, 11, 13, 17, 19, 23, 27, 31];

const works = goroutine(
  import.meta,
  "works",
  async (w, number: number, from: Channel<number>, to: Channel<number>, group: WaitGroup) => {
    for await (const value of from) {
      if (WORK[number % WORK.length] === value) await w.yield();
      await to.send(value);
    }
    group.done();
  },
);

const feeds = goroutine(
  import.meta,
  "feeds",
  async (_w, to: Channel<number>, results: Channel<number>, count: number, group: WaitGroup) => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      await to.send(WORK[i % WORK.length]);
      sum += WORK[i % WORK.length];
    }
    to.close();
    await group.wait();
    results.close();
    return sum;
  },
);

port(import.meta, source("TestMultiConsumer"), async (w) => {
  const [workers, count] = [23, w.count(10_000, 1000)];
  const [from, results] = [w.channel<number>(3 * workers), w.channel<number>(3 * workers)];
  const group = new Group(w.home);
  const all = Array.from({ length: workers }, (_, number) => {
    group.add();
    return w.go(works(number, from, results, group));
  });
  const feeding = w.go(feeds(from, results, count, group));
  let [n, sum] = [0, 0];
  for await (const value of results) {
    n++;
    sum += value;
  }
  checkEqual([n, sum], [count, await feeding], "results and their sum");
  await Promise.all(all);
});

const queuesTwice = goroutine(
  import.meta,
  "queuesTwice",
  async (_w, c: Channel<number>, d: Channel<number>, e: Channel<number>) => {
    await select([recv(c), recv(c), recv(d)]);
    await e.send(9);
  },
);

const receivesIt = goroutine(import.meta, "receivesIt", async (_w, c: Channel<number>) => await c.recv());

// One select may be in a channel's queue twice, and leaves it.
port(import.meta, source("TestSelectDuplicateChannel"), async (w) => {
  const [c, d, e] = [w.channel<number>(), w.channel<number>(), w.channel<number>()];
  const first = w.go(queuesTwice(c, d, e));
  await w.sleep(1);
  const second = w.go(receivesIt(c));
  await w.sleep(1);
  await d.send(7);
  await e.recv();
  await c.send(8);
  checkEqual(await second, 8, "what the second one got");
  await first;
});

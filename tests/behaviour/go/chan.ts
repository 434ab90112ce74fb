/**
 * After the programs of Go's `test/chan` (BSD licence, The Go Authors), as far as they are about channels and not about the
 * language: perm.go (types), select5.go (order of evaluation), select8.go (labels) and sendstmt.go (syntax) have nothing
 * to say here.
 */
import {
  type Channel,
  ChannelClosedError,
  onAbort,
  recv,
  select,
  type SelectCase,
  send,
} from "@heddle/heddle";
import { soon } from "../../support/deadline.ts";
import { check, checkEqual, goroutine, port, thrown } from "./world.ts";

// Two cases of a select that both run: the same value goes to two channels.
const offersToAny = goroutine(
  import.meta,
  "offersToAny",
  async (_w, n: number, channels: Channel<number>[]) => {
    for (let i = 0; i < n; i++) await select(channels.map((channel) => send(channel, i)));
    for (const channel of channels) channel.close();
  },
);

const forwards = goroutine(
  import.meta,
  "forwards",
  async (_w, out: Channel<number>, from: Channel<number>, done: Channel<boolean>) => {
    for await (const v of from) await out.send(v);
    await done.send(true);
  },
);

const closesAfter = goroutine(
  import.meta,
  "closesAfter",
  async (_w, done: Channel<boolean>, count: number, channel: Channel<number>) => {
    for (let i = 0; i < count; i++) await done.recv();
    channel.close();
  },
);

port(import.meta, "test/chan/doubleselect.go", async (w) => {
  const n = w.count(5000, 300);
  const channels = Array.from({ length: 4 }, () => w.channel<number>());
  const [done, merged] = [w.channel<boolean>(), w.channel<number>()];
  const all = [w.go(offersToAny(n, channels)), w.go(closesAfter(done, 4, merged))];
  for (const channel of channels) all.push(w.go(forwards(merged, channel, done)));
  const seen = new Set<number>();
  for await (const v of merged) {
    check(!seen.has(v), `got duplicate value ${v}`);
    seen.add(v);
  }
  checkEqual(seen.size, n, "values");
  await Promise.all(all);
});

// Unbuffered channels are pure fifos.
const takesItsTurn = goroutine(
  import.meta,
  "takesItsTurn",
  async (_w, channel: Channel<number>, value: number, before: Channel<number>, after: Channel<number>) => {
    await before.recv();
    checkEqual(await channel.recv(), value, "in the daisy chain");
    await after.send(1);
  },
);

port(import.meta, "test/chan/fifo.go", async (w) => {
  const n = 10;
  const buffered = w.channel<number>(n);
  for (let i = 0; i < n; i++) await buffered.send(i);
  for (let i = 0; i < n; i++) checkEqual(await buffered.recv(), i, "buffered");
  const [channel, start] = [w.channel<number>(), w.channel<number>()];
  let last = start;
  const all: Promise<void>[] = [];
  for (let i = 0; i < n; i++) {
    const next = w.channel<number>();
    all.push(w.go(takesItsTurn(channel, i, last, next)));
    last = next;
  }
  await start.send(0);
  for (let i = 0; i < n; i++) await channel.send(i);
  await last.recv();
  await Promise.all(all);
});

const passesLeft = goroutine(
  import.meta,
  "passesLeft",
  async (_w, left: Channel<number>, right: Channel<number>) => await left.send(await right.recv()),
);

// A daisy chain of goroutines.
port(import.meta, "test/chan/goroutines.go", async (w) => {
  const n = w.count(3000, 200);
  const leftmost = w.channel<number>();
  let right = leftmost;
  const all: Promise<void>[] = [];
  for (let i = 0; i < n; i++) {
    const left = right;
    right = w.channel<number>();
    all.push(w.go(passesLeft(left, right)));
  }
  await right.send(1);
  checkEqual(await leftmost.recv(), 1, "at the end of the chain");
  await Promise.all(all);
});

const expects = goroutine(
  import.meta,
  "expects",
  async (_w, channel: Channel<unknown>, value: unknown, strobe: Channel<boolean>) => {
    const got = await channel.recv();
    check(got === value, `received ${got} instead of ${value}`);
    await strobe.send(true);
  },
);

const sendsOne = goroutine(
  import.meta,
  "sendsOne",
  async (_w, channel: Channel<unknown>, value: unknown, strobe: Channel<boolean>) => {
    await channel.send(value);
    await strobe.send(true);
  },
);

const TRIES = 10_000;

port(import.meta, "test/chan/nonblock.go", async (w) => {
  const strobe = w.channel<boolean>();
  const kinds: [unknown, unknown][] = [[123, 234], [123_456n, 234_567n], [true, false], [
    "hello",
    "hello again",
  ]];
  for (const buffer of [0, 1]) {
    for (const [there, back] of kinds) {
      const channel = w.channel<unknown>(buffer);
      check(channel.tryRecv() === undefined, "received from an empty channel");
      checkEqual((await select([recv(channel)], { default: true })).index, -1, "select of an empty channel");
      const receiving = w.go(expects(channel, there, strobe));
      let tries = 0;
      while (
        tries % 2 === 0
          ? !channel.trySend(there)
          : (await select([send(channel, there)], { default: true })).index !== 0
      ) {
        check(++tries < TRIES, `nobody receives, buffer ${buffer}`);
        await w.yield();
      }
      await strobe.recv();
      await receiving;

      const sending = w.go(sendsOne(channel, back, strobe));
      if (buffer > 0) await strobe.recv();
      let got: { value?: unknown } | undefined;
      for (tries = 0; got === undefined; tries++) {
        check(tries < TRIES, `nobody sends, buffer ${buffer}`);
        if (tries % 2 === 0) got = channel.tryRecv();
        else {
          const selected = await select([recv(channel)], { default: true });
          if (selected.index === 0) got = selected;
        }
        if (got === undefined) await w.yield();
      }
      check(got.value === back, `received ${got.value} instead of ${back}`);
      if (buffer === 0) await strobe.recv();
      await sending;
    }
  }
});

// A case that was taken is none of the next select: Go's nil channel.
port(import.meta, "test/chan/select.go", async (w) => {
  let [counter, shift] = [0, 0];
  const value = () => (counter++, 1 << shift);
  const sendAll = async (...channels: (Channel<number> | null)[]) => {
    for (let sent = 0;; sent++) {
      const cases = channels.map((channel) => channel && send(channel, value()));
      const { index } = await select(cases, { default: true });
      if (index < 0) return sent;
      channels[index] = null;
      shift++;
    }
  };
  const [a, b] = [w.channel<number>(1), w.channel<number>(1)];
  checkEqual(await sendAll(a, b), 2, "sent");
  checkEqual(await a.recv() | await b.recv(), 3, "values");
  checkEqual(await sendAll(a, null), 1, "sent to one");
  // Go's counter is 10, since it evaluates the value of a nil channel as well.
  checkEqual(counter, 4, "evaluations");
});

const sendsOnes = goroutine(import.meta, "sendsOnes", async (_w, channel: Channel<number>, n: number) => {
  for (let i = 0; i < n; i++) await channel.send(1);
});

// Selects leave nothing behind in the queues of channels that they have lost.
port(import.meta, "test/chan/select2.go", async (w) => {
  const n = w.count(20_000, 500);
  const [channel, dummy] = [w.channel<number>(), w.channel<number>()];
  const sending = w.go(sendsOnes(channel, n));
  for (let i = 0; i < n; i++) {
    checkEqual((await select([recv(channel), recv(dummy)])).index, 0, "the channel");
  }
  await sending;
  check(!dummy.trySend(1), "somebody waits at the other channel");
});

/** Long enough for what would go on. */
const BLOCKED = 2;

port(import.meta, "test/chan/select3.go", async (w) => {
  const closed = w.channel<number>();
  closed.close();
  const full = () => {
    const channel = w.channel<number>(1);
    channel.trySend(7);
    return channel;
  };
  const blocks: [string, (signal: AbortSignal) => Promise<unknown>][] = [
    ["receive from a channel that is not ready", (signal) => w.channel().recv({ signal })],
    ["send to a channel that is not ready", (signal) => w.channel().send(7, { signal })],
    ["send to a full channel", (signal) => full().send(7, { signal })],
    ["a select of a channel that is not ready", (signal) => select([recv(w.channel()), onAbort(signal)])],
    ["a select of a nil channel", (signal) => select([null, onAbort(signal)])],
    ["a select that sees itself", (signal) => {
      const channel = w.channel<number>();
      return select([send(channel, 1), recv(channel), onAbort(signal)]);
    }],
  ];
  for (const [what, begin] of blocks) {
    const controller = new AbortController();
    const blocked = begin(controller.signal).then(() => "did not block", () => "was taken back");
    checkEqual(await Promise.race([blocked, w.sleep(BLOCKED)]), undefined, what);
    controller.abort();
    await blocked;
  }
  const never: [string, () => Promise<unknown>][] = [
    ["send to a channel with room", () => w.channel<number>(1).send(7)],
    ["a select with default alone", () => select([], { default: true })],
    ["a select with default", () => select([recv(w.channel()), send(w.channel(), 1)], { default: true })],
    ["a select that can send", () => select([send(w.channel(1), 7)])],
    ["a select that can receive", () => select([recv(full())])],
    ["a select of a closed channel", () => select([recv(closed)])],
    ["receive from a closed channel", async () => {
      for (let i = 0; i < 10; i++) {
        checkEqual(await thrown(() => closed.recv()), "ChannelClosedError", "receive from a closed channel");
        checkEqual(closed.tryRecv(), { done: true }, "a try to receive from it");
        checkEqual(await select([recv(closed)]), { index: 0, done: true }, "a select of it");
      }
    }],
  ];
  for (const [what, begin] of never) await soon(begin(), what);
  const panics = [
    () => closed.send(7),
    () => closed.trySend(7),
    () => select([send(closed, 7)]),
    () => closed.close(),
  ];
  for (const panic of panics) checkEqual(await thrown(panic), "ChannelClosedError", "of a closed channel");
});

// A select while the cases of another one are made.
port(import.meta, "test/chan/select4.go", async (w) => {
  const [one, other] = [w.channel<number>(1), w.channel<number>()];
  await one.send(42);
  const inner = async () => (await select([recv(other)], { default: true })).index === -1 ? one : other;
  checkEqual(
    await select([recv(other), recv(await inner())]),
    { index: 1, value: 42, done: false },
    "chosen",
  );
});

const receivesOne = goroutine(import.meta, "receivesOne", async (_w, channel: Channel<unknown>) => {
  await channel.recv();
});

const losesOneCase = goroutine(
  import.meta,
  "losesOneCase",
  async (_w, c1: Channel<boolean>, c2: Channel<boolean>, c3: Channel<boolean>) => {
    checkEqual((await select([recv(c1), recv(c2)])).index, 1, "the second one");
    await c3.send(true);
    await c1.recv();
  },
);

// Who waits behind a select that has lost its case is woken (golang.org/issue/2075).
port(import.meta, "test/chan/select6.go", async (w) => {
  const [c1, c2, c3] = [w.channel<boolean>(), w.channel<boolean>(), w.channel<boolean>()];
  const all = [w.go(receivesOne(c1)), w.go(losesOneCase(c1, c2, c3))];
  // In Go the first two have begun to wait by now, as a rule. Here it is made sure of.
  await w.sleep(1);
  all.push(w.go(sendsOne(c2, true, w.channel<boolean>(1))));
  await c3.recv();
  await c1.send(true);
  await c1.send(true);
  await Promise.all(all);
});

const receivesBySelect = goroutine(
  import.meta,
  "receivesBySelect",
  async (w, channel: Channel<number>, cases: number) => {
    const others = Array.from({ length: cases - 1 }, () => w.channel<number>());
    checkEqual((await select([channel, ...others].map((each) => recv(each)))).value, 1, "received");
  },
);

port(import.meta, "test/chan/select7.go", async (w) => {
  const receivers = [receivesOne, (channel: Channel<number>) => receivesBySelect(channel, 1), (
    channel: Channel<number>,
  ) => receivesBySelect(channel, 2)];
  const senders = [
    (channel: Channel<number>) => channel.send(1),
    (channel: Channel<number>) => select([send(channel, 1)]),
    (channel: Channel<number>) => select([send(channel, 1), send(w.channel<number>(), 1)]),
  ];
  for (const receiver of receivers) {
    for (const sender of senders) {
      const channel = w.channel<number>();
      const receiving = w.go(receiver(channel) as ReturnType<typeof receivesOne>);
      await w.yield();
      await sender(channel);
      await receiving;
    }
  }
});

// Values of no size.
port(import.meta, "test/chan/zerosize.go", async (w) => {
  for (const value of [undefined, [], {}, ""]) {
    const channel = w.channel<unknown>(2);
    await channel.send(value);
    await channel.send(value);
    check(!channel.trySend(value), "more than it has room for");
    checkEqual([channel.length, await channel.recv(), await channel.recv()], [2, value, value], "values");
    check(channel.tryRecv() === undefined, "it is empty");
  }
});

const PRIMES = [
  2,
  3,
  5,
  7,
  11,
  13,
  17,
  19,
  23,
  29,
  31,
  37,
  41,
  43,
  47,
  53,
  59,
  61,
  67,
  71,
  73,
  79,
  83,
  89,
  97,
];

// The goroutines of these wait for ever in the end, for nobody: the channels are closed instead.

const generates = goroutine(
  import.meta,
  "generates",
  (_w, out: Channel<number>, first: number, step: number) =>
    untilClosed(async () => {
      for (let n = first;; n += step) await out.send(n);
    }),
);

/** Ends when a channel is closed that it sends to or receives from. */
async function untilClosed(body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof ChannelClosedError)) throw error;
  }
}

const filters = goroutine(
  import.meta,
  "filters",
  (_w, from: Channel<number>, to: Channel<number>, prime: number) =>
    untilClosed(async () => {
      for (;;) {
        const n = await from.recv();
        if (n % prime !== 0) await to.send(n);
      }
    }),
);

port(import.meta, "test/chan/sieve1.go", async (w) => {
  const primes = PRIMES.slice(0, w.count(25, 8));
  const channels = [w.channel<number>()];
  const all = [w.go(generates(channels[0], 2, 1))];
  for (const expected of primes) {
    const from = channels.at(-1)!;
    const prime = await from.recv();
    checkEqual(prime, expected, "prime");
    channels.push(w.channel<number>());
    all.push(w.go(filters(from, channels.at(-1)!, prime)));
  }
  for (const channel of channels) channel.close();
  await Promise.all(all);
});

/** Forwards without ever making its senders wait. */
const proxies = goroutine(
  import.meta,
  "proxies",
  (_w, from: Channel<number>, to: Channel<number>) =>
    untilClosed(async () => {
      const waiting: number[] = [];
      for (;;) {
        const cases: SelectCase<number>[] = [recv(from)];
        if (waiting.length > 0) cases.push(send(to, waiting[0]));
        const { index, value, done } = await select(cases);
        if (done) return;
        if (index === 1) waiting.shift();
        else waiting.push(value as number);
      }
    }),
);

/** The multiples of primes, in order and each once. */
const merges = goroutine(
  import.meta,
  "merges",
  async (w, primes: Channel<number>, composites: Channel<number>) => {
    const own: Channel<number>[] = [];
    const all: Promise<void>[] = [];
    await untilClosed(async () => {
      const sources: { head: number; channel: Channel<number> }[] = [];
      const next = async () => {
        sources.sort((a, b) => a.head - b.head);
        sources[0].head = await sources[0].channel.recv();
        sources.sort((a, b) => a.head - b.head);
        return sources[0].head;
      };
      let min = Infinity;
      for (;;) {
        const prime = await primes.recv();
        const channel = w.channel<number>(10);
        own.push(channel);
        all.push(w.go(generates(channel, prime * prime, 2 * prime)));
        const head = await channel.recv();
        while (min < head) {
          await composites.send(min);
          const last = min;
          while (min === last) min = await next();
        }
        while (min === head) min = await next();
        await composites.send(head);
        sources.push({ head: await channel.recv(), channel });
        min = Math.min(...sources.map((source) => source.head));
      }
    });
    for (const channel of own) channel.close();
    await Promise.all(all);
  },
);

const sieves = goroutine(
  import.meta,
  "sieves",
  (_w, odds: Channel<number>, composites: Channel<number>, primes: Channel<number>, out: Channel<number>) =>
    untilClosed(async () => {
      let prime = await odds.recv();
      for (;;) {
        const composite = await composites.recv();
        while (prime < composite) {
          await primes.send(prime);
          await out.send(prime);
          prime = await odds.recv();
        }
        if (prime === composite) prime = await odds.recv();
      }
    }),
);

port(import.meta, "test/chan/sieve2.go", async (w) => {
  const [out, composites, primes] = [w.channel<number>(10), w.channel<number>(50), w.channel<number>(10)];
  const [odds, proxy] = [w.channel<number>(50), w.channel<number>(10)];
  await out.send(2);
  await out.send(3);
  await primes.send(3);
  const all = [
    w.go(merges(primes, composites)),
    w.go(proxies(proxy, primes)),
    w.go(generates(odds, 5, 2)),
    w.go(sieves(odds, composites, proxy, out)),
  ];
  for (const prime of PRIMES) checkEqual(await out.recv(), prime, "prime");
  for (const channel of [out, composites, primes, odds, proxy]) channel.close();
  await Promise.all(all);
});

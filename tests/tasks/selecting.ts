/** Tasks that select. */
import process from "node:process";
import {
  after,
  Channel,
  type Home,
  onAbort,
  recv,
  select,
  type SelectCase,
  send,
  task,
} from "@heddle/heddle";

/** Sends `count` numbers from `first` on, each to whichever of the channels takes it. */
export const sendsToAny = task(
  import.meta,
  "sendsToAny",
  async (_ctx, channels: Channel<number>[], first: number, count: number): Promise<number[]> => {
    const chosen = channels.map(() => 0);
    for (let n = first; n < first + count; n++) {
      const { index } = await select(channels.map((channel) => send(channel, n)));
      chosen[index]++;
    }
    return chosen;
  },
);

/** Receives from whichever channel has something, until all are closed. Returns all of it. */
export const receivesFromAny = task(
  import.meta,
  "receivesFromAny",
  async (_ctx, channels: Channel<number>[]): Promise<number[]> => {
    const seen: number[] = [];
    const open = [...channels];
    while (open.length > 0) {
      const { index, value, done } = await select(open.map((channel) => recv(channel)));
      if (done) open.splice(index, 1);
      else seen.push(value as number);
    }
    return seen;
  },
);

/** Sends and receives on the same channels at once, as all others do, until it has sent and received `count` values. */
export const trades = task(
  import.meta,
  "trades",
  async (_ctx, channels: Channel<number>[], first: number, count: number): Promise<number[]> => {
    const seen: number[] = [];
    let sent = 0;
    while (sent < count || seen.length < count) {
      const cases = channels.flatMap((channel) => [
        ...(sent < count ? [send(channel, first + sent)] : []),
        ...(seen.length < count ? [recv(channel)] : []),
      ]);
      const { value, done } = await select(cases);
      if (done === false) seen.push(value as number);
      else sent++;
    }
    return seen;
  },
);

/** The same between children of one task. */
export const tradesAtHome = task(
  import.meta,
  "tradesAtHome",
  async (ctx, traders: number, count: number): Promise<number[]> => {
    const channels = [new Channel<number>(ctx), new Channel<number>(ctx), new Channel<number>(ctx, 2)];
    const all = Array.from({ length: traders }, (_, i) => ctx.go(trades(channels, i * count, count)));
    return (await Promise.all(all)).flat();
  },
);

/**
 * How often each of two equal cases of a select that waits was chosen, by kind, in `rounds` rounds. The channels are what
 * `channel` gives: `then` ends the wait of a select with those cases.
 */
export async function choosesOfTwo(
  channel: () => Channel<number>,
  rounds: number,
): Promise<Record<string, [number, number]>> {
  const [a, b] = [channel(), channel()];
  const kinds: Record<string, () => [SelectCase[], () => unknown]> = {
    "two sends": () => [[send(a, 0), send(a, 1)], () => a.recv()],
    "two receives": () => [[recv(a), recv(a)], () => a.send(1)],
    "a closed channel": () => {
      const closing = channel();
      return [[recv(closing), recv(closing)], () => closing.close()];
    },
    "a signal": () => {
      const controller = new AbortController();
      const { signal } = controller;
      return [[onAbort(signal), onAbort(signal)], () => controller.abort()];
    },
    "a signal beside a channel": () => {
      const controller = new AbortController();
      const { signal } = controller;
      return [[onAbort(signal), onAbort(signal), recv(b)], () => controller.abort()];
    },
  };
  const counts: Record<string, [number, number]> = {};
  for (const [kind, make] of Object.entries(kinds)) {
    const count: [number, number] = counts[kind] = [0, 0];
    for (let i = 0; i < rounds; i++) {
      const [cases, end] = make();
      const selecting = select(cases);
      await end();
      count[(await selecting).index]++;
    }
  }
  for (const others of [[], [recv(b)]]) {
    const count: [number, number] = counts[`a time beside ${others.length}`] = [0, 0];
    const all = Array.from({ length: rounds }, () => select([after(1), after(1), ...others]));
    for (const { index } of await Promise.all(all)) count[index]++;
  }
  return counts;
}

export const choosesOfTwoAtHome = task(
  import.meta,
  "choosesOfTwoAtHome",
  (ctx, rounds: number) => choosesOfTwo(() => new Channel<number>(ctx as Home), rounds),
);

/** Looks again and again, until a child of this thread has sent. Returns whether that came. */
export const looksUntilAChildSends = task(
  import.meta,
  "looksUntilAChildSends",
  async (ctx): Promise<number> => {
    const [channel, never] = [new Channel<number>(ctx), new Channel<number>(ctx)];
    const child = ctx.go(sendsToAny([channel], 7, 1));
    for (const giveUp = performance.now() + 10_000; performance.now() < giveUp;) {
      const { index, value } = await select([recv(never), recv(channel)], { default: true });
      if (index === 1) {
        await child;
        return value as number;
      }
      // As ready as what comes by default.
      await select([recv(never), after(0)]);
    }
    return -1;
  },
);

/** Its thread dies while it waits to receive from each, and to send to each. */
export const diesInSelect = task(
  import.meta,
  "diesInSelect",
  (_ctx, from: Channel<number>[], to: Channel<number>[]): void => {
    select([...from.map((channel) => recv(channel)), ...to.map((channel, n) => send(channel, n))])
      .catch(() => {});
    process.exit(3);
  },
);

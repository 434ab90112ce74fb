/** Tasks that select. */
import { Channel, recv, select, send, task } from "@heddle/heddle";

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

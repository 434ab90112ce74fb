/** Sending and receiving. Every operation that may wait gets the task's signal, so that an act that was stopped ends. */
import {
  after,
  type Channel,
  ChannelClosedError,
  onAbort,
  recv,
  select,
  type SelectCase,
  send,
  task,
  type TaskContext,
} from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** A value names its sender and its place; some do not fit into a cell. */
export type Sent = [sender: number, i: number, ballast?: string];

function sent(sender: number, i: number, random: Random): Sent {
  return random.chance(70)
    ? [sender, i]
    : [sender, i, "x".repeat(random.of([1, 40, 200, 5000, 5000, 70_000]))];
}

/** What a channel iterates over, ended by the signal as well. */
export async function* untilClosed<T>(channel: Channel<T>, signal: AbortSignal): AsyncIterable<T> {
  try {
    for (;;) yield await channel.recv({ signal });
  } catch (error) {
    if (!(error instanceof ChannelClosedError)) throw error;
  }
}

/** Sends in all ways that there are. Returns which values went. */
export async function sendAll(
  ctx: Pick<TaskContext, "signal" | "yield"> & Partial<TaskContext>,
  channels: Channel<Sent>[],
  sender: number,
  count: number,
  seed: number,
): Promise<number[]> {
  const random = new Random(seed);
  const { signal } = ctx;
  const went: number[] = [];
  for (let i = 0; i < count; i++) {
    const value = sent(sender, i, random);
    const channel = channels[i % channels.length];
    const dice = random.below(10);
    if (dice < 4) {
      await channel.send(value, { signal });
      went.push(i);
    } else if (dice < 6) {
      while (!channel.trySend(value)) {
        signal.throwIfAborted();
        await ctx.yield();
      }
      went.push(i);
    } else if (dice < 8) {
      const isHasty = random.chance(20);
      const others = isHasty ? [] : [after(random.below(20) / 10), onAbort(signal)];
      const { index } = await select([send(channel, value), ...others], { default: isHasty });
      if (index === 0) went.push(i);
    } else {
      const hurry = AbortSignal.any([signal, AbortSignal.timeout(random.below(3))]);
      try {
        await channel.send(value, { signal: hurry });
        went.push(i);
      } catch (error) {
        if (signal.aborted || error !== hurry.reason) throw error;
      }
    }
    if (ctx.go !== undefined && random.chance(30)) await linger(ctx as TaskContext, random);
  }
  return went;
}

/** Receives in all ways that there are, until all channels are closed. */
export async function receiveAll(
  ctx: Pick<TaskContext, "signal" | "yield"> & Partial<TaskContext>,
  channels: Channel<Sent>[],
  seed: number,
): Promise<[number, number][]> {
  const random = new Random(seed);
  const { signal } = ctx;
  const got: [number, number][] = [];
  const keep = ([sender, i]: Sent) => void got.push([sender, i]);
  const open = [...channels];
  while (open.length > 0) {
    const channel = random.of(open);
    const over = () => void open.splice(open.indexOf(channel), 1);
    const dice = random.below(10);
    if (dice < 4 && open.length === 1) {
      try {
        keep(await channel.recv({ signal }));
      } catch (error) {
        if (!(error instanceof ChannelClosedError)) throw error;
        over();
      }
    } else if (dice < 6) {
      const next = channel.tryRecv();
      if (next === undefined) {
        signal.throwIfAborted();
        await ctx.yield();
      } else if (next.done) over();
      else keep(next.value);
    } else {
      const cases: SelectCase[] = open.map((each) => recv(each));
      const isHasty = random.chance(10);
      if (!isHasty) cases.push(onAbort(signal));
      if (!isHasty && random.chance(50)) cases.push(after(random.below(30) / 10));
      const { index, value, done } = await select(cases, { default: isHasty });
      signal.throwIfAborted();
      if (index === -1) await ctx.yield();
      else if (index < open.length) {
        if (done) open.splice(index, 1);
        else keep(value as Sent);
      }
    }
    if (ctx.go !== undefined && random.chance(20)) await linger(ctx as TaskContext, random);
  }
  return got;
}

export const sends = task(import.meta, "sends", sendAll);
export const receives = task(import.meta, "receives", receiveAll);

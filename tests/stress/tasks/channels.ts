/** Sending and receiving. Every operation that may wait gets the task's signal, so that an act that was stopped ends. */
import {
  after,
  type Channel,
  ChannelClosedError,
  onAbort,
  recv,
  select,
  send,
  task,
  type TaskContext,
} from "@heddle/heddle";
import { Random } from "../random.ts";
import { linger } from "./lingering.ts";

/** A value names its sender and its place; some do not fit into a cell, and a few are large. */
export type Sent = [sender: number, i: number, ballast?: string];

function sent(sender: number, i: number, random: Random): Sent {
  if (random.chance(70)) return [sender, i];
  const length = random.chance(3) ? 2_000_000 : random.of([1, 40, 200, 5000, 5000, 70_000]);
  return [sender, i, "x".repeat(length) + mark(sender, i)];
}

/** The end of a value's ballast, which tells that it is whole and its own. */
function mark(sender: number, i: number): string {
  return `${sender}-${i}`;
}

/** No case at all, in one of its forms. */
function none(random: Random): false | null | undefined {
  return random.of([false, null, undefined]);
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
      const others = isHasty ? [none(random)] : [after(random.below(20) / 10), none(random), onAbort(signal)];
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
  const keep = ([sender, i, ballast]: Sent) => {
    if (ballast !== undefined && !(ballast.startsWith("x") && ballast.endsWith(`x${mark(sender, i)}`))) {
      throw new Error(`value ${i} of sender ${sender} ends with ${ballast.slice(-20)}`);
    }
    got.push([sender, i]);
  };
  const open = [...channels];
  while (open.length > 0) {
    const channel = random.of(open);
    const over = () => void open.splice(open.indexOf(channel), 1);
    const dice = random.below(10);
    if (dice < 2 && open.length === 1) {
      const next = await channel.recvOrDone({ signal });
      if (next.done) over();
      else keep(next.value);
    } else if (dice < 4 && open.length === 1) {
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
      const cases = channels.map((each) => open.includes(each) ? recv<unknown>(each) : none(random));
      const isHasty = random.chance(10);
      if (!isHasty) cases.push(onAbort(signal));
      if (!isHasty && random.chance(50)) cases.push(after(random.below(30) / 10));
      const { index, value, done } = await select(cases, { default: isHasty });
      signal.throwIfAborted();
      if (index === -1) await ctx.yield();
      else if (index < channels.length) {
        if (done) open.splice(open.indexOf(channels[index]), 1);
        else keep(value as Sent);
      }
    }
    if (ctx.go !== undefined && random.chance(20)) await linger(ctx as TaskContext, random);
  }
  return got;
}

export const sends = task(import.meta, "sends", sendAll);
export const receives = task(import.meta, "receives", receiveAll);

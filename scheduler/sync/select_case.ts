/** What a select may wait for. */
import { Channel, lifeOf } from "./channel.ts";
import type { ReceiveChannel, SendChannel } from "./channel_ends.ts";
import type { Isolate } from "./isolate.ts";
import { shown } from "../tasks/options.ts";

/** One thing that a {@linkcode select} may wait for. Made by `recv`, `send`, `after` and `onAbort`; used once. */
export type SelectCase<T = unknown> =
  | { readonly kind: "recv"; readonly channel: Channel<T> }
  | { readonly kind: "send"; readonly channel: Channel<T>; readonly value: T }
  | { readonly kind: "after"; readonly ms: number }
  | { readonly kind: "onAbort"; readonly signal: AbortSignal };

/** As users give them: what is no case is one that is never ready. */
export type Cases = readonly (SelectCase | false | null | undefined)[];

export function isNever(one: Cases[number]): one is false | null | undefined {
  return one === false || one === null || one === undefined;
}

/** A case that is ready when there is a value to receive, or the channel is closed and empty. */
export function recv<T>(channel: ReceiveChannel<T>): SelectCase<T> {
  return { kind: "recv", channel: requireChannel(channel, "recv") };
}

/** A case that is ready when `value` can be sent without waiting. */
export function send<T>(channel: SendChannel<T>, value: T): SelectCase<T> {
  return { kind: "send", channel: requireChannel(channel, "send"), value };
}

/**
 * A case that is ready after `ms` milliseconds, of which fractions count.
 *
 * @throws {RangeError} if that is no time.
 */
export function after(ms: number): SelectCase<never> {
  if (typeof ms === "number" && ms >= 0) return { kind: "after", ms };
  throw new RangeError(`after(${String(ms)}): give milliseconds, 0 or more.`);
}

/** A case that is ready when the signal is aborted. */
export function onAbort(signal: AbortSignal): SelectCase<never> {
  if (signal instanceof AbortSignal) return { kind: "onAbort", signal };
  throw new TypeError(`onAbort(${String(signal)}): give an AbortSignal.`);
}

function requireChannel<T>(channel: unknown, what: string): Channel<T> {
  if (channel instanceof Channel) return channel;
  throw new TypeError(`${what}(${String(channel)}): give a Channel.`);
}

export function requireCases(cases: Cases): void {
  if (!Array.isArray(cases)) throw new TypeError(`select(${shown(cases)}): give an array of cases.`);
  const isolates = new Set<Isolate>();
  for (const one of cases as Cases) {
    if (isNever(one)) continue;
    if (typeof one !== "object" || !("kind" in one)) {
      throw new TypeError(
        `select([… ${
          shown(one)
        } …]): give cases made by recv, send, after and onAbort, or false for one that is never ready.`,
      );
    }
    if ("channel" in one) isolates.add(lifeOf(one.channel).isolate);
  }
  if (isolates.size > 1) throw new TypeError("select(…): the channels belong to different schedulers.");
}

/**
 * What goes on between two isolates once it has been passed on: AbortSignals and streams. What arrives is one of its own, and channels
 * are between the two: signal_relay.ts, stream_bridge.ts. What stays in its isolate is the very object.
 *
 * **Among the arguments of a task: until that has ended.** Who starts the task makes the channels as the arguments are written, goes to
 * work when they are, and ends that when the task's slot is free, so that nothing of the task runs any more, however that came.
 *
 * **In results and sends** there are streams alone, which end by themselves: stream_bridge.ts. Nobody would say when a signal is not to
 * be followed any more.
 */
import type { Bridged, Bridges, Crossing, Handle } from "../codec/handle.ts";
import { READABLE, SIGNAL } from "../codec/handle.ts";
import { refuse } from "../codec/refusal.ts";
import { HOME, type Home } from "../tasks/home.ts";
import type { Channel } from "./channel.ts";
import type { Isolate } from "./isolate.ts";
import { type Controllers, hearSignal, SignalRelay } from "./signal_relay.ts";
import { Drain, leave, readableFrom, Source, writableTo } from "./stream_bridge.ts";

/** This side's part in one of them. */
interface Bridge extends Crossing {
  readonly parts: readonly Handle[];
}

/** Arguments are being written, and nothing of this kind was among them so far. */
const NONE: ReadonlyMap<Bridged, Bridge> = new Map();

export class IsolateBridges implements Bridges {
  readonly #isolate: Isolate;
  readonly #controllers: Controllers;
  isDropping = false;
  /** Of the arguments that are being written; undefined while there are none. */
  #begun: ReadonlyMap<Bridged, Bridge> | undefined = undefined;

  constructor(isolate: Isolate, controllers: Controllers) {
    this.#isolate = isolate;
    this.#controllers = controllers;
  }

  open(): unknown {
    const outer = this.#begun;
    this.#begun = NONE;
    return outer;
  }

  close(outer: unknown): Crossing | undefined {
    const begun = this.#begun!;
    this.#begun = outer as ReadonlyMap<Bridged, Bridge> | undefined;
    if (begun === NONE) return undefined;
    return {
      begin() {
        for (const bridge of begun.values()) bridge.begin();
      },
      end() {
        for (const bridge of begun.values()) bridge.end();
      },
    };
  }

  parts(value: Bridged, begins: (() => void)[]): readonly Handle[] {
    const begun = this.#begun;
    if (begun === undefined) {
      if (value instanceof AbortSignal) refuse(value);
      const bridge = this.#newBridge(value);
      begins.push(() => bridge.begin());
      return bridge.parts;
    }
    // An encoder that finds no room begins again.
    let bridge = begun.get(value);
    if (bridge === undefined) {
      bridge = this.#newBridge(value);
      this.#begun = new Map(begun).set(value, bridge);
    }
    return bridge.parts;
  }

  #newBridge(value: Bridged): Bridge {
    const isolate = this.#isolate;
    if (value instanceof AbortSignal) return new SignalRelay({ [HOME]: isolate } as unknown as Home, value);
    return value instanceof ReadableStream ? new Source(isolate, value) : new Drain(isolate, value);
  }

  arrive(kind: number, parts: readonly Handle[]): Bridged {
    if (kind === SIGNAL) return hearSignal(this.#isolate, parts[0], this.#controllers);
    const channels = parts as unknown as Channel<never>[];
    // Not now: whoever drops a value may be in the middle of anything.
    if (this.isDropping) queueMicrotask(() => leave(channels));
    return kind === READABLE ? readableFrom(this.#isolate, channels) : writableTo(this.#isolate, channels);
  }
}

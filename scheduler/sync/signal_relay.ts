/**
 * AbortSignals among the arguments of a task that begins in another isolate: there it gets a signal of its own, which is aborted
 * when the one here is, with the reason.
 *
 * Each start has a channel of capacity 1 for each of its signals. Who starts the task follows the signal, and sends the reason; the
 * other isolate waits there from when it has read the arguments. When the slot is free, so that nothing of the task runs any more,
 * who started it follows no more, and closes the channel: nothing is left on either side. A child that stays on its parent's thread
 * gets the very signal.
 */
import type { SignalRelays } from "../codec/handle.ts";
import { refuse } from "../codec/refusal.ts";
import { whenAborted } from "../queues/cancellation.ts";
import { HOME, type Home } from "../tasks/home.ts";
import { Channel } from "./channel.ts";
import { NEXT, type Receiving } from "./channel_life.ts";
import { HANDLE } from "../codec/handle.ts";
import type { Shareable } from "./handles.ts";
import type { Isolate } from "./isolate.ts";
import { SUCCEEDED } from "./outcome.ts";
import { SharedChannel } from "./shared_channel.ts";
import type { Waiter } from "./waiter.ts";

/** How the signals of an isolate's tasks are made and aborted. */
export interface Controllers {
  controller(): AbortController;
  /** What listens is a task's code. */
  abort(controller: AbortController, reason: unknown): void;
}

/** Arguments are being written, and no signals were among them so far. */
const NONE: ReadonlyMap<AbortSignal, Relay> = new Map();

export class Signals implements SignalRelays {
  readonly #isolate: Isolate;
  readonly #controllers: Controllers;
  /** Of the arguments that are being written; undefined while there are none. */
  #begun: ReadonlyMap<AbortSignal, Relay> | undefined = undefined;

  constructor(isolate: Isolate, controllers: Controllers) {
    this.#isolate = isolate;
    this.#controllers = controllers;
  }

  begin(): unknown {
    const outer = this.#begun;
    this.#begun = NONE;
    return outer;
  }

  end(outer: unknown): (() => void) | undefined {
    const begun = this.#begun!;
    this.#begun = outer as ReadonlyMap<AbortSignal, Relay> | undefined;
    if (begun === NONE) return undefined;
    return () => {
      for (const relay of begun.values()) relay.end();
    };
  }

  relay(signal: AbortSignal): number {
    const begun = this.#begun;
    if (begun === undefined) refuse(signal);
    const earlier = begun.get(signal);
    if (earlier !== undefined) return earlier.object;
    const relay = new Relay(this.#isolate, signal);
    this.#begun = new Map(begun).set(signal, relay);
    return relay.object;
  }

  arrive(object: number): AbortSignal {
    const handle = this.#isolate.handles.arrive(object);
    const controller = this.#controllers.controller();
    const abort = (reason: unknown) => this.#controllers.abort(controller, reason);
    // Whatever ends it otherwise, as the scheduler's end or a deadlock: then nothing comes.
    new Relayed(this.#isolate, object, handle, abort).receive(NEXT).catch(() => {});
    return controller.signal;
  }
}

/** The side of the signal. */
class Relay {
  readonly object: number;
  readonly #channel: Channel<unknown>;
  readonly #unfollow: (() => void) | undefined;

  constructor(isolate: Isolate, signal: AbortSignal) {
    this.#channel = new Channel({ [HOME]: isolate } as unknown as Home, 1);
    this.object = (this.#channel[HANDLE] as Shareable).share();
    if (signal.aborted) this.#send(signal.reason);
    else this.#unfollow = whenAborted(signal, (reason) => this.#send(reason));
  }

  #send(reason: unknown): void {
    try {
      this.#channel.trySend(reason);
    } catch {
      // It cannot be copied, or finds no room: the other side has one for that.
      this.#channel.trySend(undefined);
    }
  }

  end(): void {
    this.#unfollow?.();
    this.#channel.close();
  }
}

/** The side of the task. It hears as the mail is read, so that a task that computes hears, too, when it looks at its signal. */
class Relayed extends SharedChannel {
  readonly #abort: (reason: unknown) => void;
  #reason: { readonly value: unknown } | undefined = undefined;

  constructor(isolate: Isolate, object: number, handle: object, abort: (reason: unknown) => void) {
    super(isolate, object, handle);
    this.#abort = abort;
  }

  override received(role: Receiving, value: unknown): Promise<unknown> {
    this.#abort(value);
    return super.received(role, value);
  }

  override settle(waiter: Waiter, outcome: number, value: unknown): void {
    if (outcome === SUCCEEDED) this.#reason = { value };
    super.settle(waiter, outcome, value);
  }

  override completed(waiter: Waiter, outcome: number): void {
    super.completed(waiter, outcome);
    if (this.#reason !== undefined) this.#abort(this.#reason.value);
  }

  override describe(): string {
    return "hear of an AbortSignal";
  }
}

/**
 * AbortSignals among the arguments of a task that begins in another isolate: bridges.ts. The task gets a signal of its own, which is
 * aborted when the one here is, with the reason, by a channel of capacity 1.
 */
import { HANDLE, type Handle } from "../codec/handle.ts";
import { whenAborted } from "../queues/cancellation.ts";
import type { Home } from "../tasks/home.ts";
import { Channel } from "./channel.ts";
import { NEXT, type Receiving } from "./channel_life.ts";
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

/** The side of the signal. */
export class SignalRelay {
  readonly parts: readonly Channel<unknown>[];
  readonly #channel: Channel<unknown>;
  readonly #signal: AbortSignal;
  #unfollow: (() => void) | undefined = undefined;

  constructor(home: Home, signal: AbortSignal) {
    this.#signal = signal;
    this.#channel = new Channel(home, 1);
    this.parts = [this.#channel];
  }

  begin(): void {
    const signal = this.#signal;
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

/** The side of the task. */
export function hearSignal(isolate: Isolate, handle: Handle, controllers: Controllers): AbortSignal {
  const controller = controllers.controller();
  const object = (handle[HANDLE] as Shareable).share();
  new Relayed(isolate, object, handle, (reason) => controllers.abort(controller, reason)).hear();
  return controller.signal;
}

/**
 * It hears as the mail is read, so that a task that computes hears, too, when it looks at its signal: also one that the event loop
 * has let go on without a P, which would wait for that as long as it computes.
 */
class Relayed extends SharedChannel {
  readonly takesNoP = true;
  readonly #abort: (reason: unknown) => void;
  #reason: { readonly value: unknown } | undefined = undefined;

  constructor(isolate: Isolate, object: number, handle: object, abort: (reason: unknown) => void) {
    super(isolate, object, handle);
    this.#abort = abort;
  }

  hear(): void {
    const { isolate } = this;
    const { parked } = isolate;
    // Whatever ends it otherwise, as the scheduler's end or a deadlock: then nothing comes.
    this.receive(NEXT).catch(() => {});
    // No task waits here, and who counts those that do is not to count this: machine/event_loop.ts.
    isolate.parked = parked;
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
    this.isolate.parked++;
    super.completed(waiter, outcome);
    if (this.#reason !== undefined) this.#abort(this.#reason.value);
  }

  override describe(): string {
    return "hear of an AbortSignal";
  }
}

/**
 * The way of what cannot be bytes in the arena: a SharedArrayBuffer, a port, a large buffer that is given up; and of what
 * finds no room there.
 *
 * Who will run a task is not known when it is queued, and ports have two fixed ends. So every M has one port, to the
 * host, and the host passes on: an M posts a parcel there and mails the slot; the host, reading that mail, finds the
 * parcel in the port of the slot's sender and keeps it (a result of its own) or posts it to who needs it, and mails.
 * Ports are read with `receiveMessageOnPort`, so a parcel that was posted before the mail is there when the mail is read.
 */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import type { Parcel } from "./parcel.ts";

interface Delivery {
  readonly slot: number;
  /** Not the parcel's bytes: Deno (2.9) looks at each element of every view in a message, which takes 80 ns. */
  readonly buffer: ArrayBuffer;
  readonly side: unknown[];
  readonly transfer: Transferable[];
}

/** One end of the port between an M and the host. */
export class SideChannel {
  readonly #port: MessagePort;
  readonly #arrived = new Map<number, Parcel>();

  constructor(port: MessagePort) {
    this.#port = port;
  }

  post(slot: number, { bytes, side, transfer }: Parcel): void {
    const buffer = bytes.buffer as ArrayBuffer;
    const delivery: Delivery = { slot, buffer, side, transfer };
    this.#port.postMessage(delivery, [buffer, ...transfer] as never);
  }

  /** The parcel that was posted for a slot, or undefined if it has not been. */
  take(slot: number): Parcel | undefined {
    this.#receive();
    const parcel = this.#arrived.get(slot);
    this.#arrived.delete(slot);
    return parcel;
  }

  /** Whatever was posted and not taken: the other end has closed. */
  takeAll(): Map<number, Parcel> {
    this.#receive();
    return this.#arrived;
  }

  #receive(): void {
    for (;;) {
      const next = receiveMessageOnPort(this.#port) as { message: Delivery } | undefined;
      if (next === undefined) return;
      const { slot, buffer, side, transfer } = next.message;
      this.#arrived.set(slot, { bytes: new Uint8Array(buffer), side, transfer });
    }
  }

  close(): void {
    this.#port.close();
  }
}

/** What cannot be bytes in the arena, and goes by a message port: side_channel.ts has its way. */
import { decode, type Message } from "../codec/codec.ts";
import type { References } from "../codec/handle.ts";

export interface Parcel {
  /** A whole buffer of its own. */
  readonly bytes: Uint8Array;
  readonly side: unknown[];
  readonly transfer: Transferable[];
}

export function parcelOf({ bytes, bulk, size, side, transfer }: Message): Parcel {
  const whole = new Uint8Array(size + 3 & ~3);
  whole.set(bytes);
  for (const piece of bulk) whole.set(piece.bytes, piece.at);
  return { bytes: whole, side, transfer };
}

export function openParcel({ bytes, side }: Parcel, handles?: References): unknown {
  return decode({ u8: bytes, i32: new Int32Array(bytes.buffer), handles }, 0, side);
}

/**
 * Nobody will open it: handles in it arrive all the same, and are collected. If it cannot be read, those that were not
 * reached keep their objects.
 */
export function dropParcel(parcel: Parcel | undefined, handles: References | undefined): void {
  if (parcel !== undefined) readInVain(handles, () => openParcel(parcel, handles));
}

/** For what arrives with a value that nobody wants: handles are collected, and the other ends of streams told. */
export function readInVain(handles: References | undefined, read: () => unknown): void {
  const bridges = handles?.bridges;
  if (bridges !== undefined) bridges.isDropping = true;
  try {
    read();
  } catch {
    // Nobody waits for it.
  }
  if (bridges !== undefined) bridges.isDropping = false;
}

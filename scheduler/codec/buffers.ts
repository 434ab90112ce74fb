// What an ArrayBuffer or a view says of itself, whatever its class has made of that: structuredClone looks past methods
// and getters that a class has overridden, and so do we.

import { VIEWS } from "./format.ts";
import { Refusal } from "./refusal.ts";

const typedArray = Object.getPrototypeOf(Int8Array.prototype);
const viewName = getterOf<string | undefined>(typedArray, Symbol.toStringTag);
const lengthOf = getterOf<number>(typedArray, "length");
const offsetOfArray = getterOf<number>(typedArray, "byteOffset");
const bufferOfArray = getterOf<ArrayBufferLike>(typedArray, "buffer");
const bytesOfDataView = getterOf<number>(DataView.prototype, "byteLength");
const offsetOfDataView = getterOf<number>(DataView.prototype, "byteOffset");
const bufferOfDataView = getterOf<ArrayBufferLike>(DataView.prototype, "buffer");
const bytesOfBuffer = getterOf<number>(ArrayBuffer.prototype, "byteLength");
const maxBytesOfBuffer = getterOf<number>(ArrayBuffer.prototype, "maxByteLength");
const resizable = getterOf<boolean>(ArrayBuffer.prototype, "resizable");
const growable = getterOf<boolean>(SharedArrayBuffer.prototype, "growable");
const detached = getterOf<boolean>(ArrayBuffer.prototype, "detached");
const transfer = ArrayBuffer.prototype.transfer;
const slice = ArrayBuffer.prototype.slice;
const VIEW_NAMES = VIEWS.map((view) => view.name);

function getterOf<T>(prototype: object, key: PropertyKey): { call(object: object): T } {
  return Object.getOwnPropertyDescriptor(prototype, key)!.get!;
}

export function byteLengthOf(buffer: ArrayBuffer): number {
  return bytesOfBuffer.call(buffer);
}

export function maxByteLengthOf(buffer: ArrayBuffer): number {
  return maxBytesOfBuffer.call(buffer);
}

export function isResizable(buffer: ArrayBufferLike): boolean {
  return resizable.call(buffer);
}

export function isGrowable(buffer: SharedArrayBuffer): boolean {
  return growable.call(buffer);
}

export function isDetached(buffer: ArrayBufferLike): boolean {
  return detached.call(buffer);
}

export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return (viewName.call(view) === undefined ? bufferOfDataView : bufferOfArray).call(view);
}

/** The index in VIEWS, the first byte, and the length, which is the number of bytes of a DataView. */
export function shapeOf(view: ArrayBufferView): [index: number, byteOffset: number, length: number] {
  const name = viewName.call(view);
  if (name === undefined) return [0, offsetOfDataView.call(view), bytesOfDataView.call(view)];
  return [VIEW_NAMES.indexOf(name), offsetOfArray.call(view), lengthOf.call(view)];
}

/** A buffer with these bytes that nobody else has. */
export function copyOf(buffer: ArrayBuffer): ArrayBuffer {
  return slice.call(buffer, 0);
}

/** The same memory as a buffer of its own, and nothing in this one any more. What cannot be detached is copied. */
export function takeFrom(buffer: ArrayBuffer): ArrayBuffer {
  try {
    return transfer.call(buffer);
  } catch {
    return isDetached(buffer) ? new ArrayBuffer(0) : copyOf(buffer);
  }
}

export function refuseDetached(): never {
  throw new Refusal("a detached ArrayBuffer cannot be cloned; pass it before it is transferred");
}

/** Does the length of a view follow that of its resizable buffer? Only a copy can be resized to find out. */
export function tracksLength(view: ArrayBufferView): boolean {
  let copy: ArrayBufferView;
  try {
    copy = structuredClone(view);
  } catch {
    throw new Refusal("a view that its resized buffer no longer covers cannot be cloned; make it anew");
  }
  const buffer = copy.buffer as ArrayBuffer;
  if (copy.byteLength === 0) {
    buffer.resize(buffer.maxByteLength);
    return copy.byteLength > 0;
  }
  buffer.resize(copy.byteOffset);
  try {
    // A view of a fixed length is now out of bounds, and says so; one that tracks is empty.
    if (copy instanceof DataView) copy.byteLength;
    else (copy as Uint8Array).fill(0);
    return true;
  } catch {
    return false;
  }
}

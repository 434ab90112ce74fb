/** See `Shim.addressOf`. */
export function addressOf(buffer: ArrayBufferLike | ArrayBufferView): number {
  const view = ArrayBuffer.isView(buffer) ? buffer : new Uint8Array(buffer);
  if (view.byteLength === 0) {
    throw new TypeError("An empty buffer has no address: give one of at least 1 byte.");
  }
  // Deno's types leave shared buffers out; its runtime takes them.
  return Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(view as ArrayBufferView<ArrayBuffer>)));
}

/** What a foreign function that returned this address would give; null for 0. */
export function pointerTo(address: bigint): Deno.PointerValue {
  return Deno.UnsafePointer.create(address);
}

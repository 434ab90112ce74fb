/** The ways of a value from one isolate to another, in one: what carries it is the scheduler's own. */
import { MessageChannel } from "node:worker_threads";
import { copyWithin } from "../../scheduler/sync/cell.ts";
import { type Bytes, copy, decode, encodeInto } from "../../scheduler/codec/codec.ts";
import { GTable } from "../../scheduler/slots/g_table.ts";
import { openParcel } from "../../scheduler/slots/parcel.ts";
import { Arena, leastArenaBytes } from "../../scheduler/arena/arena.ts";
import { HOST } from "../../scheduler/arena/layout/m.ts";
import { G_PAYLOAD, INLINE_BYTES } from "../../scheduler/arena/layout/slot.ts";
import { SideChannel } from "../../scheduler/slots/side_channel.ts";

const arena = new Arena({ maxTasks: 4, maxThreads: 1, bytes: leastArenaBytes(4, 1) + (4 << 20) });
const gs = new GTable(arena, HOST);
const { port1, port2 } = new MessageChannel();
const [from, to] = [new SideChannel(port1), new SideChannel(port2)];

/** What goes along, so that the value takes the way; and the copy of both. */
export interface Route {
  beside(): unknown[];
  copy(values: unknown[]): unknown;
}

const taken = new Map<string, number>();

/** How often values took each way of a slot's payload. */
export function waysTaken(): Record<string, number> {
  return Object.fromEntries(taken);
}

function throughSlot(values: unknown[]): unknown {
  const slot = gs.allocate();
  try {
    const parcel = gs.writeResult(slot, values);
    const way = parcel !== undefined ? "port" : arena.i32[arena.g(slot) + G_PAYLOAD] === 0 ? "slot" : "block";
    taken.set(way, (taken.get(way) ?? 0) + 1);
    if (parcel === undefined) return gs.readPayload(slot);
    from.post(slot, parcel);
    return openParcel(to.take(slot)!);
  } finally {
    gs.free(slot);
  }
}

function throughBytes(values: unknown[]): unknown {
  const size = 1 << 16;
  const buffer = new SharedArrayBuffer(size);
  const bytes: Bytes = { i32: new Int32Array(buffer), u8: new Uint8Array(buffer) };
  if (encodeInto(bytes, 64, size, values) < 0) return copy(values, "value");
  try {
    return decode(bytes, 64);
  } finally {
    bytes.u8.fill(0xff);
  }
}

export const routes: Record<string, Route> = {
  slot: { beside: () => [], copy: throughSlot },
  block: { beside: () => ["x".repeat(INLINE_BYTES)], copy: throughSlot },
  span: { beside: () => [new Uint8Array(40_000)], copy: throughSlot },
  port: { beside: () => [new SharedArrayBuffer(8)], copy: throughSlot },
  bytes: { beside: () => [], copy: throughBytes },
  "a child of the same thread": { beside: () => [], copy: (values) => copy(values, "value") },
  "a channel of the same thread": { beside: () => [], copy: copyWithin },
};

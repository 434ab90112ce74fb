/** How a channel that one isolate knew alone moves to the arena, to be known by others. */
import { C_CAPACITY, C_COUNT, CELL_WORDS, O_ENDED, W_CELL } from "../arena/layout/object.ts";
import { copyCell, dropCell, writeCell } from "./cell.ts";
import { SEND } from "./channel_life.ts";
import { CHANNEL } from "./handles.ts";
import type { Handle } from "../codec/handle.ts";
import { writeName } from "./object_name.ts";
import type { LocalChannel } from "./local_channel.ts";
import { SharedChannel } from "./shared_channel.ts";

/** The place for its state. Throws a RangeError if there is none. */
export function placeFor(local: LocalChannel, handle: Handle): SharedChannel {
  const { isolate, capacity } = local;
  const object = isolate.handles.create(CHANNEL, capacity * CELL_WORDS);
  isolate.words[object + C_CAPACITY] = capacity;
  isolate.words[object + O_ENDED] = local.isClosed ? 1 : 0;
  writeName(isolate, object, handle);
  return new SharedChannel(isolate, object, handle);
}

/** What is buffered, and who is parked, moves there. If this throws, nothing has moved. */
export function move(local: LocalChannel, shared: SharedChannel): void {
  const { isolate, object } = shared;
  const { words, values, records } = isolate;
  const waiters = [...local.waiting()];
  const sent = waiters.filter(({ role }) => role === SEND).map(({ value }) => value);
  const written: number[] = [];
  try {
    for (const value of [...local.values(), ...sent]) {
      // Each by itself: a value may have channels in it, which need records as well.
      records.reserve();
      const record = records.take();
      written.push(record);
      writeCell(isolate, values, record + W_CELL, value);
    }
    records.reserve(waiters.length);
  } catch (error) {
    for (const record of written) {
      dropCell(isolate, values, record + W_CELL);
      records.giveBack(record);
    }
    throw error;
  }
  local.moved = shared;
  isolate.unlist(local);
  const cells = object + isolate.handles.bodyAt;
  const { length } = local;
  for (const record of written.slice(0, length)) {
    copyCell(words, record + W_CELL, words, cells + words[object + C_COUNT]++ * CELL_WORDS);
    records.giveBack(record);
  }
  let next = length;
  for (const waiter of waiters) {
    local.withdraw(waiter);
    waiter.waited = shared;
    waiter.value = undefined;
    if (waiter.role === SEND) records.assign(waiter, written[next++]);
    shared.enqueue(waiter);
  }
  isolate.objectLocks.appear(object);
}

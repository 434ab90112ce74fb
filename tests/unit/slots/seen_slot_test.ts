import { assertEquals } from "@std/assert";
import { G_CANCELLED, G_DONE, G_QUEUED, G_RUNNING } from "../../../scheduler/slots/g_table.ts";
import { seeSlot } from "../../../scheduler/slots/seen_slot.ts";
import { fourIsolates } from "../../support/isolates.ts";

Deno.test("a slot is seen from its queue to its end, also by who does not own it", () => {
  const [host, one, other] = fourIsolates();
  const slot = one.gs.allocate();
  const see = () => seeSlot(host.arena, slot);
  assertEquals(see(), undefined);
  // Beyond what fits one word.
  const id = 5 * 2 ** 32 + 2 ** 31 + 7;
  one.gs.prepare(slot, id, 3);
  assertEquals(see(), undefined);
  one.gs.queue(slot);
  assertEquals(see(), { id, status: G_QUEUED, definition: 3, runner: 0 });
  other.gs.startRunning(slot, 2);
  assertEquals(see(), { id, status: G_RUNNING, definition: 3, runner: 2 });
  other.gs.end(slot, 2, G_DONE);
  assertEquals(see(), { id, status: G_DONE, definition: 3, runner: 2 });
  one.gs.discard(slot);
  assertEquals(see(), undefined);
});

Deno.test("a task that was cancelled before it began is seen as that", () => {
  const [host, one] = fourIsolates();
  const slot = one.gs.allocate();
  one.gs.prepare(slot, 9, 0);
  one.gs.queue(slot);
  one.gs.cancelQueued(slot);
  assertEquals(seeSlot(host.arena, slot), { id: 9, status: G_CANCELLED, definition: 0, runner: 0 });
});

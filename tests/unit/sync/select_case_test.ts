import { assertEquals, assertThrows } from "@std/assert";
import type { Channel } from "../../../scheduler/sync/channel.ts";
import { after, onAbort, recv, requireCases, send } from "../../../scheduler/sync/select_case.ts";

Deno.test("a case is not made of anything else", () => {
  assertThrows(() => recv({} as Channel<number>), TypeError, "recv(");
  assertThrows(() => send(undefined as unknown as Channel<number>, 1), TypeError, "send(");
  assertThrows(() => onAbort({} as AbortSignal), TypeError, "AbortSignal");
  for (const ms of [-1, NaN, "1" as unknown as number]) assertThrows(() => after(ms), RangeError);
  assertEquals(after(0.5), { kind: "after", ms: 0.5 });
});

Deno.test("no cases are refused, unless there is a default: they would wait for ever", () => {
  assertThrows(() => requireCases([], false), TypeError, "for ever");
  requireCases([], true);
  assertThrows(() => requireCases([after(1), 2 as unknown as ReturnType<typeof after>], true), TypeError);
});

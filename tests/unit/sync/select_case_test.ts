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

Deno.test("what is false, null or undefined is no case, and anything else that was not made as one is refused", () => {
  const lists: Parameters<typeof requireCases>[0][] = [[], [false, null, undefined], [null, after(1)]];
  for (const cases of lists) requireCases(cases);
  for (const one of [0, "", 2, {}, []] as unknown[]) {
    assertThrows(() => requireCases([after(1), one as never]), TypeError, "made by recv");
  }
  assertThrows(() => requireCases(after(1) as never), TypeError, "give an array");
});

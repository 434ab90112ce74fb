import { assertEquals } from "@std/assert";
import * as word from "../../../scheduler/parking/sleep_word.ts";

const states = Object.entries(word).filter(([, value]) => typeof value === "number") as [string, number][];
const thatAre = (is: (state: number) => boolean) =>
  states.filter(([, state]) => is(state)).map(([name]) => name).sort();

Deno.test("every state is another number, and none looks like a P that was given", () => {
  assertEquals(new Set(states.map(([, state]) => state)).size, states.length);
  assertEquals(thatAre(word.isGiven), []);
});

Deno.test("a given P is read as it was given, and is no other state", () => {
  for (const p of [0, 1, 255]) {
    for (const spinning of [false, true]) {
      const state = word.given(p, spinning);
      assertEquals([word.isGiven(state), word.givenP(state), word.givenSpinning(state)], [true, p, spinning]);
      const others = [word.isAsleep, word.isAsked, word.isFrozen, word.isLost, word.takesP, word.lacksP];
      assertEquals(others.map((is) => is(state)), others.map(() => false));
    }
  }
});

Deno.test("each predicate holds of the states that it is about, and of no other", () => {
  const asleep = thatAre(word.isAsleep);
  assertEquals(asleep, [
    "AWAITS_P",
    "KEEPS_P_EVENT_LOOP",
    "KEEPS_P_FUTEX",
    "LOCKED_EVENT_LOOP",
    "LOCKED_FUTEX",
    "PARKED_EVENT_LOOP",
    "PARKED_FUTEX",
    "SPARE_FUTEX",
  ]);
  assertEquals(thatAre(word.sleepsInEventLoop), asleep.filter((name) => name.endsWith("EVENT_LOOP")));
  assertEquals(thatAre(word.takesP), [
    "AWAITS_P",
    "LOCKED_EVENT_LOOP",
    "LOCKED_FUTEX",
    "PARKED_EVENT_LOOP",
    "PARKED_FUTEX",
    "SHELVED",
  ]);
  assertEquals(thatAre(word.isParked), ["PARKED_EVENT_LOOP", "PARKED_FUTEX"]);
  assertEquals(thatAre(word.isBlocked), ["AWAITS_P", "BLOCKED", "MARKED"]);
  assertEquals(thatAre(word.isAsked), ["ASKED", "ASKED_LOST", "ASKED_SEIZED", "ASKED_TO_LET_GO"]);
  assertEquals(thatAre(word.isSeized), ["ASKED_SEIZED", "SEIZED"]);
  assertEquals(thatAre(word.isFrozen), ["ABANDONED", "FROZEN", "SHELVED"]);
  assertEquals(thatAre(word.isLost), ["ABANDONED", "ASKED_LOST", "LOST"]);
});

Deno.test("the handler in C has the same numbers for what it knows", async () => {
  const header = await Deno.readTextFile(new URL("../../../native/shim.h", import.meta.url));
  const shared = ["AWAKE", "ASKED", "LETS_GO", "SEIZED", "LOST", "FROZEN"] as const;
  for (const name of shared) {
    const [, value, shift] = header.match(`HEDDLE_${name} = (\\d+)(?: << (\\d+))?,`)!;
    assertEquals(Number(value) << Number(shift ?? 0), word[name], name);
  }
});

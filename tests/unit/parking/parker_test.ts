import { assert, assertEquals } from "@std/assert";
import { AWAKE, given, LETS_GO, PARKED_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { fourMs } from "../../support/isolates.ts";

Deno.test("who takes back its announcement learns of the P that it was given meanwhile", () => {
  const { parker } = fourMs(1);
  parker.announce(1, PARKED_FUTEX);
  assertEquals(parker.retract(1, PARKED_FUTEX), AWAKE);
  parker.announce(1, PARKED_FUTEX);
  assert(parker.unpark(1, PARKED_FUTEX, given(0, true)));
  assert(!parker.unpark(1, PARKED_FUTEX, AWAKE));
  assertEquals(parker.retract(1, PARKED_FUTEX), given(0, true));
  assertEquals(parker.state(1), AWAKE);
});

Deno.test("a P that an M has let go is the M's if it is back first, and sysmon's if not", () => {
  const { parker, idle: { ps } } = fourMs(3);
  ps.hold(1, 2);
  ps.hold(0, 3);
  parker.ask(2, AWAKE, LETS_GO);
  assertEquals([parker.keep(2), parker.seize(2), ps.heldBy(2)], [true, false, 1]);
  parker.ask(2, AWAKE, LETS_GO);
  assertEquals([parker.seize(2), parker.keep(2)], [true, false]);
  assertEquals([ps.takeFrom(0, 2), ps.takeFrom(1, 2), ps.takeFrom(1, 2), ps.heldBy(2)], [
    false,
    true,
    false,
    -1,
  ]);
});

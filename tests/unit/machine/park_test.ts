import { assert, assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { Agenda } from "../../../scheduler/machine/agenda.ts";
import { Hold } from "../../../scheduler/machine/hold.ts";
import { Park } from "../../../scheduler/machine/park.ts";
import { NO_P } from "../../../scheduler/parking/idle.ts";
import { POOL } from "../../../scheduler/parking/roles.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { KEEPS_P_EVENT_LOOP, KEEPS_P_FUTEX } from "../../../scheduler/parking/sleep_word.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const M = 1;

/** What an M that holds the only P, and expects a module, announces first as it parks, and with which P; undefined if it does not. */
async function announcedAt(looks: number): Promise<{ asleep: number; p: number } | undefined> {
  const shim = loadShim();
  const arena = new Arena({ maxTasks: 16, maxThreads: 4, bytes: leastArenaBytes(16, 4) });
  const shared = new Shared(arena, shim);
  shared.roles.set(M, POOL);
  shared.idle.setProcs(1);
  const hold = new Hold(shared, M, shim, () => {});
  hold.take(shared.idle.acquireP());
  const agenda = new Agenda(shared, hold);
  agenda.expects(false);
  const eventLoop = {
    turn: () => Promise.resolve(),
    standstill: 0,
    ahead: 0,
    isEmpty: () => false,
    hadTurn() {},
  };
  const park = new Park(
    agenda,
    {} as Any,
    eventLoop as Any,
    { read: () => false } as Any,
    {} as Any,
    {} as Any,
  );
  let announced: { asleep: number; p: number } | undefined;
  hold.announce = (asleep) => {
    announced = { asleep, p: hold.p };
    // The loop ends here.
    agenda.close();
    throw announced;
  };
  const { now } = performance;
  let left = looks;
  performance.now = () => now.call(performance) + (left-- > 0 ? 0 : 1e6);
  try {
    hold.locks.enter();
    await park.park();
  } catch (error) {
    if (error !== announced) throw error;
  } finally {
    performance.now = now;
  }
  if (announced === undefined) assertEquals(hold.p, 0);
  return announced;
}

Deno.test("whenever what an M expects is late, it does not sleep with a P as one that has none", async () => {
  const seen = new Set<string>();
  for (let looks = 0; looks < 12; looks++) {
    const announced = await announcedAt(looks);
    seen.add(announced === undefined ? "stays awake" : announced.p === NO_P ? "gave it up" : "keeps it");
    if (announced === undefined) continue;
    const { asleep, p } = announced;
    const keeps = asleep === KEEPS_P_EVENT_LOOP || asleep === KEEPS_P_FUTEX;
    assert(keeps === (p !== NO_P), `late after ${looks} looks at the clock: state ${asleep} with P ${p}`);
  }
  assert(seen.has("keeps it") && seen.size > 1, [...seen].join());
});

import { assertEquals } from "@std/assert";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { DEDICATED, LOCKED, NONE, POOL, type Role, SPARE } from "../../../scheduler/parking/roles.ts";
import {
  ABANDONED,
  AWAITS_P,
  BLOCKED,
  FROZEN,
  given,
  MARKED,
  PARKED_FUTEX,
  SEIZED,
  SHELVED,
} from "../../../scheduler/parking/sleep_word.ts";
import { fourMs } from "../../support/isolates.ts";

function withRoles(...roles: Role[]) {
  const shared = fourMs(2);
  roles.forEach((role, i) => shared.roles.set(i + 1, role));
  return shared;
}

Deno.test("a spare is claimed once, and nothing but a spare", () => {
  const { roles } = withRoles(SPARE, POOL, NONE, LOCKED);
  assertEquals([roles.claim(1, DEDICATED), roles.claim(1, POOL), roles.of(1)], [true, false, DEDICATED]);
  for (const isolate of [2, 3, 4]) assertEquals(roles.claim(isolate, POOL), false);
  assertEquals([roles.of(2), roles.of(3), roles.of(4)], [POOL, NONE, LOCKED]);
});

Deno.test("a thread of the pool may end only if as many others as procs can use a P", () => {
  const { roles, parker } = withRoles(POOL, POOL, POOL, POOL);
  parker.block(4);
  assertEquals(roles.resign(1, 3), false);
  assertEquals(roles.resign(1, 2), true);
  assertEquals([roles.of(1), roles.threads, roles.available], [NONE, 3, 2]);
  assertEquals(roles.resign(2, 2), false);
});

Deno.test("a thread that is no part of the pool does not resign from it", () => {
  const { roles } = withRoles(POOL, POOL, POOL, LOCKED);
  assertEquals([roles.resign(4, 1), roles.of(4)], [false, LOCKED]);
});

Deno.test("who is in a call or in the middle of a task without a P is not available, and who sleeps is", () => {
  const { roles, parker } = withRoles(POOL, POOL, POOL, SPARE);
  const available = (state: number) => {
    parker.ask(1, parker.state(1), state);
    return roles.available;
  };
  for (const state of [BLOCKED, MARKED, AWAITS_P, SEIZED, FROZEN, SHELVED, ABANDONED]) {
    assertEquals(available(state), 2);
  }
  for (const state of [PARKED_FUTEX, given(0, true)]) assertEquals(available(state), 3);
});

Deno.test("threads in calls are blocked, and those that wait for their next slice are frozen, but not for good", () => {
  const { roles, parker } = withRoles(POOL, LOCKED, DEDICATED, POOL);
  const states = [MARKED, AWAITS_P, SHELVED, ABANDONED];
  states.forEach((state, i) => parker.ask(i + 1, parker.state(i + 1), state));
  assertEquals([roles.blocked, roles.frozen], [2, 1]);
});

Deno.test("the pool can get the spares and the threads that are still to start, and not those that left it", () => {
  const { roles } = withRoles(POOL, SPARE, LOCKED, DEDICATED);
  assertEquals([roles.threads, roles.poolCanHave(4), roles.poolCanHave(6)], [4, 2, 4]);
  assertEquals(roles.count(POOL), 1);
});

Deno.test("the host counts as no thread of any role", () => {
  const { roles } = withRoles(POOL, NONE, NONE, NONE);
  roles.set(HOST, POOL);
  assertEquals([roles.threads, roles.available], [1, 1]);
});

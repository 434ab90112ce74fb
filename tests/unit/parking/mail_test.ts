import { assert, assertEquals } from "@std/assert";
import { HOST } from "../../../scheduler/arena/memory_layout.ts";
import {
  AWAKE,
  given,
  KEEPS_P_FUTEX,
  PARKED_EVENT_LOOP,
  PARKED_FUTEX,
} from "../../../scheduler/parking/sleep_word.ts";
import { fourMs } from "../../support/isolates.ts";

Deno.test("mail to a parked M brings a P with it, if one is idle", () => {
  const { idle, parker, mailbox, mail } = fourMs(1);
  parker.announce(1, PARKED_FUTEX);
  mail.toOwner(1, 3);
  assert(!mailbox.isEmpty(1));
  assertEquals(parker.state(1), given(0, false));
  assertEquals([idle.idlePs, idle.spinning], [0, 0]);
});

Deno.test("an M with mail and no P to have waits in the global queue, once, until a P is handed to it", () => {
  const { idle, parker, global, wakeups, mail } = fourMs(1);
  const p = idle.acquireP();
  parker.announce(2, PARKED_EVENT_LOOP);
  mail.toOwner(2, 3);
  wakeups.ready(2);
  assertEquals(parker.state(2), PARKED_EVENT_LOOP);
  const notes: number[] = [];
  global.pop(10, (entry) => notes.push(entry));
  assertEquals(notes, [-2]);
  assertEquals(global.length, 0);
  assert(wakeups.isQueuedForP(2));
  assert(wakeups.handOff(2, p));
  assert(!wakeups.isQueuedForP(2));
  assertEquals(parker.state(2), given(p, false));
});

Deno.test("the host and a dedicated M are woken without a P", () => {
  const { idle, parker, mailbox, mail } = fourMs(1);
  parker.announce(HOST, PARKED_EVENT_LOOP);
  parker.announce(3, KEEPS_P_FUTEX);
  mail.toOwner(HOST, 1);
  mail.toRunner(3, 2);
  assertEquals([parker.state(HOST), parker.state(3)], [AWAKE, AWAKE]);
  assertEquals(idle.idlePs, 1);
  assert(!mailbox.isEmpty(HOST) && !mailbox.isEmpty(3));
});

Deno.test("a slot's runner gets one mail at a time", () => {
  const { mailbox, mail } = fourMs(1);
  mail.toRunner(1, 5);
  mail.toRunner(1, 5);
  mail.toRunner(1, 6);
  const slots: number[] = [];
  mailbox.drain(1, (slot) => slots.push(slot));
  assertEquals(slots, [5, 6]);
});

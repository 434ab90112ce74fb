/** Senders mail their own slots, over and over; the reader gives each back. Counts of rounds are from word 8, by slot. */
import { Mailbox, TO_OWNER, TO_RUNNER } from "../../../scheduler/queues/mailbox.ts";
import { arrive, random } from "./hammer.ts";

const READ = 2;
const SIGNALS = 3;
const ROUNDS = 4;
const SLOTS = 5;
const DISORDER = 6;
const SENDERS = 7;
const COUNTS = 8;

const { arena, words, number, role } = arrive();
const mailbox = new Mailbox(arena);
const rounds = words[ROUNDS];
const slots = words[SLOTS];

if (role === "reader") {
  const total = rounds * slots * words[SENDERS];
  let read = 0;
  const depth = { now: 0 };
  const look = (slot: number, addressee: number) => {
    const count = COUNTS + slot * 2 + addressee;
    // Odd while it is on its way.
    if (Atomics.add(words, count, 1) % 2 !== 1) Atomics.add(words, DISORDER, 1);
    read++;
    // A reader may drain in its turn.
    if (read % 5 === 0 && depth.now < 3) {
      depth.now++;
      if (mailbox.drain(1, look)) Atomics.add(words, SIGNALS, 1);
      depth.now--;
    }
  };
  while (read < total) {
    if (mailbox.drain(1, look)) Atomics.add(words, SIGNALS, 1);
  }
  Atomics.store(words, READ, read);
} else {
  const next = random(number + 1);
  const first = (number - 1) * slots;
  let sent = 0;
  for (let i = 0; sent < rounds * slots; i++) {
    const slot = first + (next() % slots);
    const addressee = slot % 2 === 0 ? TO_OWNER : TO_RUNNER;
    const count = COUNTS + slot * 2 + addressee;
    if (Atomics.load(words, count) % 2 === 1) continue;
    Atomics.add(words, count, 1);
    mailbox.push(1, slot, addressee);
    sent++;
    if (sent % 64 === 0) mailbox.signal(1);
  }
}

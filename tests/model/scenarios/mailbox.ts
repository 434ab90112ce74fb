/** Mailboxes: slots by both links, records, signals; and mail for a runner, of which one at a time is under way. */
import { load, pause, store } from "../../../scheduler/arena/atomics.ts";
import { type Addressee, TO_OWNER, TO_RUNNER, TO_WAITER } from "../../../scheduler/queues/mailbox.ts";
import { G_CANCEL } from "../../../scheduler/arena/memory_layout.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { Pool } from "./machines.ts";

export const mailbox: Scenario = {
  name: "mailbox: three senders, a signal, one reader",
  bound: 3,
  short: 2,
  setUp() {
    const { arena, mailbox } = new Pool(1);
    const record = arena.heapAt >> 2;
    const read: string[] = [];
    let signals = 0;
    const keep = (slot: number, addressee: Addressee) => void read.push(`${slot} ${addressee}`);
    const drain = () => {
      if (mailbox.drain(1, keep)) signals++;
    };
    return {
      arena,
      threads: {
        runner() {
          mailbox.push(1, 0, TO_OWNER);
          mailbox.push(1, 1, TO_OWNER);
        },
        owner() {
          mailbox.push(1, 0, TO_RUNNER);
          mailbox.signal(1);
        },
        waker() {
          mailbox.pushRecord(1, record);
        },
        reader() {
          for (let i = 0; i < 3; i++) {
            if (!mailbox.isEmpty(1)) drain();
          }
        },
      },
      end() {
        if (!mailbox.isEmpty(1)) drain();
        const all = [`0 ${TO_OWNER}`, `1 ${TO_OWNER}`, `0 ${TO_RUNNER}`, `${record} ${TO_WAITER}`];
        checkEqual(read.toSorted(), all.toSorted(), "mail");
        checkEqual(signals, 1, "signals");
        check(read.indexOf(`0 ${TO_OWNER}`) < read.indexOf(`1 ${TO_OWNER}`), "oldest first");
      },
    };
  },
};

export const runnerMail: Scenario = {
  name: "runner mail: what was stored before it is seen",
  bound: 4,
  short: 3,
  setUp() {
    const { arena, mail, mailbox, gs } = new Pool(1);
    const word = arena.g(0) + G_CANCEL;
    let seen = 0;
    const look = () => {
      mailbox.drain(1, (slot) => {
        gs.clearRunnerMail(slot);
        seen = load(arena.i32, word);
      });
    };
    return {
      arena,
      threads: {
        sender() {
          for (const value of [1, 2, 3]) {
            store(arena.i32, word, value);
            mail.toRunner(1, 0);
          }
        },
        reader() {
          while (seen < 2) {
            while (mailbox.isEmpty(1)) pause();
            look();
          }
        },
      },
      end() {
        look();
        if (!mailbox.isEmpty(1)) look();
        checkEqual(load(arena.i32, word), 3, "what was stored last");
        check(seen === 0 || seen === 3, `the last look has seen ${seen}`);
      },
    };
  },
};

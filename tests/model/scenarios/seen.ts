/**
 * Who looks at slots and objects that are others', as a dump does, while these are freed and used again: what is seen is one
 * that there was, never a part of one and a part of the next.
 */
import { OBJECTS_FIRST } from "../../../scheduler/arena/layout/header.ts";
import { O_FIRST_QUEUE } from "../../../scheduler/arena/layout/object.ts";
import type { Handle } from "../../../scheduler/codec/handle.ts";
import { BlackBox, type Entry } from "../../../scheduler/machine/black_box.ts";
import type { G } from "../../../scheduler/machine/g.ts";
import { G_DONE, G_QUEUED, G_RUNNING } from "../../../scheduler/slots/g_table.ts";
import { type SeenSlot, seeSlot, UNSTABLE } from "../../../scheduler/slots/seen_slot.ts";
import { Channel } from "../../../scheduler/sync/channel.ts";
import { CHANNEL, MUTEX } from "../../../scheduler/sync/handles.ts";
import { Mutex } from "../../../scheduler/sync/mutex.ts";
import { SeenObjects } from "../../../scheduler/sync/seen_objects.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { AWAITS, BEGUN } from "../../../scheduler/arena/layout/journal.ts";
import { UNIT } from "../../../scheduler/arena/spans.ts";
import { SeenJournal } from "../../../scheduler/host/seen_journal.ts";
import { Journal } from "../../../scheduler/tracing/journal.ts";
import { check, checkEqual, collect, type Scenario } from "../scenario.ts";
import { channelOf, lockOf, members, takenBack } from "./isolates.ts";

export const slot: Scenario = {
  name: "seen: a slot that is used again meanwhile",
  bound: 5,
  short: 2,
  setUp() {
    const [owner, runner] = members(2);
    const { gs } = owner.home;
    const slot = gs.allocate();
    const ids: number[] = [];
    const seen: (SeenSlot | typeof UNSTABLE | undefined)[] = [];
    const queue = (definition: number) => {
      const id = gs.newId();
      ids[definition] = id;
      gs.prepare(slot, id, definition);
      gs.queue(slot);
    };
    const run = (definition: number) => {
      check(gs.startRunning(slot, definition === 1 ? owner.home.number : runner.home.number), "it runs");
      gs.end(slot, runner.home.number, G_DONE);
      gs.free(slot);
    };
    queue(1);
    return {
      arena: owner.home.arena,
      threads: {
        owner() {
          run(1);
          checkEqual(gs.allocate(), slot, "the slot that is used again");
          queue(2);
          run(2);
        },
        looker() {
          seen.push(seeSlot(runner.home.arena, slot));
        },
      },
      end() {
        const [one] = seen;
        if (one === undefined || one === UNSTABLE) return;
        check([G_QUEUED, G_RUNNING, G_DONE].includes(one.status), "it is in use");
        checkEqual(one.id, ids[one.definition], "the task that has this definition");
        const isolate = one.definition === 1 ? owner.home.number : runner.home.number;
        check(one.runner === isolate || (one.runner === 0 && one.status === G_QUEUED), "it has this runner");
      },
    };
  },
};

export const block: Scenario = {
  name: "seen: a channel's block that becomes a mutex's",
  bound: 4,
  short: 2,
  setUp() {
    const [maker, looker] = members(2);
    const { home } = maker;
    const channel = {} as unknown as Handle;
    const first = home.handles.create(CHANNEL, 0);
    home.handles.adopt(first, channel);
    home.objectLocks.appear(first);
    const seen = new SeenObjects(looker.home.arena);
    let found: ReturnType<SeenObjects["see"]> = [];
    return {
      arena: home.arena,
      threads: {
        async maker() {
          collect(channel);
          const mutex = new Mutex(maker as never);
          await mutex.lock();
          const [shared] = lockOf([maker], () => mutex);
          check(shared === mutex, "it is in the arena");
        },
        looker() {
          found = seen.see();
        },
      },
      end() {
        check(home.words[OBJECTS_FIRST] !== 0, "one is there");
        check(found.length < 2, "there was one at a time");
        for (const { kind, holders, number } of found) {
          checkEqual(number, first >> 4, "where it is");
          checkEqual(holders, kind === CHANNEL ? [] : [[home.number, 1]], "who holds it");
          check(kind === CHANNEL || kind === MUTEX, "what it is");
        }
      },
    };
  },
};

export const record: Scenario = {
  name: "seen: an operation whose record waits elsewhere next",
  bound: 4,
  short: 2,
  setUp() {
    const [waits, looker] = members(2);
    const [numbers] = channelOf([waits], 0);
    const [mutex] = lockOf([waits], (home) => new Mutex(home));
    waits.home.objectLocks.appear(numbers.object);
    const seen = new SeenObjects(looker.home.arena);
    let found: ReturnType<SeenObjects["see"]> = [];
    return {
      arena: waits.home.arena,
      threads: {
        async waits() {
          await waits.settled(mutex.lock());
          await takenBack(waits, (signal) => numbers.receive(1, signal));
          await takenBack(waits, (signal) => mutex.lock({ signal }));
          await takenBack(waits, (signal) => numbers.send(7, signal));
        },
        looker() {
          found = seen.see();
        },
      },
      end() {
        for (const { kind, waits: all, holders } of found) {
          check(all.length < 2, "one operation waits at a time");
          check(all.every(({ count }) => count === 1), "and once");
          if (kind === MUTEX) {
            check(all.every(({ queue }) => queue === O_FIRST_QUEUE), "a mutex has one queue");
            check(all.length === 0 || holders.length === 1, "who waits for a mutex waits for its holder");
          }
        }
      },
    };
  },
};

/** Also makes sure that handles of channels can be made. */
void Channel;

export const box: Scenario = {
  name: "seen: what a thread runs, which begins the next meanwhile",
  bound: 4,
  short: 2,
  setUp() {
    const [thread, looker] = members(2);
    const { arena } = thread.home;
    const box = new BlackBox(arena, thread.home.number);
    const gOf = (id: number) => ({ id, slot: id }) as unknown as G;
    let found: Entry | undefined;
    box.write(gOf(1), "one", []);
    return {
      arena,
      threads: {
        thread() {
          box.write(gOf(2), "two", []);
          box.write(gOf(3), "six", []);
        },
        looker() {
          found = new BlackBox(looker.home.arena, thread.home.number).read();
        },
      },
      end() {
        if (found === undefined) return;
        const { id, slot, name } = found;
        checkEqual([slot, name], [id, ["one", "two", "six"][id - 1]], `the rest of ${id}`);
      },
    };
  },
};

export const journal: Scenario = {
  name: "seen: the entry of an await that is the next one's meanwhile",
  bound: 4,
  short: 2,
  setUp() {
    const arena = new Arena({ maxTasks: 1, maxThreads: 2, bytes: leastArenaBytes(1, 2) + 4 * UNIT });
    const thread = new Journal(arena, 1);
    const seen = new SeenJournal(arena);
    return {
      arena,
      threads: {
        thread() {
          const task = thread.open(BEGUN, 1, 0, thread.text("of 1"), "");
          thread.turn(task);
          for (let n = 2; n <= 3; n++) {
            thread.close(thread.open(AWAITS, n, n, thread.text(`of ${n}`), `await ${n}`));
          }
        },
        looker() {
          seen.see(1);
        },
      },
      end() {
        check(seen.entries.length <= 2, "two at once");
        for (const { kind, task, other, place, what, hasTurn } of seen.entries) {
          checkEqual(place, `of ${task}`, "the lines of the await");
          checkEqual(kind, task === 1 ? BEGUN : AWAITS, "what it is");
          checkEqual([other, what], task === 1 ? [0, ""] : [task, `await ${task}`], "one await's");
          check(!hasTurn || task === 1, "whose turn it is");
        }
      },
    };
  },
};

/** Locks between isolates: whoever is inside is there alone, which plain access to a word proves, and all get in. */
import { Mutex } from "../../../scheduler/sync/mutex.ts";
import { RWMutex } from "../../../scheduler/sync/rw_mutex.ts";
import { Semaphore } from "../../../scheduler/sync/semaphore.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { lockOf, members, plainWords, takenBack } from "./isolates.ts";

/** A semaphore of 2. Of an arriving one nobody says how many. */
function semaphores(all: Parameters<typeof lockOf>[0]): Semaphore[] {
  let isMade = false;
  return lockOf(all, (home) => isMade ? new Semaphore(home) : (isMade = true, new Semaphore(home, 2)));
}

export const mutex: Scenario = {
  name: "mutex: three isolates",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const locks = lockOf(all, (home) => new Mutex(home));
    const { words } = all[0].home;
    const word = plainWords(all, 1);
    const twice = (i: number) => async () => {
      for (let round = 0; round < (i === 0 ? 2 : 1); round++) {
        await all[i].settled(locks[i].lock());
        words[word]++;
        locks[i].unlock();
      }
    };
    return {
      arena: all[0].home.arena,
      threads: { one: twice(0), two: twice(1), three: twice(2) },
      end() {
        checkEqual(words[word], 4, "times inside");
        check(!locks[0].locked, "it is free");
      },
    };
  },
};

export const mutexTakenBack: Scenario = {
  name: "mutex: a wait that is taken back against unlock",
  bound: 4,
  short: 2,
  setUp() {
    const all = members(3);
    const locks = lockOf(all, (home) => new Mutex(home));
    const { words } = all[0].home;
    const word = plainWords(all, 1);
    let inside = 0;
    return {
      arena: all[0].home.arena,
      threads: {
        async holder() {
          await all[0].settled(locks[0].lock());
          words[word]++;
          locks[0].unlock();
        },
        async impatient() {
          if (await takenBack(all[1], (signal) => locks[1].lock({ signal })) === "aborted") return;
          words[word]++;
          inside++;
          locks[1].unlock();
        },
        async patient() {
          await all[2].settled(locks[2].lock());
          words[word]++;
          locks[2].unlock();
        },
      },
      end() {
        checkEqual(words[word], 2 + inside, "times inside");
        check(!locks[0].locked, "it is free");
      },
    };
  },
};

export const semaphore: Scenario = {
  name: "semaphore of 2: one, two and one permits",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const locks = semaphores(all);
    const hold = (i: number, permits: number) => async () => {
      const held = await all[i].settled(locks[i].acquire(permits));
      held[Symbol.dispose]();
    };
    return {
      arena: all[0].home.arena,
      threads: { one: hold(0, 1), two: hold(1, 2), three: hold(2, 1) },
      end: () => checkEqual(locks[0].available, 2, "permits"),
    };
  },
};

export const semaphoreTakenBack: Scenario = {
  name: "semaphore: a wait for two that is taken back, before a wait for one",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const locks = semaphores(all);
    let first: Disposable | undefined;
    return {
      arena: all[0].home.arena,
      threads: {
        async holder() {
          first = await all[0].settled(locks[0].acquire(1));
        },
        async impatient() {
          const held = await takenBack(all[1], (signal) => locks[1].acquire(2, { signal }));
          if (held !== "aborted") held[Symbol.dispose]();
        },
        async patient() {
          await all[2].settled(locks[2].acquire(1));
        },
      },
      end() {
        check(first !== undefined, "the first has one");
        checkEqual(locks[0].available, 0, "permits");
      },
    };
  },
};

export const readersAndWriter: Scenario = {
  name: "RW mutex: two readers, one writer",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const locks = lockOf(all, (home) => new RWMutex(home));
    const { words } = all[0].home;
    const word = plainWords(all, 2);
    const read = (i: number) => async () => {
      const held = await all[i].settled(locks[i].readLock());
      checkEqual(words[word], words[word + 1], "the words that one writer changes together");
      held[Symbol.dispose]();
    };
    return {
      arena: all[0].home.arena,
      threads: {
        reader: read(0),
        async writer() {
          const held = await all[1].settled(locks[1].lock());
          words[word]++;
          words[word + 1]++;
          held[Symbol.dispose]();
        },
        other: read(2),
      },
      end() {
        const held = locks[0].tryLock();
        check(held !== undefined, "it is free");
      },
    };
  },
};

/** Locks between isolates: whoever is inside is there alone, which plain access to a word proves, and all get in. */
import { Arrived, HANDLE, type Shareable } from "../../../scheduler/handles.ts";
import type { Home } from "../../../scheduler/home.ts";
import { Mutex } from "../../../scheduler/mutex.ts";
import { RWMutex } from "../../../scheduler/rw_mutex.ts";
import { Semaphore } from "../../../scheduler/semaphore.ts";
import { abort, check, checkEqual, ModelSignal, type Scenario } from "../scenario.ts";
import { type Member, members } from "./isolates.ts";

/** The lock of the first one, as each has it. */
function shared<L extends { [HANDLE]: unknown }>(all: readonly Member[], make: (home: Home) => L): L[] {
  const first = make(all[0] as unknown as Home);
  const object = (first[HANDLE] as Shareable).share();
  const others = all.slice(1).map(({ home }) => make(new Arrived(home, object) as unknown as Home));
  return [first, ...others];
}

/** A word that nobody else uses. */
function spare([{ home }]: readonly Member[]): number {
  return home.heap.allocate(0) >> 2;
}

export const mutex: Scenario = {
  name: "mutex: three isolates",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const locks = shared(all, (home) => new Mutex(home));
    const { words } = all[0].home;
    const word = spare(all);
    words[word] = 0;
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
    const locks = shared(all, (home) => new Mutex(home));
    const { words } = all[0].home;
    const word = spare(all);
    words[word] = 0;
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
          const signal = new ModelSignal();
          const lock = locks[1].lock({ signal: signal as unknown as AbortSignal });
          abort(signal, "aborted");
          try {
            await all[1].settled(lock);
          } catch (reason) {
            checkEqual(reason, "aborted", "reason");
            return;
          }
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
    let made = false;
    const locks = shared(all, (home) => made ? new Semaphore(home) : (made = true, new Semaphore(home, 2)));
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
    let made = false;
    const locks = shared(all, (home) => made ? new Semaphore(home) : (made = true, new Semaphore(home, 2)));
    let first: Disposable | undefined;
    return {
      arena: all[0].home.arena,
      threads: {
        async holder() {
          first = await all[0].settled(locks[0].acquire(1));
        },
        async impatient() {
          const signal = new ModelSignal();
          const wait = locks[1].acquire(2, { signal: signal as unknown as AbortSignal });
          abort(signal, "aborted");
          const held = await all[1].settled(wait.catch(() => undefined));
          held?.[Symbol.dispose]();
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
    const locks = shared(all, (home) => new RWMutex(home));
    const { words } = all[0].home;
    const word = spare(all);
    words[word] = words[word + 1] = 0;
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

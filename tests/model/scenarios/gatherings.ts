/** Waiting for others to be done, or to be there: what they wrote before, plainly, is seen by who waited for them. */
import { Barrier } from "../../../scheduler/sync/barrier.ts";
import { Once } from "../../../scheduler/sync/once.ts";
import { WaitGroup } from "../../../scheduler/sync/wait_group.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { lockOf, members, plainWords, takenBack } from "./isolates.ts";

export const waitGroup: Scenario = {
  name: "wait group: a wait against two that are done",
  bound: 4,
  short: 2,
  setUp() {
    const all = members(3);
    const groups = lockOf(all, (home) => new WaitGroup(home));
    const { words } = all[0].home;
    const word = plainWords(all, 2);
    groups[0].add(2);
    const isDone = (i: number) => () => {
      words[word + i - 1] = i;
      groups[i].done();
    };
    return {
      arena: all[0].home.arena,
      threads: {
        async waiter() {
          await all[0].settled(groups[0].wait());
          checkEqual([words[word], words[word + 1]], [1, 2], "what was done");
        },
        one: isDone(1),
        two: isDone(2),
      },
      end: () => checkEqual(groups[0].count, 0, "left to be done"),
    };
  },
};

export const waitGroupTakenBack: Scenario = {
  name: "wait group: a wait that is taken back, and one that is not, against done",
  bound: 3,
  short: 2,
  setUp() {
    const all = members(3);
    const groups = lockOf(all, (home) => new WaitGroup(home));
    groups[0].add();
    return {
      arena: all[0].home.arena,
      threads: {
        impatient: () => takenBack(all[0], (signal) => groups[0].wait({ signal })),
        patient: () => all[1].settled(groups[1].wait()),
        worker: () => groups[2].done(),
      },
      end: () => checkEqual(groups[0].count, 0, "left to be done"),
    };
  },
};

export const waitGroupAgain: Scenario = {
  name: "wait group: one that has waited adds again at once, and another one has waited as long",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const groups = lockOf(all, (home) => new WaitGroup(home));
    groups[0].add();
    const waiting = [0, 1].map((i) => groups[i].wait());
    return {
      arena: all[0].home.arena,
      threads: {
        async first() {
          await all[0].settled(waiting[0]);
          groups[0].add();
        },
        other: () => all[1].settled(waiting[1]),
        worker: () => groups[2].done(),
      },
      end: () => checkEqual(groups[0].count, 1, "left to be done"),
    };
  },
};

export const once: Scenario = {
  name: "once: three isolates",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const onces = lockOf(all, (home) => new Once(home));
    const { words } = all[0].home;
    const word = plainWords(all, 1);
    const does = (i: number) => async () => {
      await all[i].settled(onces[i].do(async () => {
        words[word]++;
        await undefined;
        words[word]++;
      }));
      checkEqual(words[word], 2, "what was done before anybody goes on");
    };
    return {
      arena: all[0].home.arena,
      threads: { one: does(0), two: does(1), three: does(2) },
      end: () => check(onces[0].isDone, "it is done"),
    };
  },
};

export const onceTakenBack: Scenario = {
  name: "once: a wait that is taken back, and one that is not, against its end",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const onces = lockOf(all, (home) => new Once(home));
    const ran: string[] = [];
    return {
      arena: all[0].home.arena,
      threads: {
        first: () => all[0].settled(onces[0].do(() => ran.push("first"))),
        impatient: () => takenBack(all[1], (signal) => onces[1].do(() => ran.push("impatient"), { signal })),
        patient: () => all[2].settled(onces[2].do(() => ran.push("patient"))),
      },
      end() {
        checkEqual(ran.length, 1, "times that it ran");
        check(onces[0].isDone, "it is done");
      },
    };
  },
};

export const barrier: Scenario = {
  name: "barrier of 3: all see what each did before",
  bound: 3,
  short: 2,
  setUp() {
    const all = members(3);
    const barriers = lockOf(all, (home) => new Barrier(home, 3));
    const { words } = all[0].home;
    const word = plainWords(all, 3);
    const last: number[] = [];
    const waits = (i: number) => async () => {
      words[word + i] = i + 1;
      if (await all[i].settled(barriers[i].wait())) last.push(i);
      checkEqual([words[word], words[word + 1], words[word + 2]], [1, 2, 3], "what was done before");
    };
    return {
      arena: all[0].home.arena,
      threads: { one: waits(0), two: waits(1), three: waits(2) },
      end: () => checkEqual(last.length, 1, "that were last"),
    };
  },
};

export const barrierRounds: Scenario = {
  name: "barrier of 2: one round after the other",
  bound: 3,
  short: 2,
  setUp() {
    const all = members(2);
    const barriers = lockOf(all, (home) => new Barrier(home, 2));
    const { words } = all[0].home;
    const word = plainWords(all, 4);
    const rounds = (i: number) => async () => {
      for (const at of [word, word + 2]) {
        words[at + i] = 1;
        await all[i].settled(barriers[i].wait());
        checkEqual(words[at] + words[at + 1], 2, "that were there");
      }
    };
    return {
      arena: all[0].home.arena,
      threads: { one: rounds(0), two: rounds(1) },
      end() {},
    };
  },
};

export const barrierTakenBack: Scenario = {
  name: "barrier of 2: a wait that is taken back against two others",
  bound: 4,
  short: 2,
  setUp() {
    const all = members(3);
    const barriers = lockOf(all, (home) => new Barrier(home, 2));
    const passed: string[] = [];
    const patient = (i: number, name: string) => async () => {
      await all[i].settled(barriers[i].wait());
      passed.push(name);
    };
    return {
      arena: all[0].home.arena,
      threads: {
        async impatient() {
          const is = await takenBack(all[0], (signal) => barriers[0].wait({ signal }));
          passed.push(is === "aborted" ? "aborted" : "impatient");
        },
        patient: patient(1, "patient"),
        other: patient(2, "other"),
      },
      // If the impatient one was a second party, the last one waits for another.
      sleepers: ["patient", "other"],
      end() {
        check(passed.length === (passed.includes("aborted") ? 3 : 2), `two pass: ${passed}`);
      },
    };
  },
};

/** Preemption: sysmon asks, the handler answers, others get the P, and the thread goes on later, or never. */
import { load, pause, store } from "../../../scheduler/arena/atomics.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import { G_QUEUED } from "../../../scheduler/slots/g_table.ts";
import { EXEMPT_P, NO_P } from "../../../scheduler/parking/idle.ts";
import { CLOSING, PREEMPT, PREEMPTED, RUNAWAY_MS } from "../../../scheduler/arena/layout/header.ts";
import {
  HOST,
  M_DEATH,
  M_GIVEN,
  M_LOCKS,
  M_SLEEP,
  M_TID,
  M_WANTS_P,
} from "../../../scheduler/arena/layout/m.ts";
import {
  ASKED,
  ASKED_TO_LET_GO,
  AWAITS_P,
  AWAKE,
  givenP,
  isFrozen,
  isGiven,
  isLost,
  isSeized,
  LETS_GO,
  PARKED_FUTEX,
  SEIZED,
} from "../../../scheduler/parking/sleep_word.ts";
import { holder, isRunning } from "../../../scheduler/parking/processor.ts";
import { NONE, POOL, type Role, SPARE } from "../../../scheduler/parking/roles.ts";
import type { Call } from "../../../scheduler/tasks/call.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import type { Shim } from "../../../ffi/shim.ts";
import { Preemption } from "../../../scheduler/sysmon/preemption.ts";
import { Meter } from "../../../scheduler/tracing/meter.ts";
import { check, checkEqual, oneOf, type Scenario, shim } from "../scenario.ts";
import { Handler } from "./handler.ts";
import { computeUntilSet, meta, note, Pool, sets } from "./machines.ts";

type IsCode = (refusals: number) => boolean;

const always: IsCode = () => true;
const never: IsCode = () => false;
/** In native code now and then. */
const perhaps: IsCode = (refusals) => refusals === 4 || oneOf(2) === 0;

let pool: Pool;
const begun: number[] = [];
const ended: number[] = [];
/** Given up, and buried. */
const buried = new Set<number>();

const computes = task(meta, "computes and ends", (_ctx: TaskContext, n: number) => {
  begun.push(n);
  computeUntilSet();
  ended.push(n);
});

/** What a slice is matters to nobody: each look of sysmon finds it over. */
function begin(procs: number, roles: readonly Role[], runawayMs = 0): Pool {
  begun.length = ended.length = inCall = 0;
  buried.clear();
  pool = new Pool(procs, roles);
  pool.arena.i32[PREEMPT] = 1;
  pool.arena.i32[RUNAWAY_MS] = runawayMs;
  return pool;
}

function handlers(isCode: IsCode): Record<string, () => unknown> {
  return Object.fromEntries(pool.machines.map((_, i) => {
    const handler = new Handler(pool.arena, i + 1, pool.futex, isCode);
    return [`M${i + 1}`, () => {
      check(inCall !== i + 1, "no signal comes in a blocking call");
      handler.answer();
    }];
  }));
}

/** Where tasks run with a P, it is theirs alone. */
function checkHolders(): void {
  const { i32 } = pool.arena;
  pool.machines.forEach((machine, i) => {
    const record = pool.arena.isolate(i + 1);
    const state = i32[record + M_SLEEP];
    // Its P may be taken from its call when it is marked as one that has none.
    const calling = inCall === i + 1 && state === AWAKE ? machine.hold.p : NO_P;
    if (calling !== NO_P && calling !== EXEMPT_P) {
      checkEqual(holder(i32[pool.idle.ps.at(calling)]), i + 1, `who has the P of M${i + 1}'s call`);
    }
    const isRunningTasks = (i32[record + M_LOCKS] & 255) === 0 &&
      (state === AWAKE || state === ASKED || state === ASKED_TO_LET_GO);
    if (!isRunningTasks) return;
    const given = i32[record + M_GIVEN];
    const p = isGiven(given) ? givenP(given) : given === 0 ? machine.hold.p : NO_P;
    if (p === NO_P || p === EXEMPT_P) return;
    const word = i32[pool.idle.ps.at(p)];
    check(
      isRunning(word) && holder(word) === i + 1,
      `M${i + 1} runs tasks with P ${p}, whose word is ${word}`,
    );
  });
}

function checkRest(): void {
  pool.isAtRest();
  const { i32 } = pool.arena;
  for (const i of pool.machines.keys()) {
    if (buried.has(i + 1)) continue;
    const record = pool.arena.isolate(i + 1);
    checkEqual([i32[record + M_WANTS_P], i32[record + M_GIVEN]], [0, 0], `M${i + 1}'s notes`);
  }
}

/** One P, and a task that computes until another one has run. */
function beside(
  name: string,
  first: (n: number) => Call<unknown>,
  isCode: IsCode,
  timeouts = 0,
): Scenario {
  return {
    name,
    bound: 2,
    short: 1,
    rules: { timePasses: ["sysmon"], timeouts },
    setUp() {
      begin(1, [POOL, POOL]);
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            pool.submit(first(1));
            pool.submit(sets());
          },
          sysmon: pool.sysmon(),
        },
        handlers: handlers(isCode),
        first: pool.sleepers,
        sleepers: [...pool.sleepers, "sysmon"],
        always: checkHolders,
        end() {
          checkEqual(ended, [1], "tasks that ended");
          check(pool.arena.i32[PREEMPTED] >= 1, "it was preempted");
          checkRest();
        },
      };
    },
  };
}

export const freeze = beside(
  "preemption: a task that waits for another one is frozen",
  (n) => computes(n),
  always,
);

export const seize = beside(
  "preemption: one that cannot be frozen loses its P, and comes back",
  (n) => computes(n),
  never,
);

/** In a blocking call of a task: no signal may come. */
let inCall = 0;

const calls = task(meta, "calls and ends", (ctx: TaskContext, n: number) => {
  look(ctx, false);
  ended.push(n);
});

const handsOff = task(meta, "hands off and ends", (ctx: TaskContext, n: number) => {
  look(ctx, true);
  ended.push(n);
});

/** A call that a signal could interrupt. */
function look(ctx: TaskContext, handOff: boolean): void {
  ctx.blocking(() => {
    inCall = pool.machineOf(ctx).hold.isolate;
    load(pool.arena.i32, pool.arena.isolate(inCall) + M_SLEEP);
    inCall = 0;
  }, { handOff });
}

const awaits = task(meta, "yields and ends", async (ctx: TaskContext, n: number) => {
  await ctx.yield();
  ended.push(n);
});

const computesAndCalls = task(meta, "computes and calls", (ctx: TaskContext, n: number) => {
  computeUntilSet();
  look(ctx, false);
  ended.push(n);
});

/** Told to let its P go, which nobody else could use, it goes on in the end. */
function comesBack(
  name: string,
  first: (n: number) => Call<unknown>,
  isCode: IsCode,
  bound: number,
  mayGoOn: () => boolean,
): Scenario {
  return {
    name,
    bound,
    short: 0,
    rules: { timePasses: ["sysmon"] },
    setUp() {
      begin(1, [POOL]);
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            pool.submit(first(1));
            pool.submit(note(2));
            while (!mayGoOn()) pause();
            pool.set();
          },
          sysmon: pool.sysmon(),
        },
        handlers: handlers(isCode),
        first: pool.sleepers,
        sleepers: [...pool.sleepers, "sysmon"],
        always: checkHolders,
        end() {
          checkEqual([ended, pool.ran], [[1], [2]], "tasks that ended");
          checkRest();
        },
      };
    },
  };
}

function hasLetGo(isolate: number): boolean {
  const state = pool.parker.state(isolate);
  return state === LETS_GO || isSeized(state);
}

export const backToLoop = comesBack(
  "preemption: one that was told to let its P go comes back to its loop",
  computes,
  never,
  2,
  () => hasLetGo(1),
);
export const backToCall = comesBack(
  "preemption: one that was told to let its P go comes back to a blocking call",
  computesAndCalls,
  never,
  1,
  () => hasLetGo(1),
);
export const frozenLate = comesBack(
  "preemption: one that was told to let its P go is frozen after all",
  computes,
  (refusals) => refusals >= 2,
  1,
  // It was frozen, and has a P again.
  () => isGiven(load(pool.arena.i32, pool.arena.isolate(1) + M_GIVEN)),
);

const dedicates = task(meta, "dedicates and ends", (ctx: TaskContext, n: number) => {
  ctx.dedicate();
  ctx.undedicate();
  ended.push(n);
});

/** Looks at the ends of slices, wherever the M is then. */
function slices(
  name: string,
  first: (n: number) => Call<unknown>,
  isCode: IsCode,
  bound: number,
  timeouts: number,
  roles: readonly Role[] = [POOL, POOL],
): Scenario {
  return {
    name,
    bound,
    short: 0,
    rules: { timePasses: ["sysmon"], timeouts },
    setUp() {
      begin(1, roles);
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            pool.submit(first(1));
            pool.submit(awaits(2));
          },
          sysmon: pool.sysmon(),
        },
        handlers: handlers(isCode),
        first: pool.sleepers,
        sleepers: [...pool.sleepers, "sysmon"],
        always: checkHolders,
        end() {
          checkEqual(ended.toSorted(), [1, 2], "tasks that ended");
          checkRest();
        },
      };
    },
  };
}

export const inCalls = slices(
  "preemption: blocking calls begin and end while it is asked",
  calls,
  perhaps,
  2,
  1,
);
export const inHandingOff = slices(
  "preemption: a call that hands its P off begins while it is asked",
  handsOff,
  perhaps,
  1,
  2,
);
export const inLoop = slices(
  "preemption: the loop goes on while it is asked",
  awaits,
  perhaps,
  2,
  1,
);

export const inDedicating = slices(
  "preemption: a task makes its thread its own while it is asked",
  dedicates,
  always,
  1,
  1,
  [POOL, SPARE],
);

/** With nobody else to switch to. */
export const inOneHandingOff = slices(
  "preemption: a call that hands its P off begins while the only thread is asked",
  handsOff,
  always,
  2,
  1,
  [POOL],
);

export const whose: Scenario = {
  name: "preemption: a thread that lets its P go is back, and sysmon takes the P, and gives the thread up",
  bound: 5,
  short: 5,
  setUp() {
    const { arena, parker, idle } = begin(1, [POOL]);
    const p = idle.acquireP();
    idle.ps.hold(p, 1);
    parker.ask(1, AWAKE, LETS_GO);
    const outcomes: string[] = [];
    return {
      arena,
      threads: {
        // As Hold does it when it finds the note.
        back() {
          if (parker.keep(1)) return void outcomes.push(`keeps ${idle.ps.heldBy(1)}`);
          while (!parker.endSeizure(1)) {
            if (isLost(parker.state(1))) return void outcomes.push("is lost");
          }
          outcomes.push("waits for a P");
        },
        sysmon() {
          if (!parker.seize(1)) return;
          check(idle.ps.takeFrom(p, 1), "sysmon has the P that was let go");
          outcomes.push(parker.abandon(1) ? "given up" : "seized");
        },
      },
      end() {
        const all = [`keeps ${p}`, "given up,is lost", "seized,waits for a P"];
        check(all.includes(outcomes.toSorted().join()), `both agree: ${outcomes}`);
      },
    };
  },
};

/** Who was frozen gets the P of the other one out of its turn, and leaves a note behind that is for nothing. */
export const turns: Scenario = {
  name: "preemption: two that compute take turns",
  bound: 1,
  short: 0,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(computes(1));
          pool.submit(computes(2));
          while (load(pool.arena.i32, PREEMPTED) < 2) pause();
          pool.set();
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "sysmon"],
      always: checkHolders,
      end() {
        checkEqual(ended.toSorted(), [1, 2], "tasks that ended");
        checkRest();
      },
    };
  },
};

export const outOfTurn: Scenario = {
  name: "preemption: a P for who waits in the middle of something, and another one by its note",
  bound: 4,
  short: 4,
  setUp() {
    const { arena, parker, idle, wakeups, global } = begin(2, [POOL]);
    const [taken, others] = [idle.acquireP(), idle.acquireP()];
    parker.announce(1, AWAITS_P);
    wakeups.queueForP(1);
    return {
      arena,
      threads: {
        sysmon() {
          wakeups.passToReturning(taken, 2);
        },
        other() {
          const turn = global.popNote();
          if (turn === 0 || !wakeups.handOff(turn, others)) idle.releaseP(others);
        },
      },
      end() {
        check(isGiven(parker.state(1)), "it has a P");
        checkEqual([idle.idlePs, idle.spinning], [1, 0], "idle Ps, spinning Ms");
      },
    };
  },
};

export const lower: Scenario = {
  name: "preemption: two compute, and one P is taken away",
  bound: 1,
  short: 0,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(2, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(computes(1));
          pool.submit(computes(2));
          pool.idle.setProcs(1);
          for (const isolate of [1, 2]) pool.wakeups.signal(isolate);
          // Once a P is idle that counts, sysmon does not mind who runs with one that does not.
          while (load(pool.arena.i32, PREEMPTED) === 0 && pool.idle.idlePs === 0) pause();
          pool.set();
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "sysmon"],
      always: checkHolders,
      end() {
        checkEqual(ended.toSorted(), [1, 2], "tasks that ended");
        checkRest();
      },
    };
  },
};

/** As one that computes, but it sleeps. */
const sleepsUntilWoken = task(meta, "sleeps until it is woken", (_ctx: TaskContext, n: number) => {
  const { arena, futex } = pool;
  const place = arena.isolate(1) + M_DEATH;
  while (load(arena.i32, place) === 0) futex.sleep(place, 0, -1);
  ended.push(n);
});

export const leaving: Scenario = {
  name: "preemption: an M leaves its P, which counts no more, while it is asked",
  bound: 2,
  short: 1,
  rules: { timePasses: ["sysmon"], timeouts: 1 },
  setUp() {
    begin(2, [POOL]);
    const { arena, futex, idle, wakeups } = pool;
    // On its way to somebody meanwhile. So M1 gets the second one.
    const other = idle.acquireP();
    pool.submit(sleepsUntilWoken(1));
    return {
      arena,
      threads: {
        ...pool.loops,
        host() {
          idle.setProcs(1);
          wakeups.signal(1);
          wakeups.passOn(other);
          store(arena.i32, arena.isolate(1) + M_DEATH, 1);
          futex.wake(arena.isolate(1) + M_DEATH);
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "sysmon"],
      always: checkHolders,
      end() {
        checkEqual(ended, [1], "tasks that ended");
        checkRest();
      },
    };
  },
};

/** Others count on it from the moment it is woken. Frozen there, it would leave its task waiting, and a P idle beside that. */
export const wokenToSpin: Scenario = {
  name: "preemption: an M is asked for its P, which counts no more, just as it is woken to spin",
  bound: 1,
  short: 1,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(2, [POOL]);
    const { idle, wakeups } = pool;
    // On its way to somebody meanwhile. So M1 gets the second one.
    const other = idle.acquireP();
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(note(1));
          idle.setProcs(1);
          wakeups.signal(1);
          wakeups.passOn(other);
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "sysmon"],
      always: checkHolders,
      end() {
        checkEqual(pool.ran, [1], "tasks that ran");
        checkRest();
      },
    };
  },
};

const untilCancelled = task(meta, "until it is cancelled", (ctx: TaskContext, n: number) => {
  while (!ctx.shouldYield) pause();
  ended.push(n);
});

export const cancel: Scenario = {
  name: "preemption: mail for a task whose thread is frozen",
  bound: 1,
  short: 1,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          const started = pool.submit(untilCancelled(1));
          pool.submit(awaits(2));
          while (pool.gs.status(started.slot) === G_QUEUED) pause();
          started.cancel(undefined);
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "sysmon"],
      always: checkHolders,
      end() {
        checkEqual(ended.toSorted(), [1, 2], "tasks that ended");
        checkRest();
      },
    };
  },
};

/** As the host does it, which sleeps until somebody signals it: it buries those that were given up. */
function buries(): void {
  const { parker, mailbox, wakeups } = pool;
  for (;;) {
    parker.announce(HOST, PARKED_FUTEX);
    if (mailbox.isEmpty(HOST)) parker.sleep(HOST, PARKED_FUTEX, Infinity);
    parker.retract(HOST, PARKED_FUTEX);
    if (!mailbox.drain(HOST, () => {})) continue;
    for (let isolate = 1; isolate <= pool.machines.length; isolate++) {
      if (!buried.has(isolate) && isLost(parker.state(isolate))) bury(isolate);
    }
    wakeups.wakeIfWork();
  }
}

function bury(isolate: number): void {
  buried.add(isolate);
  const { parker, idle, roles } = pool;
  roles.set(isolate, NONE);
  const last = parker.bury(isolate);
  const p = isGiven(last) ? givenP(last) : idle.ps.inherit(isolate);
  if (p === NO_P) return;
  pool.rings.moveToGlobal(p);
  idle.releaseP(p);
}

/** One that computes for too long: for ever, until another task has run, or until it was told to let its P go. */
function runaway(name: string, isCode: IsCode, until: "ever" | "another" | "seized"): Scenario {
  return {
    name,
    bound: 1,
    short: 0,
    rules: { timePasses: ["sysmon"] },
    setUp() {
      begin(1, [POOL, POOL], 500);
      pool.exit = (isolate) => {
        for (;;) pool.futex.sleep(pool.arena.isolate(isolate) + M_DEATH, 0, -1);
      };
      return {
        arena: pool.arena,
        threads: {
          ...pool.loops,
          host() {
            pool.submit(computes(1));
            pool.submit(until === "another" ? sets() : awaits(2));
            if (until === "seized") {
              while (![1, 2].some((isolate) => hasLetGo(isolate) || isLost(pool.parker.state(isolate)))) {
                pause();
              }
              pool.set();
            }
            buries();
          },
          sysmon: pool.sysmon(),
        },
        handlers: handlers(isCode),
        first: pool.sleepers,
        sleepers: [...pool.sleepers, "host", "sysmon", "M1's handler", "M2's handler"],
        always: checkHolders,
        end() {
          if (until === "ever") check(buried.size === 1, "one was given up");
          // It comes to its end even if it was given up, unless it is frozen.
          if (until === "seized") checkEqual(ended.toSorted(), [1, 2], "tasks that ended");
          else if (until === "ever") checkEqual(ended, [2], "tasks that ended");
          else if (buried.size === 0) checkEqual(ended, [1], "tasks that ended");
          checkRest();
        },
      };
    },
  };
}

export const abandoned = runaway(
  "preemption: one that computes for ever is frozen for good",
  always,
  "ever",
);
export const lost = runaway(
  "preemption: one that computes for ever is lost",
  perhaps,
  "ever",
);
export const givenUp = runaway(
  "preemption: one that computes for too long ends just then",
  perhaps,
  "another",
);
export const givenUpSeized = runaway(
  "preemption: one that was told to let its P go is given up just then",
  never,
  "seized",
);

export const closing: Scenario = {
  name: "preemption: all is closing while one computes on",
  bound: 2,
  short: 1,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    begin(1, [POOL, POOL]);
    return {
      arena: pool.arena,
      threads: {
        ...pool.loops,
        host() {
          pool.submit(computes(1));
          pool.submit(sets());
          store(pool.arena.i32, CLOSING, 1);
          for (const isolate of [1, 2]) pool.wakeups.signal(isolate);
        },
        sysmon: pool.sysmon(),
      },
      handlers: handlers(always),
      first: pool.sleepers,
      sleepers: [...pool.sleepers, "M1's handler", "M2's handler"],
      always: checkHolders,
      end() {
        const isAnyFrozen = [1, 2].some((isolate) => {
          const state = pool.parker.state(isolate);
          return isFrozen(state);
        });
        checkEqual(begun.length, ended.length + (isAnyFrozen ? 1 : 0), "tasks that ended, or are frozen");
      },
    };
  },
};

/** One M, in that state as all closes, and who closes it. */
function asAllCloses(state: number, nowNs = shim.nowNs): Preemption {
  const { arena, parker } = begin(1, [POOL]);
  arena.i32[arena.isolate(1) + M_TID] = 1;
  parker.ask(1, AWAKE, state);
  const meter = new Meter(pool.arena, pool.arena.sysmonMeter, { nowNs, ticks: nowNs });
  return new Preemption(pool, { ...shim, nowNs } as unknown as Shim, meter);
}

/** Nobody else would wake it. What is frozen later, is for good. */
export const closingLate: Scenario = {
  name: "preemption: all is closing, and one that was asked before is frozen just then",
  bound: 2,
  short: 2,
  rules: { timePasses: ["sysmon"] },
  setUp() {
    let looks = 0;
    const nowNs = () => {
      looks++;
      return 0;
    };
    const watchdog = asAllCloses(ASKED, nowNs);
    const { arena, futex, parker } = pool;
    const handler = new Handler(arena, 1, futex, always);
    return {
      arena,
      threads: {
        M1: () => handler.answer(),
        sysmon: () => watchdog.close(),
      },
      sleepers: ["M1"],
      end: () => check(!isFrozen(parker.state(1)) || looks > 1, "sysmon waits for the answer"),
    };
  },
};

/** It computes for ever, and sysmon had or was about to have its P. */
function closingWith(state: number, what: string): Scenario {
  return {
    name: `preemption: all is closing, and one that ${what} computes on`,
    bound: 2,
    short: 2,
    rules: { timePasses: ["sysmon"] },
    setUp() {
      const watchdog = asAllCloses(state);
      const { arena, parker } = pool;
      return {
        arena,
        threads: {
          M1: () => computeUntilSet(),
          sysmon: () => watchdog.close(),
        },
        handlers: handlers(always),
        sleepers: ["M1's handler", "M1"],
        end: () => check(isFrozen(parker.state(1)), "it is frozen"),
      };
    },
  };
}

export const closingSeized = closingWith(SEIZED, "has lost its P");
export const closingLetGo = closingWith(LETS_GO, "has let its P go");

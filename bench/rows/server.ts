/** The four ways to block that the `DedicateOSThread` proposal for Go compares: a server that answers 100,000 questions. */
import type { Pool } from "../contender.ts";
import type { Comparison, Row } from "../row.ts";

const questions = 100_000;

function row(name: string, where: string, sides: string[], comparisons: Comparison[]): Row {
  return {
    name,
    measure: `question and answer of two tasks, the server ${where}`,
    unit: "us",
    better: "lower",
    sides,
    comparisons,
    inside: async (pool: Pool) => await pool.run("server", questions),
  };
}

export const serverPool = row("server-pool", "in the pool", ["heddle_server: pool", "go"], [{
  against: ["go"],
  atLeast: 1,
}]);

export const serverLocked = row("server-locked", "on a locked thread", ["heddle_server: locked", "go"], [{
  against: ["go"],
}]);

export const serverDedicated = row(
  "server-dedicated",
  "on a dedicated thread; Go's on a locked one",
  ["heddle_server: dedicated", "go", "pthreads"],
  [{ against: ["go"], atLeast: 3 }, { against: ["pthreads"], atLeast: 1 }],
);

export const serverNative: Row = {
  ...row("server-native", "is a native thread, asked by the host", ["heddle_thread", "pthreads"], [{
    against: ["pthreads"],
  }]),
  async inside(pool) {
    if (pool.threads !== 1) return await pool.run("server", questions);
    const start = performance.now();
    for (let i = 0; i < questions; i++) await pool.run("identity", i);
    return (performance.now() - start) * 1000 / questions;
  },
};

export const locker: Row = {
  ...row("locker", "and the asker on one locker", ["heddle_server: locker", "go"], [{
    against: ["go"],
    atLeast: 1,
  }]),
};

export const wake: Row = {
  name: "wake",
  measure: "from a message to the dedicated task that it wakes, every P busy; theirs on a locked thread",
  unit: "us",
  better: "lower",
  sides: ["heddle_server: dedicated", "heddle_server: locked"],
  comparisons: [{ against: ["heddle_server: locked"], atLeast: 10 }],
  inside: async (pool) => await pool.run("wake", 100),
};

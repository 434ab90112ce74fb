import type { Row } from "../row.ts";

const does = (work: string): Row["inside"] => (pool, size) => Promise.resolve(pool.run(work, size));

const opening = {
  unit: "us",
  better: "lower",
  size: { full: 20_000, quick: 500 },
  inside: does(""),
} satisfies Partial<Row>;

const whole = {
  unit: "ms",
  better: "lower",
  sides: ["programs: box", "programs: plain"],
  // At most 1.2 times, and the start of the box is in it.
  comparisons: [{ against: ["programs: plain"], atLeast: 0.833 }],
} satisfies Partial<Row>;

/** What a wall costs whole programs. */
const programs: readonly Row[] = [
  {
    ...whole,
    name: "sandbox-git",
    measure: "git clone of # MB, under permissions alone, with the start of the box",
    size: { full: 30, quick: 2 },
    inside: does("git"),
  },
  {
    ...whole,
    name: "sandbox-make",
    measure: "make -j2 of # C files",
    size: { full: 40, quick: 4 },
    inside: does("make"),
  },
  {
    ...whole,
    name: "sandbox-tar",
    measure: "tar of # directories of 50 files, and back",
    size: { full: 200, quick: 5 },
    inside: does("tar"),
  },
];

const boxes = {
  unit: "ms",
  better: "lower",
  sides: ["boxes: warm", "boxes: plain"],
  comparisons: [{ atMost: 60 }, { against: ["boxes: plain"] }],
} satisfies Partial<Row>;

/** What boxes cost, and many of them. */
const many: readonly Row[] = [
  {
    ...boxes,
    name: "sandbox-start",
    measure: "`true` in a box from start to end, # times one after the other; one",
    size: { full: 50, quick: 5 },
    inside: does("start"),
  },
  {
    ...boxes,
    name: "sandbox-at-once",
    measure: "the same in # boxes at once; one",
    size: { full: 500, quick: 20 },
    inside: does("at once"),
  },
  {
    name: "sandbox-memory",
    measure:
      "memory of # boxes that sleep, without their programs: of this process and of their launchers; one",
    unit: "KiB",
    better: "lower",
    sides: ["boxes: warm"],
    comparisons: [],
    size: { full: 500, quick: 20 },
    inside: does("memory"),
  },
  {
    ...opening,
    name: "sandbox-crowd",
    measure: "open and close, # times in one of 500 traced boxes, of which 499 sleep; one",
    sides: ["boxes: warm", "opens: traced"],
    comparisons: [{ against: ["opens: traced"], atLeast: 0.8 }],
    inside: does("crowd"),
  },
];

const eight = {
  sides: ["boxes: dedicated", "boxes: pool"],
  comparisons: [{ against: ["boxes: pool"], atLeast: 1 }],
  size: { full: 1000, quick: 50 },
} satisfies Partial<Row>;

/** The supervisor on a thread of its own, or as a task of the pool whose waits are `ctx.blocking`. */
const besidePool: readonly Row[] = [
  {
    ...eight,
    name: "sandbox-beside-latency",
    measure: "an open in each of 8 traced boxes every ms, # times, every P busy; one",
    unit: "us",
    better: "lower",
    inside: does("latency"),
  },
  {
    ...eight,
    name: "sandbox-beside-progress",
    measure: "what the pool computes meanwhile",
    unit: "steps/ms",
    better: "higher",
    inside: does("progress"),
  },
];

/** What a wall costs a program, and what its supervisor. */
export const sandboxed: readonly Row[] = [
  {
    ...opening,
    name: "sandbox-open",
    measure: "open and close, # times in a box; one",
    sides: ["opens: box", "opens: alone", "opens: landlocked in C", "opens: filtered in C"],
    // The kernel's part of the wall takes more than the first allows, and is what the last two are of.
    comparisons: [
      { against: ["opens: alone"], atLeast: 0.909 },
      { against: ["opens: landlocked in C"], atLeast: 0.909 },
      { ours: "opens: landlocked in C", against: ["opens: alone"] },
      { ours: "opens: filtered in C", against: ["opens: alone"] },
    ],
  },
  {
    ...opening,
    name: "sandbox-traced",
    measure: "the same, each open traced",
    sides: ["opens: traced", "strace", "opens: traced in C", "opens: traced in C as ours", "opens: results"],
    comparisons: [
      { against: ["strace"], atLeast: 1 },
      { against: ["opens: traced in C"], atLeast: 0.769 },
      // One for many boxes, each under Landlock: what that takes whoever does it.
      { against: ["opens: traced in C as ours"], atLeast: 0.769 },
      { ours: "opens: results", against: ["strace"] }, // as strace has them too
    ],
  },
  {
    ...opening,
    name: "sandbox-policy",
    measure: "the same, each open judged by a policy and emulated",
    sides: ["opens: policy", "opens: emulated in C"],
    comparisons: [{ against: ["opens: emulated in C"], atLeast: 0.625 }],
  },
  {
    ...opening,
    name: "sandbox-ptrace",
    measure: "the same, each open judged by the platform ptrace",
    sides: ["opens: ptrace", "strace: ptrace", "strace"],
    comparisons: [{ against: ["strace: ptrace"] }],
  },
  ...programs,
  ...many,
  ...besidePool,
];

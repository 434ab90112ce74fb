/**
 * Programs of tasks and channels, most of them from the Savina suite (Imam and Sarkar, AGERE 2014), with 2 procs and
 * with 1, beside the same in Go. Ours are in ../savina/, Go's in ../go/, one file each.
 */
import type { Row, Size } from "../row.ts";
import { timed } from "../timed.ts";
import { spin } from "../workload.ts";

/** What ours has to reach; a ratio of times, theirs by ours. Undefined: only for the record. */
interface Targets {
  /** 2 procs against 1. */
  readonly alone?: number;
  /** Against Go with as many threads. */
  readonly go1?: number;
  readonly go2?: number;
  /** Of Rust, with 2 threads, for the record. */
  readonly rust?: readonly ("tokio" | "rayon")[];
}

/** A second P may cost 5%. */
const NOT_SLOWER = 0.95;
const PARALLEL: Targets = { alone: 1.7 };
const LEAN: Targets = { go1: 0.667, go2: 0.5 };
const ASKING: Targets = { go1: 0.333, go2: 0.25 };

const BOTH = ["tokio", "rayon"] as const;

const sides = ["savina: 2", "savina: 1", "go: 2", "go: 1"];

function row(
  file: string,
  measure: string,
  size: Size,
  expected: (size: number) => number,
  { alone = NOT_SLOWER, go1, go2, rust = [] }: Targets = {},
): Row {
  return {
    name: `savina-${file.replaceAll("_", "-")}`,
    measure,
    unit: "ms",
    better: "lower",
    sides: [...sides, ...rust],
    comparisons: [
      { against: ["savina: 1"], atLeast: alone },
      { against: ["go: 2"], atLeast: go2 },
      { ours: "savina: 1", against: ["go: 1"], atLeast: go1 },
      ...rust.map((engine) => ({ against: [engine] })),
    ],
    size,
    expected,
    inside(pool, size) {
      const right = expected(size);
      return timed(pool, file, size, right, (answer) => `${file} answered ${answer} instead of ${right}`);
    },
  };
}

const pairs = (n: number) => n * (n - 1) / 2;
const itself = (n: number) => n;

function fibonacci(n: number): number {
  let [number, next] = [0, 1];
  for (let i = 0; i < n; i++) [number, next] = [next, number + next];
  return number;
}

/** What so many tasks that compute add up to, each with its number. */
function summed(task: (i: number) => number): (tasks: number) => number {
  return (tasks) => {
    let sum = 0;
    for (let i = 0; i < tasks; i++) sum += task(i);
    return sum;
  };
}

const stage = (seed: number) => spin(seed, 60_000) & 1023;
const spun = summed((i) => spin(i, 6_000) & 1023);
const found = summed((i) => spin(i, 120_000) & 1023);
const piped = summed((i) => stage(stage(i)));

/** What the accounts of bank.ts hold in the end: sums do not depend on the order. */
function booked(transfers: number): number {
  const accounts = 1_000, tellers = 20;
  const balances = new Array<number>(accounts).fill(1_000);
  for (let teller = 0; teller < tellers; teller++) {
    for (let i = 0; i < transfers / tellers; i++) {
      const from = (teller * 7919 + i * 31) % accounts;
      balances[from] -= i % 9;
      balances[(from + 1 + (i * 17) % (accounts - 1)) % accounts] += i % 9;
    }
  }
  return balances.reduce((sum, balance, i) => sum + balance * (i % 7), 0);
}

/** The weighted sum of the product of matrix.ts, without multiplying: weights go to rows of A and columns of B first. */
function weighted(size: number): number {
  const element = (i: number) => (i * 7) % 11 - 5;
  let sum = 0;
  for (let k = 0; k < size; k++) {
    let [ofA, ofB] = [0, 0];
    for (let i = 0; i < size; i++) {
      ofA += (i % 5) * element(i * size + k);
      ofB += (i % 3) * element(size * size + k * size + i);
    }
    sum += ofA * ofB;
  }
  return sum;
}

const solutions: Record<number, number> = { 10: 724, 12: 14_200 };

const lateness: Row = {
  ...row("sleeps", "# sleeps within 2 s: how late they end", { full: 200_000, quick: 20_000 }, itself, {
    rust: ["tokio"],
  }),
  comparisons: [
    { atMost: 10 },
    { against: ["go: 2"] },
    { ours: "savina: 1", atMost: 10 },
    { ours: "savina: 1", against: ["go: 1"] },
    { against: ["tokio"] },
  ],
  inside: async (pool, size) => await pool.run("sleeps", size),
};

/** In the order of the table. */
export const savina: Row[] = [
  row("fork_join", "# tiny children", { full: 300_000, quick: 30_000 }, pairs, { ...LEAN, rust: BOTH }),
  row("fork_join_work", "# children of 10 us", { full: 20_000, quick: 2_000 }, spun, {
    ...LEAN,
    ...PARALLEL,
    rust: BOTH,
  }),
  row("fib", "fork-join Fibonacci of #", { full: 23, quick: 18 }, fibonacci, { ...LEAN, rust: BOTH }),
  row("ring", "# hops in a ring of 100", { full: 100_000, quick: 10_000 }, (hops) => hops % 100, {
    ...LEAN,
    rust: ["tokio"],
  }),
  row("locked_ping_pong", "# trips between two locked tasks", { full: 20_000, quick: 500 }, itself, {
    go1: 1,
    go2: 1,
  }),
  row(
    "doubleselect",
    "# numbers through a select of four",
    { full: 50_000, quick: 5_000 },
    itself,
    LEAN,
  ),
  row("doubleselect_locked", "# of them to a locked task", { full: 5_000, quick: 500 }, itself),
  row(
    "chameneos",
    "# meetings of 100 creatures",
    { full: 20_000, quick: 2_000 },
    (n) => 2 * n,
    ASKING,
  ),
  row(
    "dictionary",
    "# requests of 20 to a map's owner",
    { full: 100_000, quick: 10_000 },
    itself,
    { ...ASKING, rust: ["tokio"] },
  ),
  row("bank", "# transfers between 1,000 accounts", { full: 20_000, quick: 2_000 }, booked, ASKING),
  row("barbers", "# customers of 4 barbers", { full: 5_000, quick: 500 }, itself, ASKING),
  row("philosophers", "# meals of 20 philosophers", { full: 20_000, quick: 2_000 }, itself),
  row("stages", "# jobs of 2 x 100 us through two stages", { full: 1_000, quick: 100 }, piped, PARALLEL),
  row("results", "# tasks of 200 us that send what they found", { full: 1_000, quick: 100 }, found, PARALLEL),
  row("queens", "# queens", { full: 12, quick: 10 }, (queens) => solutions[queens], {
    ...PARALLEL,
    rust: ["rayon"],
  }),
  row("matrix", "recursive matrix product, # by #", { full: 512, quick: 256 }, weighted, {
    ...PARALLEL,
    rust: ["rayon"],
  }),
  row(
    "yields",
    "# tasks that yield 100 times",
    { full: 25_000, quick: 2_000 },
    (tasks) => tasks * 100,
    { go1: 0.667, go2: 0.667, rust: ["tokio"] },
  ),
  lateness,
  row("skynet", "Skynet, a tree of # leaves", { full: 1_000_000, quick: 10_000 }, pairs, {
    rust: BOTH,
  }),
];

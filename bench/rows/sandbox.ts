import type { Row } from "../row.ts";

const opening = {
  unit: "us",
  better: "lower",
  size: { full: 20_000, quick: 500 },
  inside: (pool, size) => Promise.resolve(pool.run("", size)),
} satisfies Partial<Row>;

/** What a wall costs a program, and what its supervisor. */
export const sandboxed: readonly Row[] = [
  {
    ...opening,
    name: "sandbox-open",
    measure: "open and close, # times in a box; one",
    sides: ["opens: box", "opens: alone"],
    comparisons: [{ against: ["opens: alone"], atLeast: 0.909 }],
  },
  {
    ...opening,
    name: "sandbox-traced",
    measure: "the same, each open traced",
    sides: ["opens: traced", "strace", "opens: traced in C"],
    comparisons: [{ against: ["strace"], atLeast: 1 }, { against: ["opens: traced in C"], atLeast: 0.769 }],
  },
  {
    ...opening,
    name: "sandbox-policy",
    measure: "the same, each open judged by a policy and emulated",
    sides: ["opens: policy", "opens: emulated in C"],
    comparisons: [{ against: ["opens: emulated in C"], atLeast: 0.625 }],
  },
];

import type { Pool } from "./contender.ts";

/**
 * What ours has to reach: in itself (`atMost`), or as a ratio to the best of some others. None: only for the record.
 * `ours` is the side that is meant where the row's first one is not.
 */
export type Comparison =
  & { readonly ours?: string }
  & ({ readonly atMost: number } | { readonly against: readonly string[]; readonly atLeast?: number });

/** Where on a curve a number lies. All that name one curve are one figure of the page. */
export interface Point {
  readonly curve: string;
  /** The curve's own words. */
  readonly title: string;
  /** What `at` counts. */
  readonly axis: string;
  readonly at: number;
}

/** What the table shows of one kind of number. */
export interface Measure {
  readonly name: string;
  readonly measure: string;
  readonly point?: Point;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** Names of contenders, or "go", each with ": MODE" where it has several; the first is ours. */
  readonly sides: readonly string[];
  readonly comparisons: readonly Comparison[];
}

/** How much of something a row does, or a program: `quick` with `--quick`. */
export interface Size {
  readonly full: number;
  readonly quick: number;
}

/** A new one is a file in rows/ and a line in rows/all.ts; Go's half of it, a function in go/main.go. */
export interface Row extends Measure {
  /** For rows that know one. `measure` has a # for it. */
  readonly size?: Size;
  /** What comes out of the work of that size. Go's answer is held against it. */
  expected?(size: number): number;
  /** One measurement by a contender, in its process, in `unit`. Throws when a result is wrong. */
  inside(pool: Pool, size: number): Promise<number>;
  /**
   * For memory: every round takes new processes, one for each count of threads, without warming up; `combine` makes
   * the value of what their `inside` returned. Without it, one process lives through all rounds.
   */
  readonly fresh?: { readonly threads: readonly number[]; combine(values: number[]): number };
  /** Which row the programs of other languages take it for. Default: `name`. */
  readonly program?: string;
  /** It takes too much of the machine for a run of all rows. */
  readonly onlyByName?: boolean;
}

/** The libraries that rows about tasks from the host compare with. */
export const peers = ["piscina", "tinypool", "workerpool", "poolifier"] as const;

/** The same on Node: for the record. */
export const onNode = peers.map((peer) => `${peer}: node`);

/** What programs use that have no pool: for the record. */
export const bare = ["worker", "comlink"] as const;

/** Threads of every pool, and Go's GOMAXPROCS: the fewest that run in parallel, so that any machine has the cores. */
export const threads = 2;

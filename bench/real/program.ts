import type { Comparison, Measure } from "../row.ts";

/** A started pool, or what stands for one. It runs the functions of the program's module in work/, by name. */
export interface Crew {
  run<R>(work: string, argument: unknown): PromiseLike<R>;
  /** One run for each item, results in the order of the items, in the way that is the library's own. */
  map<R>(work: string, items: readonly unknown[]): Promise<R[]>;
}

export interface Setting {
  /** Where `prepare` left its files. */
  readonly directory: string;
  readonly quick: boolean;
}

/** What was measured, by names that the program's measures know. */
export type Readings = Record<string, number>;

export interface Outcome {
  /** `ms` (from before the library and the work were imported until the last result) and `MB` are added to these. */
  readonly readings: Readings;
  /** What came out of the work, in a few words. All sides must say the same. */
  readonly answer: string;
}

/** One run gives several numbers; each is a row of the table. */
export interface ProgramMeasure extends Measure {
  readonly reading: string;
}

/** A program as people write them. Every run is a process of its own, from its start to its end. */
export interface Program {
  readonly name: string;
  /** Whose module in work/ and tasks/ it takes. Default: its own. */
  readonly work?: string;
  /** "CREW: THREADS", the first is ours. */
  readonly sides: readonly string[];
  readonly measures: readonly ProgramMeasure[];
  /** Writes the files that runs need. */
  prepare?(setting: Setting): Promise<void>;
  /** In the side's process, unless `sample` measures it from outside. */
  run?(crew: Crew, setting: Setting): Promise<Outcome>;
  sample?(side: string, quick: boolean): Promise<Readings>;
}

export const everyone = [
  "heddle: 2",
  "heddle: 1",
  "cooperative: 2",
  "cooperative: 1",
  "loop: 1",
  "piscina: 2",
  "tinypool: 2",
] as const;

/** Threads that a program may take at most: `procs`, 2 more, and the watchdog's. */
export const threadsFor = (procs: number) => procs + 3;

/** The measures of what only has to be done soon: its time, threads at peak, memory at peak. */
export function throughput(name: string, measure: string): ProgramMeasure[] {
  return [{ ...head(name, measure, "ms", "ms"), comparisons: fastest() }, ...footprint(name)];
}

/** Of a time, or of a rate. */
export function fastest(atLeastLoop?: number): Comparison[] {
  return [
    { against: ["loop: 1"], atLeast: atLeastLoop },
    { against: ["piscina: 2"], atLeast: 1 },
    { against: ["tinypool: 2"] },
    { against: ["cooperative: 2"], atLeast: 0.95 },
    { ours: "heddle: 1", against: ["loop: 1"] },
    { ours: "heddle: 1", against: ["cooperative: 1"], atLeast: 0.95 },
  ];
}

export function footprint(name: string): ProgramMeasure[] {
  return [
    {
      ...head(name, `${name}: worker threads at peak`, "threads", "threads"),
      comparisons: [
        { atMost: threadsFor(2) },
        { against: ["piscina: 2"] },
        { against: ["cooperative: 2"] },
        { ours: "heddle: 1", atMost: threadsFor(1) },
      ],
    },
    {
      ...head(name, `${name}: resident memory at peak`, "MB", "MB"),
      comparisons: [{ against: ["loop: 1"] }, { against: ["piscina: 2"] }, { against: ["cooperative: 2"] }],
    },
  ];
}

/** A row of the table without its comparisons. */
export function head(
  name: string,
  measure: string,
  unit: string,
  reading: string,
  sides: readonly string[] = everyone,
) {
  return { name: `${name} ${reading}`, measure, unit, better: "lower" as const, sides, reading };
}

/** The smallest value that this share of them do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1];
}

/** The module of a program in work/ and tasks/. */
export function moduleOf(program: string): string {
  return `${program.replaceAll("-", "_")}.ts`;
}

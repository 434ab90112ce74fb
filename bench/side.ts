import type { Row } from "./row.ts";

/** One of those that a row compares: it can take a measurement of the row whenever it is its turn. */
export interface Side {
  /** What it is, with its version, for the line under the table. */
  readonly label: string;
  sample(row: Row, quick: boolean): Promise<number>;
  stop(): Promise<void>;
}

/** A side that cannot run here, and why: its rows say so and keep our own number. */
export class Missing extends Error {}

import type { Pool } from "./contender.ts";

/** Milliseconds that the work takes, which answers with `expected`. `wrong` says what it is if it does not. */
export async function timed(
  pool: Pool,
  work: string,
  argument: number,
  expected: number,
  wrong: (answer: number) => string,
): Promise<number> {
  const start = performance.now();
  const answer = await pool.run(work, argument);
  const elapsed = performance.now() - start;
  if (answer !== expected) throw new Error(wrong(answer));
  return elapsed;
}

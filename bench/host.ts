/**
 * The process of one contender: `host.ts <contender> <mode> <threads>`. It starts the pool, then measures a row for each
 * line of stdin, a name and whether it is to be quick, and answers with the value as a line on stdout. The end of stdin
 * ends it. Deno and Node run it.
 */
import process from "node:process";
import { contenders } from "./contenders/all.ts";
import { requests } from "./requests.ts";
import { curves } from "./rows/curves.ts";
import { rows } from "./rows/all.ts";
import { savina } from "./rows/savina.ts";

const [name, mode, threads] = process.argv.slice(2);
const contender = await contenders[name]();
const pool = await contender.modes[mode](Number(threads));

const warm = new Set<string>();
for await (const asked of requests()) {
  const [wanted, quick] = asked.split(" ");
  const row = [...rows, ...savina, ...curves].find((row) => row.name === wanted)!;
  if (!row.fresh && !warm.has(wanted)) {
    warm.add(wanted);
    await row.inside(pool, row.size?.quick ?? 0); // the compilers need no more
  }
  console.log(await row.inside(pool, row.size?.[quick === "true" ? "quick" : "full"] ?? 0));
}
// Not by closing the pool: the process is of no more use, and poolifier's destroy() sometimes never settles here.
process.exit(0);

/**
 * The process of one contender: `host.ts <contender> <mode> <threads>`. It starts the pool, then measures a row for each
 * line of stdin, a name and whether it is to be quick, and answers with the value as a line on stdout. The end of stdin
 * ends it.
 */
import { contenders } from "./contenders/all.ts";
import { rows } from "./rows/all.ts";
import { savina } from "./rows/savina.ts";

const [name, mode, threads] = Deno.args;
const contender = await contenders[name]();
const pool = await contender.modes[mode](Number(threads));

const warm = new Set<string>();
const chunk = new Uint8Array(256); // the other end sends one short line and then waits, so a read is a line
for (let length; (length = await Deno.stdin.read(chunk)) !== null;) {
  const asked = new TextDecoder().decode(chunk.subarray(0, length)).trimEnd();
  const [wanted, quick] = asked.split(" ");
  const row = [...rows, ...savina].find((row) => row.name === wanted)!;
  if (!row.fresh && !warm.has(wanted)) {
    warm.add(wanted);
    await row.inside(pool, row.size?.quick ?? 0); // the compilers need no more
  }
  console.log(await row.inside(pool, row.size?.[quick === "true" ? "quick" : "full"] ?? 0));
}
// Not by closing the pool: the process is of no more use, and poolifier's destroy() sometimes never settles here.
Deno.exit(0);

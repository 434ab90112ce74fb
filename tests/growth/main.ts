/** `deno task growth [N] [NAME] [--short]`: up to 4 N, which is a million; the tests have it in short, from 5,000 on. */
import { Scheduler } from "@heddle/heddle";
import { growthOf, MOST, shownGrowth } from "../support/growth.ts";
import { rows } from "./rows.ts";

const n = Number(Deno.args.find((arg) => /^\d+$/.test(arg)) ?? 250_000);
const isShort = Deno.args.includes("--short");
const wanted = Deno.args.find((arg) => !/^\d+$/.test(arg) && arg !== "--short") ?? "";

await using sched = await Scheduler.start({ procs: 1, arenaBytes: 2 ** 30 });
let tooMuch = 0;
for (const { name, cost } of rows(sched, isShort)) {
  if (!name.includes(wanted)) continue;
  const growth = await growthOf(cost, n, isShort ? [1, 4] : [1, 2, 4]);
  const isTooMuch = !(growth.factor < MOST);
  if (isTooMuch) tooMuch++;
  console.log(`${isTooMuch ? "! " : "  "}${name}: ${shownGrowth(growth)}`);
}
if (tooMuch > 0) console.log(`${tooMuch} grow more than n log n does.`);
Deno.exitCode = tooMuch > 0 ? 1 : 0;

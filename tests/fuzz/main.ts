/**
 * Fuzzes the codec and every parser of what comes from outside.
 *
 *   deno task fuzz [--minutes N] [--target NAME] [--seed S] [--keep]
 *
 * The targets (targets/) share the time. A finding is printed with its input, which goes into the corpus of its target
 * (corpus/) along with the fix. `--keep` writes inputs that cover more there.
 */
import { parseArgs } from "@std/cli/parse-args";
import { Coverage } from "./coverage.ts";
import { fuzz, writeCorpus } from "./fuzzer.ts";
import { cgroups } from "./targets/cgroups.ts";
import { decoding, encoding } from "./targets/codec.ts";
import { addresses, copiedCalls, interceptedCalls, objects, paths, proxied } from "./targets/sandbox.ts";
import { signatures } from "./targets/signatures.ts";

const targets = [
  decoding,
  encoding,
  cgroups,
  signatures,
  addresses,
  interceptedCalls,
  copiedCalls,
  objects,
  paths,
  proxied,
];

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["minutes", "target", "seed"],
  boolean: ["keep"],
});
const minutes = Number(options.minutes ?? 1);
const seed = Number(options.seed ?? Date.now() % 1_000_000_000);
const chosen = targets.filter(({ name }) => options.target === undefined || name === options.target);
if (!(minutes > 0) || !Number.isInteger(seed) || chosen.length === 0 || options._.length > 0) {
  const names = targets.map(({ name }) => name).join(", ");
  console.error(
    `deno task fuzz [--minutes N] [--target NAME] [--seed S] [--keep]: the targets are ${names}.`,
  );
  Deno.exit(2);
}
console.log(`seed ${seed}`);
const coverage = await Coverage.start();
for (const target of chosen) {
  try {
    const { inputs, features, corpus } = await fuzz(target, coverage, minutes * 60_000 / chosen.length, seed);
    console.log(`${target.name}: ${inputs} inputs, ${features} blocks, a corpus of ${corpus.length}`);
    if (options.keep) writeCorpus(target, corpus);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}

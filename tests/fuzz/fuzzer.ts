/**
 * Fuzzing by coverage: an input that makes something run that no other did is kept, and others are made from it. A
 * corpus is a file of inputs, base64, one a line.
 */
import process from "node:process";
import { Random } from "../stress/random.ts";
import type { Coverage } from "./coverage.ts";
import { mutate } from "./mutation.ts";
import type { Target } from "./target.ts";

/** Milliseconds of CPU that an input of some hundred bytes must not take. */
const LONGEST = 2_000;

export class Finding extends Error {
  constructor(target: Target, readonly input: Uint8Array, cause: unknown) {
    const why = cause instanceof Error ? cause.stack ?? cause.message : Deno.inspect(cause);
    super(`${target.name}: the input ${input.toBase64()} has\n${why}`, { cause });
  }
}

function corpusFile(target: Target): URL {
  return new URL(`./corpus/${target.name}.txt`, import.meta.url);
}

export function readCorpus(target: Target): Uint8Array[] {
  try {
    const lines = Deno.readTextFileSync(corpusFile(target)).split("\n");
    return lines.filter((line) => line !== "").map((line) => Uint8Array.fromBase64(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

export function writeCorpus(target: Target, corpus: readonly Uint8Array[]): void {
  Deno.writeTextFileSync(corpusFile(target), corpus.map((input) => `${input.toBase64()}\n`).join(""));
}

function check(target: Target, input: Uint8Array): void {
  // Of the CPU: on a busy machine the clock runs on while others have it.
  const start = process.cpuUsage();
  try {
    target.run(input.slice());
  } catch (error) {
    throw new Finding(target, input, error);
  }
  const { user, system } = process.cpuUsage(start);
  const ms = (user + system) / 1000;
  if (ms > LONGEST) throw new Finding(target, input, new Error(`It took ${ms} ms.`));
}

export interface Fuzzed {
  readonly inputs: number;
  readonly features: number;
  /** What is worth keeping: the old one, and what covers more. */
  readonly corpus: Uint8Array[];
}

/** Throws a Finding. */
export async function fuzz(target: Target, coverage: Coverage, ms: number, seed: number): Promise<Fuzzed> {
  const random = new Random(seed);
  const encoder = new TextEncoder();
  const tokens = (target.tokens ?? []).map((token) =>
    typeof token === "string" ? encoder.encode(token) : token
  );
  const seen = new Set<string>();
  const corpus: Uint8Array[] = [];
  let inputs = 0;
  const look = async (input: Uint8Array) => {
    check(target, input);
    inputs++;
    const before = seen.size;
    for (const feature of await coverage.take(target.modules)) seen.add(feature);
    if (seen.size > before) corpus.push(input);
  };
  await coverage.take(target.modules);
  for (const input of [...readCorpus(target), ...target.seeds ?? [], Uint8Array.of(0)]) await look(input);
  for (const end = performance.now() + ms; performance.now() < end;) {
    await look(mutate(random, corpus, tokens));
  }
  return { inputs, features: seen.size, corpus };
}

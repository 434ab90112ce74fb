/**
 * Plays rounds, in a process of its own: `rounds.ts FIRST_SEED MS [COUNT]`, which ends after so many milliseconds or rounds.
 * Says "seed N" before each, and what is left of threads and descriptors at the end.
 */
import { tids } from "../support/os_threads.ts";
import { playRound } from "./round.ts";

const [first, ms, count = Infinity] = Deno.args.map(Number);
const end = performance.now() + ms;

/** In the disturbed variant it is there. */
const disturbance = await import(new URL("../../scheduler/disturbance.ts", import.meta.url).href)
  .catch(() => undefined);

const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

/** What the descriptors are, and how many of each. */
function kinds(): string {
  const counts = new Map<string, number>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    let kind = "gone";
    try {
      kind = Deno.readLinkSync(`/proc/self/fd/${name}`).replace(/\d+/g, "N");
    } catch { /* that of the listing itself */ }
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${count} ${kind}`).join(", ");
}

/** Of an event loop, which a thread that is frozen for good keeps. */
const DESCRIPTORS = 3;
let [fewestThreads, fewestDescriptors] = [Infinity, Infinity];
let [rounds, frozen] = [0, 0];
while (performance.now() < end && rounds < count) {
  const seed = first + rounds++;
  console.log(`seed ${seed}`);
  disturbance?.setSeed(seed);
  try {
    frozen += await playRound(seed);
  } catch (error) {
    console.log(
      `FAILED seed ${seed}\n${(error as Error).message}\n${((error as Error).cause as Error)?.stack}`,
    );
    Deno.exit(1);
  }
  const [threads, open] = [tids().length - frozen, descriptors() - frozen * DESCRIPTORS];
  fewestThreads = Math.min(fewestThreads, threads);
  fewestDescriptors = Math.min(fewestDescriptors, open);
  // A runtime's own threads and descriptors come and go; what grows with the rounds does not.
  if (rounds > 10 && (threads > fewestThreads + 16 || open > fewestDescriptors + 16)) {
    console.log(
      `FAILED seed ${seed}\n${threads} threads, ${open} descriptors, after ${rounds} rounds; ` +
        `at the least there were ${fewestThreads} and ${fewestDescriptors}. ${kinds()}`,
    );
    Deno.exit(1);
  }
}
console.log(`${rounds} rounds`);
Deno.exit(0);

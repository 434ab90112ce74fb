/** The process of one run: `host.ts <program> <crew> <threads> <directory> <quick>`. Prints its outcome as JSON. */
import { loads, programs } from "./all.ts";
import { crews } from "./crews.ts";
import type { Outcome } from "./program.ts";

const [name, crew, threads, directory, quick] = Deno.args;
const program = [...programs, ...loads].find((program) => program.name === name)!;

// Nothing comes by it: it ends when the bench does, and this process with it.
Deno.stdin.read(new Uint8Array(1)).then(() => Deno.exit(1));

const start = performance.now();
const { readings, answer } = await program.run!(
  await crews[crew](program.work ?? name, Number(threads)),
  { directory, quick: quick === "true" },
);
const ms = performance.now() - start;

const [, kilobytes] = Deno.readTextFileSync("/proc/self/status").match(/^VmHWM:\s+(\d+) kB$/m)!;
const outcome: Outcome = { readings: { ms, MB: Number(kilobytes) * 1024 / 1e6, ...readings }, answer };
console.log(JSON.stringify(outcome));
Deno.exit(0);

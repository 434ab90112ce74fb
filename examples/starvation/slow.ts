/** What the requests do: the slow ones, some 30 ms long, as functions and as tasks. */
import { task } from "@heddle/heddle";

const libc = Deno.dlopen("libc.so.6", { usleep: { parameters: ["u32"], result: "i32" } }).symbols;

/** Computes, as for a report. */
export function countPrimes(): number {
  let primes = 0;
  for (let n = 2; n < 300_000; n++) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor !== 0) divisor++;
    if (divisor * divisor > n) primes++;
  }
  return primes;
}

/** Blocks in the kernel, as a database's client library does that is written in C. */
export function query(): number {
  return libc.usleep(30_000);
}

export const countPrimesTask = task(import.meta, "countPrimes", countPrimes);
export const queryTask = task(import.meta, "query", (ctx) => ctx.blocking(query));
export const fastTask = task(import.meta, "fast", () => 42);

/** A request that was not thought of. */
export const endless = task(import.meta, "endless", () => {
  for (;;);
});

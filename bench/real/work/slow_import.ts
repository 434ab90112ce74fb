/** A module that takes 0.3 s of computing to import, as large ones do. */
import { isMainThread } from "node:worker_threads";
import { spin } from "../../workload.ts";
import { imported } from "../imported.ts";

let seed = 1;
for (let i = 0; i < 60; i++) seed = spin(seed);

if (!isMainThread) Deno.writeTextFileSync(imported, "1", { append: true });

/** 30 ms of computing. */
export function compute(n: number): number {
  let x = n;
  for (let i = 0; i < 6; i++) x = spin(x);
  return x ^ seed;
}

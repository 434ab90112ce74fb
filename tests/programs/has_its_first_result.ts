/** A task whose module takes its time to import: how many threads there are when its result comes. */
import { go, task } from "@heddle/heddle";
import { workersSince } from "../support/os_threads.ts";

const twice = task(import.meta, "twice", (_ctx, n: number) => 2 * n);

if (import.meta.main) {
  const result = await go(twice(21));
  console.log(result, workersSince(new Set()).length);
} else {
  // No thread takes less to start.
  for (const end = performance.now() + 30; performance.now() < end;);
}

import { tmpdir } from "node:os";

/** Gets a byte for each thread of a pool of this process that has imported work/slow_import.ts. */
export const imported = `${tmpdir()}/heddle-bench-imported-${Deno.pid}`;

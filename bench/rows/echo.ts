import type { Row } from "../row.ts";

/** Bytes that a task returns: beside structuredClone (once there, once back), memcpy (two copies each way), a pool. */
function echo(name: string, size: string, length: number, trips: number, pools: string[]): Row {
  return {
    name: `echo-${name}`,
    measure: `echo of a Uint8Array of ${size}`,
    unit: "us",
    better: "lower",
    sides: ["heddle", "copies: memcpy", "copies: structuredClone", "heddle: moved", ...pools],
    comparisons: [
      { against: ["copies: memcpy"], atLeast: 0.5 },
      { against: ["copies: structuredClone"] },
      ...pools.map((pool) => ({ against: [pool] })),
      { ours: "heddle: moved", atMost: 300 },
    ],
    async inside(pool) {
      const times: number[] = [];
      for (let i = 0; i < trips; i++) {
        const bytes = new Uint8Array(length).fill(i);
        const start = performance.now();
        const answer = await pool.run("echo", bytes as never) as never as Uint8Array;
        times.push(performance.now() - start);
        if (answer.length !== length || answer[length - 1] !== (i & 255)) {
          throw new Error("echo answered something else");
        }
      }
      // Now and then a collector takes all of a buffer's time.
      return times.sort((a, b) => a - b)[trips >> 1] * 1000;
    },
  };
}

// Deno's postMessage takes 10 ms for 64 KB of a typed array: no pool for the larger ones.
export const echoes = [
  echo("64k", "64 KB", 1 << 16, 50, ["piscina"]),
  echo("1m", "1 MB", 1 << 20, 11, ["piscina"]),
  echo("4m", "4 MB", 1 << 22, 11, []),
  echo("64m", "64 MB", 1 << 26, 5, []),
];

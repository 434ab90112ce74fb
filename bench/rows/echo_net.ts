/** 10,000 connections to an echo server: how many requests of 64 bytes are answered in a second, and what idle ones take. */
import type { Comparison, Row } from "../row.ts";

function rate(procs: number, atLeast: number): Row {
  return {
    name: `echo-net-${procs}`,
    measure: `echo server with 10,000 TCP connections, procs ${procs}`,
    unit: "requests/s",
    better: "higher",
    sides: [`net: procs ${procs}`, "net: Deno.listen", `go: ${procs}`],
    comparisons: [{ against: ["net: Deno.listen"], atLeast }, { against: [`go: ${procs}`] }],
    inside: async (pool) => await pool.run("rate", 0),
  };
}

function idle(what: string, measure: string, unit: string, comparison: Comparison): Row {
  return {
    name: `echo-net-${what}`,
    measure: `${measure} of 10,000 idle connections`,
    unit,
    better: "lower",
    sides: ["net: procs 1", "net: Deno.listen"],
    comparisons: [comparison],
    inside: async (pool) => await pool.run(what, 0),
    fresh: { threads: [1], combine: ([value]) => value },
  };
}

export const echoNet = [
  rate(1, 0.8),
  rate(2, 1.4),
  idle("cpu", "CPU time", "%", { atMost: 0.2 }),
  idle("memory", "growth of resident memory", "MB", { atMost: 30 }),
];

/** How long a short task waits beside tasks that never end, one for each P. */
import type { Row } from "../row.ts";

function row(kind: string, what: string, go: boolean): Row {
  const cooperative = "heddle_hogs: cooperative";
  return {
    name: `beside-${kind}`,
    measure: `p99 of a task of 1 ms, every P busy with ${what}; theirs without preemption${
      go ? ", or Go's" : ""
    }`,
    unit: "ms",
    better: "lower",
    sides: ["heddle_hogs: preempted", cooperative, ...(go ? ["go"] : [])],
    comparisons: [...(go ? [{ against: ["go"], atLeast: 0.5 }] : []), { against: [cooperative] }],
    inside: async (pool) => await pool.run(kind, 1000),
  };
}

export const beside = [
  row("loop", "a loop", true),
  row("regex", "regular expressions", false),
  row("json", "JSON", false),
  row("allocation", "allocations", false),
  row("wasm", "WebAssembly", false),
  row("atomics", "atomic operations", false),
  row("sort", "sorting", false),
];

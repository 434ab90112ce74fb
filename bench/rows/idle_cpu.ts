import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { peers, type Row } from "../row.ts";

export const idleCpu: Row = {
  name: "idle-cpu",
  measure: "CPU use of a started pool without work",
  unit: "% of a CPU",
  better: "lower",
  sides: ["heddle", ...peers],
  // A bare Deno process takes 0.03 to 0.1 % by itself; a thread that woke up every 10 ms would take more than this.
  comparisons: [{ atMost: 0.2 }, { against: peers }],
  async inside(pool) {
    for (let i = 0; i < 100; i++) await pool.run("noop", i);
    await setTimeout(1500); // what follows work (collections, watchdogs that slow down by and by) is not idling
    const before = process.cpuUsage();
    const start = performance.now();
    await setTimeout(1000);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / (performance.now() - start) * 100;
  },
};

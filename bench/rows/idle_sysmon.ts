import process from "node:process";
import { setTimeout } from "node:timers/promises";
import type { Row } from "../row.ts";

export const idleSysmon: Row = {
  name: "idle-sysmon",
  measure: "CPU use in the 10 s after the last blocking call",
  unit: "% of a CPU",
  better: "lower",
  sides: ["heddle"],
  comparisons: [{ atMost: 0.5 }],
  async inside(pool) {
    for (let i = 0; i < 20; i++) await pool.run("block", 5);
    // The watchdog is as awake as can be, and there is no break for it to calm down.
    const before = process.cpuUsage();
    const start = performance.now();
    await setTimeout(10_000);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / (performance.now() - start) * 100;
  },
};

/**
 * Whether the CPU's counter (`Shim.ticks`) is a clock: one that goes on evenly in all states of the CPU, and is the same on all of
 * them. The kernel has found that out, and goes on watching: it makes its own clock of the counter as long as it can. Go trusts
 * the counter anyway, and repairs its traces.
 */
import { textOf } from "./permitted.ts";

/** By Deno's name of the machine, what Linux calls it. */
const COUNTERS: Readonly<Record<string, string>> = { x86_64: "tsc", aarch64: "arch_sys_counter" };

const CLOCK = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

/** False, too, where that may not be read. */
export function isCounterSound(): boolean {
  return textOf(CLOCK)?.trim() === COUNTERS[Deno.build.arch];
}

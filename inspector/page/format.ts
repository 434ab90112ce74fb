/** Numbers for people. */
import type { DumpedPlace, DumpedThread } from "@heddle/heddle";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function count(value: number): string {
  return whole.format(value);
}

/** "1 task", "2 tasks". */
export function counted(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? "" : "s"}`;
}

/** With its unit, so that 0.003 and 30,000 are both short. */
export function milliseconds(value: number): string {
  if (value === 0) return "0";
  if (value < 1) return `${precise.format(value * 1000)} µs`;
  return value < 1000 ? `${precise.format(value)} ms` : `${precise.format(value / 1000)} s`;
}

export function bytes(value: number): string {
  if (value < 2 ** 10) return `${whole.format(value)} B`;
  return value < 2 ** 20
    ? `${precise.format(value / 2 ** 10)} KiB`
    : `${precise.format(value / 2 ** 20)} MiB`;
}

export function percent(part: number): string {
  return `${whole.format(part * 100)}%`;
}

export function place(where: DumpedPlace | undefined): string {
  if (where === undefined) return "";
  return typeof where === "number" ? `thread ${where}` : where;
}

/** Who waits or holds, as far as it is known. */
export function party(where: DumpedPlace, task?: number): string {
  const thread = where === "host" ? "the host" : place(where);
  return task === undefined ? thread : `task ${task} of ${thread}`;
}

export function threadName({ tid, name, role }: DumpedThread): string {
  return tid === 0 ? "starting" : `${tid} ${name ?? role}`;
}

export function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

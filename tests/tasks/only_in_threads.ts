/** Tasks of a module that leaves a mark on whoever imports it. */
import { task } from "@heddle/heddle";

export const MARK = "Heddle's test of tasksFrom";
Object.assign(globalThis, { [MARK]: true });

export const isMarked = task(import.meta, "isMarked", () => MARK in globalThis);
export const half = task(import.meta, "half", (_ctx, n: number) => n / 2);

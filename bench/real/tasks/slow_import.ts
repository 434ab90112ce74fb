import { task } from "@heddle/heddle";
import * as work from "../work/slow_import.ts";

export const compute = task(import.meta, "compute", (_ctx, n: number) => work.compute(n));

import { task } from "@heddle/heddle";
import * as work from "../work/start.ts";

export const add = task(import.meta, "add", (_ctx, n: number) => work.add(n));

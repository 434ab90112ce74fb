import { task } from "@heddle/heddle";
import * as work from "../work/parse.ts";

export const countNodes = task(import.meta, "countNodes", (_ctx, path: string) => work.countNodes(path));

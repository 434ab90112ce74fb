import { task } from "@heddle/heddle";
import * as work from "../work/json_lines.ts";

export const sumUp = task(import.meta, "sumUp", (_ctx, chunk: work.Chunk) => work.sumUp(chunk));

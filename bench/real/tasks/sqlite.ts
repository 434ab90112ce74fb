import { task } from "@heddle/heddle";
import * as work from "../work/sqlite.ts";

export const ask = task(import.meta, "ask", (_ctx, question: work.Question) => work.ask(question));

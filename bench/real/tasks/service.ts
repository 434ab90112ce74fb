import { task } from "@heddle/heddle";
import * as work from "../work/service.ts";

export const answer = task(import.meta, "answer", (_ctx, n: number) => work.answer(n));
export const hog = task(import.meta, "hog", (_ctx, n: number) => work.hog(n));
export const block = task(import.meta, "block", (ctx, n: number) => ctx.blocking(() => work.block(n)));

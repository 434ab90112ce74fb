import { move, task } from "@heddle/heddle";
import { touch } from "./payload.ts";

export const copied = task(import.meta, "copied", (_ctx, bytes: Uint8Array) => touch(bytes));
export const moved = task(import.meta, "moved", (_ctx, bytes: Uint8Array) => move(touch(bytes)));

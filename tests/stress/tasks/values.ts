/** Values there and back. */
import { task } from "@heddle/heddle";

export const echoes = task(import.meta, "echoes", (_ctx, value: unknown): unknown => value);

import { task } from "@heddle/heddle";
import * as work from "../work/thumbnails.ts";

export const shrink = task(import.meta, "shrink", (_ctx, png: Uint8Array) => work.shrink(png));

import { task } from "@heddle/heddle";
import * as work from "../work/markdown.ts";

export const render = task(import.meta, "render", (_ctx, path: string) => work.render(path));

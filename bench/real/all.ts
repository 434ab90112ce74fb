import type { Program } from "./program.ts";
import { jsonLines } from "./programs/json_lines.ts";
import { markdown } from "./programs/markdown.ts";
import { parse } from "./programs/parse.ts";
import { service } from "./programs/service.ts";
import { serviceLoad } from "./programs/service_load.ts";
import { slowImport } from "./programs/slow_import.ts";
import { sqlite } from "./programs/sqlite.ts";
import { start } from "./programs/start.ts";
import { thumbnails } from "./programs/thumbnails.ts";

/** In the order of the table. */
export const programs: Program[] = [
  parse,
  thumbnails,
  markdown,
  jsonLines,
  sqlite,
  slowImport,
  service,
  start,
];

/** Programs whose readings are points of curves: `deno task bench curves`. */
export const loads: Program[] = [serviceLoad];

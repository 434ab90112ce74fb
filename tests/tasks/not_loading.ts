/** Calls of tasks whose modules no thread can load. */
import { task } from "@heddle/heddle";

/** As if the module had defined them when the host imported it. */
export const failsToLoad = task(
  { url: new URL("throws_in_threads.ts", import.meta.url).href } as ImportMeta,
  "failsToLoad",
  () => {},
);

export const failsToParse = task(
  { url: "data:text/javascript,export const unfinished = (" } as ImportMeta,
  "failsToParse",
  () => {},
);

/** Its module waits for ever at its top level. */
export const neverLoads = task(
  { url: "data:text/javascript,await new Promise(() => {})" } as ImportMeta,
  "neverLoads",
  () => {},
);

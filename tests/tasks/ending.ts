/** A task whose module ends each thread that imports it. */
import { task } from "@heddle/heddle";

/** As if that module had defined it on the host too. */
export const endsAsItLoads = task(
  { url: `data:text/javascript,import process from "node:process"; process.exit(3);` } as ImportMeta,
  "endsAsItLoads",
  () => {},
);

/** What a child that other threads take rejects with. */
export const childEndsAsItLoads = task(import.meta, "childEndsAsItLoads", async (ctx) => {
  // Its own thread has the child's definition, so it would run there: it has to go by a queue.
  ctx.lockOSThread();
  const child = ctx.go(endsAsItLoads());
  return await child.then(() => "done", (error) => error.name);
});

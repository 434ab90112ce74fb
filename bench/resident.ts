declare const gc: (how?: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;

/**
 * The process's resident memory after a full collection (processes of the bench run with --expose-gc). Without one,
 * what is measured is mostly how recently V8 happened to collect, which differs by 16 MB from run to run.
 */
export function residentBytes(): number {
  gc();
  return Deno.memoryUsage().rss;
}

/**
 * Of this isolate: what a collection at the last moment before the heap is full leaves. It gives back the room for new objects, too,
 * which grows to some 12 MB as much is made: as V8 does by itself in an isolate that has done nothing for half a minute.
 */
export function collectAll(): void {
  gc({ type: "major", execution: "sync", flavor: "last-resort" });
}

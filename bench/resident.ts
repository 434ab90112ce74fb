declare const gc: () => void;

/**
 * The process's resident memory after a full collection (processes of the bench run with --expose-gc). Without one,
 * what is measured is mostly how recently V8 happened to collect, which differs by 16 MB from run to run.
 */
export function residentBytes(): number {
  gc();
  return Deno.memoryUsage().rss;
}

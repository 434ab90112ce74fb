/** Milliseconds between two looks, each of 30 us and 7 us more for each worker. Threads of pools stay for seconds. */
const INTERVAL = 20;

/** Threads that Deno has by itself: the main one, V8's, tokio's. */
const DENOS_OWN = /^(deno|V8 |tokio)/;

/**
 * Counts another process's threads that run JavaScript, besides its main thread, as the kernel lists them; so nobody's own
 * statistics are believed. `peak` ends it.
 */
export function watchThreads(pid: number): { peak(): number } {
  const own = new Set<string>();
  let [peak, before] = [0, 0];
  const look = () => {
    const workers = threadsOf(pid).filter((thread) => {
      if (own.has(thread)) return false;
      const name = nameOf(pid, thread);
      // One that is being started still has its parent's name, which is "deno" or a worker's: see below.
      if (name !== "deno" && DENOS_OWN.test(name)) own.add(thread);
      return !DENOS_OWN.test(name);
    }).length;
    // What two looks have seen: any thread that a worker starts is called as the worker at first.
    peak = Math.max(peak, Math.min(before, workers));
    before = workers;
  };
  const timer = setInterval(look, INTERVAL);
  return {
    peak() {
      clearInterval(timer);
      return peak;
    },
  };
}

function threadsOf(pid: number): string[] {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  } catch {
    return []; // the process has ended
  }
}

function nameOf(pid: number, thread: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/task/${thread}/comm`);
  } catch {
    return "deno"; // the thread has ended
  }
}

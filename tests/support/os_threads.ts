/** The threads of this process as the kernel shows them. */
export function tids(): number[] {
  return [...Deno.readDirSync("/proc/self/task")].map((entry) => Number(entry.name));
}

/** The threads of Workers that were not there before. */
export function workersSince(before: ReadonlySet<number>): number[] {
  return tids().filter((tid) => !before.has(tid) && threadName(tid).startsWith("worker-"));
}

/** A line of `/proc/self/task/TID/status`. */
export function threadStatus(tid: number, key: string): string {
  const line = Deno.readTextFileSync(`/proc/self/task/${tid}/status`).split("\n")
    .find((line) => line.startsWith(`${key}:`));
  return line!.slice(key.length + 1).trim();
}

/** The kernel's `nice` of a thread. */
export const threadNice = (tid: number): number => statField(tid, 19);

/** How many threads of this process are in the class SCHED_IDLE. One that ends meanwhile is none. */
export function idleThreads(): number {
  const POLICY = 41, SCHED_IDLE = 5;
  return tids().filter((tid) => {
    try {
      return statField(tid, POLICY) === SCHED_IDLE;
    } catch {
      return false;
    }
  }).length;
}

/** A field of `/proc/self/task/TID/stat` by its number in proc_pid_stat(5), from the 3rd on: the 2nd may hold spaces. */
function statField(tid: number, field: number): number {
  const stat = Deno.readTextFileSync(`/proc/self/task/${tid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[field - 3]);
}

/** As `/proc/self/task/TID/comm` shows it; empty if the thread has just ended. */
export function threadName(tid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${tid}/comm`).trim();
  } catch {
    return "";
  }
}

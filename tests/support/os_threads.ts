/** The threads of this process as the kernel shows them. */
export function tids(): number[] {
  return [...Deno.readDirSync("/proc/self/task")].map((entry) => Number(entry.name));
}

/** A line of `/proc/self/task/TID/status`. */
export function threadStatus(tid: number, key: string): string {
  const line = Deno.readTextFileSync(`/proc/self/task/${tid}/status`).split("\n")
    .find((line) => line.startsWith(`${key}:`));
  return line!.slice(key.length + 1).trim();
}

/** The kernel's `nice` of a thread. */
export function threadNice(tid: number): number {
  const stat = Deno.readTextFileSync(`/proc/self/task/${tid}/stat`);
  // The 19th field; the 2nd one is in parentheses and may hold spaces.
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
}

/** As `/proc/self/task/TID/comm` shows it; empty if the thread has just ended. */
export function threadName(tid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${tid}/comm`).trim();
  } catch {
    return "";
  }
}

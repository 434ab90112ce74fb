/**
 * A cgroup of the box, where one is delegated to this process: its limits hold for all of the box together, also for root,
 * and memory is what is used and not what is mapped. Only the unified hierarchy (cgroup v2, mounted alone) has what it takes.
 * What delegation means, and why a group with processes has no limited children, is in the kernel's cgroup-v2.rst.
 */

/** What a group can limit. */
export interface GroupLimits {
  /** Bytes. Who needs more ends the box. */
  readonly memory?: number;
  /** Processes and threads of the program. */
  readonly processes?: number;
  /** CPUs: 1.5 is one and a half. */
  readonly cpus?: number;
}

export interface Hierarchy {
  /** Where it is mounted. */
  readonly root: string;
  /** The contents of /proc/self/cgroup: the group of this process. */
  readonly membership: string;
}

/** Process 1 of the box is in the group as well. */
const OUR_PROCESSES = 1;
/** Microseconds over which the use of CPUs is counted: the kernel's own default. */
const PERIOD = 100_000;

let groups = 0;

export class ControlGroup implements AsyncDisposable {
  /**
   * A group for these limits, beside or below that of this process. Undefined where nobody may make one whose controllers are
   * on, and if there is nothing to limit.
   */
  static make(limits: GroupLimits, { root, membership } = mounted()): ControlGroup | undefined {
    const files = filesOf(limits);
    const own = /^0::(\/.*)$/m.exec(membership)?.[1];
    if (files.length === 0 || own === undefined || own.startsWith("/..")) return undefined;
    const controllers = files.map(([name]) => name.split(".")[0]);
    for (const parent of new Set([own, own.slice(0, own.lastIndexOf("/")) || "/"])) {
      const directory = `${root}${parent === "/" ? "" : parent}`;
      if (!isDelegated(directory, controllers)) continue;
      removeAbandoned(directory);
      const group = new ControlGroup(`${directory}/heddle-${Deno.pid}-${++groups}`);
      try {
        Deno.mkdirSync(group.path);
      } catch (error) {
        if (error instanceof Deno.errors.PermissionDenied) continue;
        throw error;
      }
      try {
        for (const [name, value] of files) Deno.writeTextFileSync(`${group.path}/${name}`, value);
        // Not there where the kernel does not account for it.
        if (contents(`${group.path}/memory.swap.max`) !== "" && limits.memory !== undefined) {
          Deno.writeTextFileSync(`${group.path}/memory.swap.max`, "0");
        }
      } catch (error) {
        Deno.removeSync(group.path);
        throw error;
      }
      return group;
    }
    return undefined;
  }

  private constructor(readonly path: string) {}

  /** Removes the group, when the last process in it has gone: a moment after that was reaped. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (/^populated 1$/m.test(contents(`${this.path}/cgroup.events`))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    Deno.removeSync(this.path);
  }
}

function mounted(): Hierarchy {
  return { root: "/sys/fs/cgroup", membership: contents("/proc/self/cgroup") };
}

function filesOf({ memory, processes, cpus }: GroupLimits): [file: string, value: string][] {
  return [
    ...(memory === undefined ? [] : [
      ["memory.max", String(memory)],
      ["memory.oom.group", "1"],
    ] as [string, string][]),
    ...(processes === undefined
      ? []
      : [["pids.max", String(processes + OUR_PROCESSES)]] as [string, string][]),
    ...(cpus === undefined
      ? []
      : [["cpu.max", `${Math.ceil(cpus * PERIOD)} ${PERIOD}`]] as [string, string][]),
  ];
}

/** Whether its children have these controllers, and this process may move others of its own there. */
function isDelegated(directory: string, controllers: readonly string[]): boolean {
  const enabled = contents(`${directory}/cgroup.subtree_control`).trim().split(" ");
  if (!controllers.every((controller) => enabled.includes(controller))) return false;
  try {
    Deno.openSync(`${directory}/cgroup.procs`, { write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Of supervisors that were killed: their boxes have ended with them. */
function removeAbandoned(directory: string): void {
  for (const { name } of Deno.readDirSync(directory)) {
    const process = /^heddle-(\d+)-\d+$/.exec(name)?.[1];
    if (process === undefined || contents(`/proc/${process}/stat`) !== "") continue;
    try {
      Deno.removeSync(`${directory}/${name}`);
    } catch { /* another one is faster, or it is of another PID namespace */ }
  }
}

/** Empty when there is no such file. */
function contents(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}

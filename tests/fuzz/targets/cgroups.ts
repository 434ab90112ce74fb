/** What the kernel, a container's maker or the environment says about CPUs. */
import { assert } from "@std/assert";
import { cgroupCpus } from "../../../ffi/cpus.ts";
import { requireProcs } from "../../../scheduler/sysmon/procs.ts";
import type { Target } from "../target.ts";

/** Files are separated by NULs: the list of cgroups, then what each read gives, in turn. */
export const cgroups: Target = {
  name: "cgroups",
  modules: ["scheduler/sysmon/procs"],
  tokens: [
    "0::/",
    "1:cpu,cpuacct:/a",
    "\n",
    "/b",
    "max 100000",
    "50000 100000",
    "-1",
    "1e9",
    "0x10",
    ":",
    "\0",
    " ",
  ],
  seeds: ["0::/a/b\n\x0050000 100000\n\0max 100000", "4:cpu:/x\n0::/\n\x0050000\x00100000", "\0"].map((
    text,
  ) => new TextEncoder().encode(text)),
  run(input) {
    const [list, ...contents] = new TextDecoder().decode(input).split("\0");
    let reads = 0;
    const cpus = cgroupCpus((path) => {
      if (path === "/proc/self/cgroup") return list;
      assert(path.startsWith("/sys/fs/cgroup/"), `it read ${path}`);
      assert(++reads <= 2 * (list.length + 1), "it reads without end");
      return contents.length === 0 ? undefined : contents[reads % contents.length];
    });
    assert(cpus > 0, `${cpus} CPUs`);
    try {
      const procs = requireProcs(Number(list), "HEDDLE_PROCS");
      assert(Number.isInteger(procs) && procs >= 1 && procs <= 256, `HEDDLE_PROCS=${list} gives ${procs}`);
    } catch (error) {
      assert(error instanceof RangeError, `it threw ${Deno.inspect(error)}`);
    }
  },
};

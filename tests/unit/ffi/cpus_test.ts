import { assertEquals, assertStringIncludes } from "@std/assert";
import { cgroupCpus } from "../../../ffi/cpus.ts";
import { runProgram } from "../../support/programs.ts";

function system(files: Record<string, string>): (path: string) => string | undefined {
  return (path) => files[path];
}

Deno.test("without cgroups, or without a quota, no cgroup limits the CPUs", () => {
  assertEquals(cgroupCpus(system({})), Infinity);
  assertEquals(cgroupCpus(system({ "/proc/self/cgroup": "0::/\n" })), Infinity);
  assertEquals(
    cgroupCpus(system({ "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "max 100000\n" })),
    Infinity,
  );
});

Deno.test("a cgroup v2 quota counts, with its fraction", () => {
  const files = { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": "150000 100000\n" };
  assertEquals(cgroupCpus(system(files)), 1.5);
});

Deno.test("a quota without bounds is none", () => {
  for (const quota of ["1 1e999", "1e999 1e999", "0 100000", "-1 100000", "", "max"]) {
    const files = { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/cpu.max": quota };
    assertEquals(cgroupCpus(system(files)), Infinity, quota);
  }
});

Deno.test("the tightest quota on the path to the root counts", () => {
  const files = {
    "/proc/self/cgroup": "0::/a/b/c\n",
    "/sys/fs/cgroup/a/b/c/cpu.max": "800000 100000\n",
    "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
    "/sys/fs/cgroup/a/cpu.max": "100000 50000\n",
    "/sys/fs/cgroup/cpu.max": "400000 100000\n",
  };
  assertEquals(cgroupCpus(system(files)), 2);
});

Deno.test("the root's own quota counts, as it does in a container", () => {
  const files = { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" };
  assertEquals(cgroupCpus(system(files)), 0.5);
});

Deno.test("a cgroup v1 quota counts, of the cpu controller alone", () => {
  const files = {
    "/proc/self/cgroup": "12:memory:/m\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/s\n",
    "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "300000\n",
    "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu/m/cpu.cfs_quota_us": "100000\n",
    "/sys/fs/cgroup/cpu/m/cpu.cfs_period_us": "100000\n",
  };
  assertEquals(cgroupCpus(system(files)), 3);
});

Deno.test("of a v1 and a v2 hierarchy side by side the tighter one counts", () => {
  const files = {
    "/proc/self/cgroup": "4:cpu:/one\n0::/two\n",
    "/sys/fs/cgroup/cpu/one/cpu.cfs_quota_us": "400000",
    "/sys/fs/cgroup/cpu/one/cpu.cfs_period_us": "100000",
    "/sys/fs/cgroup/two/cpu.max": "200000 100000",
  };
  assertEquals(cgroupCpus(system(files)), 2);
});

Deno.test("HEDDLE_PROCS sets the default", async () => {
  const { code, stdout } = await runProgram("prints_its_procs", { env: { HEDDLE_PROCS: "3" } });
  assertEquals([code, stdout], [0, "3\n"]);
});

Deno.test("a HEDDLE_PROCS that is no number is an error that names it", async () => {
  const { code, stderr } = await runProgram("prints_its_procs", { env: { HEDDLE_PROCS: "many" } });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "RangeError: HEDDLE_PROCS is NaN: give an integer from 1 to 256.");
});

Deno.test("the default is the number of CPUs that the process may use", async () => {
  const { code, stdout } = await runProgram("prints_its_procs", { prefix: ["taskset", "-c", "0"] });
  assertEquals([code, stdout], [0, "1\n"]);
});

/**
 * Where the system refuses something a program works, or does without the shim after one line that says why, or fails by a line that
 * names what is missing: `deno task test:hostile`. What this machine or this user cannot take away is skipped by name. The same in
 * the midst of a program: tests/beside/resources.ts, running_out.ts.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { type Ended, outcomeOf } from "../support/programs.ts";
import { docker } from "./docker.ts";
import type { Hardship } from "./launch.ts";

const ROOT = new URL("../../", import.meta.url);
const NOBODY = 65534;
const EPERM = 1;
const MEMFD_CREATE = 319, RT_SIGACTION = 13, TGKILL = 234;
const SIGURG = 23;
const RLIMIT_NPROC = 6;

const WITHOUT_SHIM = [
  "native false, preemption false",
  "children: 4950",
  "of its own: 7",
  "channel: 42",
  "closed",
];
const WITH_SHIM = [
  "native true, preemption true",
  ...WITHOUT_SHIM.slice(1, -1),
  "native call: 3",
  "beside a hog: 2",
  "closed",
];

interface Surroundings {
  readonly prefix?: readonly string[];
  /** Without: that of this process. */
  readonly env?: Record<string, string>;
  readonly deno?: string;
  readonly args?: readonly string[];
}

/** Runs a program of tests/programs/ to its end. */
function run(
  { prefix = [], env, deno = Deno.execPath(), args = [] }: Surroundings,
  program = "runs_anywhere",
): Promise<Ended> {
  const path = new URL(`tests/programs/${program}.ts`, ROOT).pathname;
  const flags = ["run", "-A", "--no-check", "--no-prompt", "--quiet"];
  const [command, ...rest] = [...prefix, deno, ...flags, path, ...args];
  const child = new Deno.Command(command, {
    args: rest,
    cwd: ROOT,
    clearEnv: env !== undefined,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return outcomeOf(child, 60_000);
}

/** A prefix for `run`. */
function under(hardship: Hardship): string[] {
  const launch = new URL("./launch.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", launch, JSON.stringify(hardship)];
}

function assertWorks({ code, stdout, stderr }: Ended): void {
  assertEquals([code, stdout.split("\n").slice(0, -1), stderr], [0, WITH_SHIM, ""]);
}

function assertFallsBack({ code, stdout, stderr }: Ended, why: string): void {
  assertEquals([code, stdout.split("\n").slice(0, -1)], [0, WITHOUT_SHIM], stderr);
  assertEquals(
    stderr,
    `Heddle runs without its native shim, so no task is preempted: ${why}. Set HEDDLE_TIER=none if that is meant.\n`,
  );
}

/** `lack`: what this machine cannot do for the test. */
function test(name: string, lack: string | undefined, fn: () => Promise<void>): void {
  if (lack !== undefined) console.log(`skipped: "${name}": ${lack}`);
  Deno.test({ name, ignore: lack !== undefined, fn });
}

function lackOf(command: readonly string[]): string | undefined {
  try {
    const { success, stderr } = new Deno.Command(command[0], { args: command.slice(1) }).outputSync();
    return success ? undefined : `${command.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`;
  } catch (error) {
    return `${command[0]}: ${(error as Error).message}`;
  }
}

const { os, arch } = Deno.build;
const noFilter = os === "linux" && arch === "x86_64"
  ? undefined
  : "the filter's numbers are those of linux x86_64";
const noUsers = noFilter ?? (Deno.uid() === 0 ? undefined : "only root becomes another user");
const noMounts = lackOf(["unshare", "-m", "sh", "-c", "mount --make-rprivate / && umount -l /proc"]);

/** In a cgroup of version 1, whose controller is mounted here, with a limit. */
async function within(
  controller: string,
  file: string,
  limit: number,
  fn: (prefix: string[]) => Promise<void>,
) {
  const group = `/sys/fs/cgroup/${controller}/heddle-hostile-${Deno.pid}`;
  await Deno.mkdir(group);
  try {
    await Deno.writeTextFile(`${group}/${file}`, `${limit}`);
    await fn(["sh", "-c", `echo 0 > ${group}/cgroup.procs && exec "$0" "$@"`]);
  } finally {
    await Deno.remove(group);
  }
}

function noGroup(controller: string): string | undefined {
  const group = `/sys/fs/cgroup/${controller}/heddle-hostile`;
  return lackOf(["sh", "-c", `mkdir ${group} && rmdir ${group}`]);
}

test("nothing is refused: all works", noFilter, async () => {
  assertWorks(await run({ prefix: under({}) }));
});

test("by Docker's default profile nothing is refused that is needed", noFilter, async () => {
  assertWorks(await run({ prefix: under({ refusals: docker }) }));
});

test("who may make no memfd does without the shim", noFilter, async () => {
  const refusals = [{ call: MEMFD_CREATE, errno: EPERM }];
  assertFallsBack(await run({ prefix: under({ refusals }) }), 'memfd_create("heddle") failed: EPERM');
});

test("who may send no signal to a thread does without the shim", noFilter, async () => {
  const refusals = [{ call: TGKILL, errno: EPERM }];
  const why = "the system refuses the signal that freezes them (tgkill: EPERM)";
  assertFallsBack(await run({ prefix: under({ refusals }) }), why);
});

test("who sends no signals, with preempt: false, need not be allowed to", noFilter, async () => {
  const refusals = [
    { call: TGKILL, errno: EPERM },
    { call: RT_SIGACTION, errno: EPERM, when: [{ argument: 0, equals: SIGURG }] },
  ];
  const { code, stdout, stderr } = await run({ prefix: under({ refusals }), args: ["cooperative"] });
  const lines = WITH_SHIM.filter((line) => !line.startsWith("beside"));
  assertEquals([code, stdout.split("\n").slice(0, -1), stderr], [0, lines, ""]);
});

test("who may not handle the signal does without the shim", noFilter, async () => {
  const refusals = [{ call: RT_SIGACTION, errno: EPERM, when: [{ argument: 0, equals: SIGURG }] }];
  const why = "the system refuses a handler of the signal that freezes them (sigaction: EPERM)";
  assertFallsBack(await run({ prefix: under({ refusals }) }), why);
});

test("without a home, and with nothing else in the environment, all works", undefined, async () => {
  assertWorks(await run({ env: { PATH: "/usr/bin:/bin" } }));
});

test("on a file system that is read-only all works", noMounts, async () => {
  const readOnly = 'mount --make-rprivate / && for at in $(cut -d" " -f2 /proc/mounts); do ' +
    'case $at in /proc*|/sys*|/dev*) ;; *) mount -o remount,bind,ro "$at" || exit 3;; esac; done; ' +
    '! touch /tmp/heddle-is-written 2> /dev/null && exec "$0" "$@"';
  assertWorks(await run({ prefix: ["unshare", "-m", "sh", "-c", readOnly] }));
});

test(
  "without /proc, where Deno starts no thread, the first line says so, with the shim and without",
  noMounts,
  async () => {
    const prefix = [
      "unshare",
      "-m",
      "sh",
      "-c",
      'mount --make-rprivate / && umount -l /proc && exec "$0" "$@"',
    ];
    for (const tier of ["", "none"]) {
      const env = { PATH: "/usr/bin:/bin", HEDDLE_TIER: tier };
      const { code, stderr } = await run({ prefix, env }, "exits_by_itself_after_go");
      assertEquals(code, 1, stderr);
      assertMatch(stderr, /^error: Uncaught \(in promise\) NotFound: There is no \/proc: .* Mount it\.\n/);
    }
  },
);

/** With a Deno and a cache that nobody may use. */
async function asNobody(hardship: Hardship, prefix: readonly string[] = []): Promise<Ended> {
  const home = await Deno.makeTempDir({ prefix: "heddle-hostile-" });
  try {
    const deno = `${home}/deno`;
    await Deno.copyFile(Deno.execPath(), deno);
    await Deno.mkdir(`${home}/cache`);
    for (const path of [home, deno]) await Deno.chmod(path, 0o755);
    await Deno.chmod(`${home}/cache`, 0o777);
    const env = { PATH: "/usr/bin:/bin", DENO_DIR: `${home}/cache` };
    return await run({ prefix: [...prefix, ...under({ ...hardship, user: NOBODY })], env, deno });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

test("for a user without rights all works", noUsers, async () => {
  assertWorks(await asNobody({}));
});

/** The runtime's own threads are as many as there are CPUs. */
const onOneCpu = ["taskset", "-c", "0"];
const noCpu = lackOf([...onOneCpu, "true"]);

test(
  "who may have few threads is told of it by whoever is refused one: Heddle, or Deno, which ends the process",
  noUsers ?? noCpu,
  async () => {
    for (const most of [7, 10]) {
      // All that is nobody's counts.
      const { code, stderr } = await asNobody({ limits: { [RLIMIT_NPROC]: most } }, onOneCpu);
      assertEquals(code, 1, stderr);
      assertMatch(
        stderr,
        /refused a (native )?thread: EAGAIN; it has too many threads|unable to create worker threads/,
      );
    }
  },
);

test("in a cgroup of 20 threads all works", noGroup("pids") ?? noCpu, async () => {
  await within("pids", "pids.max", 20, async (prefix) => {
    assertWorks(await run({ prefix: [...prefix, ...onOneCpu] }));
  });
});

test("in a cgroup of 100 MB all works", noGroup("memory"), async () => {
  await within("memory", "memory.limit_in_bytes", 100 << 20, async (prefix) => {
    assertWorks(await run({ prefix }));
  });
});

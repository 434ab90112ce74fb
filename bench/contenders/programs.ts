import { sandbox } from "../../examples/sandbox/sandbox.ts";
import { Scheduler } from "@heddle/heddle";
import type { Contender, Pool } from "../contender.ts";
import { output } from "../sides/program.ts";

/** Each in a directory of its own: what is made before, by bash with the size as $1, what is measured, and what it makes. */
const programs: Record<string, { prepare: string; script: string; makes: string }> = {
  git: {
    prepare:
      `git init -q -b main origin && cd origin && for i in $(seq "$1"); do head -c 1000000 /dev/urandom > file$i; done &&
      git add . && git -c user.name=A -c user.email=a@b commit -qm all`,
    script: "git clone -q --no-local origin made",
    makes: "made",
  },
  make: {
    prepare: `mkdir source made && for i in $(seq "$1"); do
        printf '#include <stdio.h>\\n#include <stdlib.h>\\nint f%d(void) { return printf("x"); }\\n' $i > source/f$i.c; done
      printf 'all: $(patsubst source/%%.c,made/%%.o,$(wildcard source/*.c))\\nmade/%%.o: source/%%.c\\n\\tgcc -O2 -c -o $@ $<\\n' > Makefile`,
    script: "make -s -j2",
    makes: "made/*",
  },
  tar: {
    prepare: `mkdir -p tree made && for i in $(seq "$1"); do mkdir tree/$i; for j in $(seq 50); do
      head -c 2000 /dev/urandom > tree/$i/$j; done; done`,
    script: "tar cf made/tree.tar tree && tar xf made/tree.tar -C made",
    makes: "made/*",
  },
};

async function bash(script: string, directory: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "bash", ...args],
    cwd: directory,
    env: { HOME: directory, TMPDIR: directory },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const prepared = new Map<string, Promise<string>>();

async function prepare(work: string, size: number): Promise<string> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  await bash(programs[work].prepare, directory, String(size));
  return directory;
}

/** Milliseconds of one run, in a directory where it has not run yet. */
async function timed(
  work: string,
  size: number,
  run: (script: string, directory: string) => Promise<void>,
): Promise<number> {
  const key = `${work} ${size}`;
  if (!prepared.has(key)) prepared.set(key, prepare(work, size));
  const directory = await prepared.get(key)!;
  const start = performance.now();
  await run(programs[work].script, directory);
  const ms = performance.now() - start;
  await bash(`rm -rf ${programs[work].makes}`, directory);
  return ms;
}

for (const name of ["bash", "git", "make", "gcc", "tar"]) await output(name, ["--version"]);

async function box(): Promise<Pool> {
  const scheduler = await Scheduler.start({ procs: 1 });
  return {
    threads: 1,
    run: (work, size) =>
      timed(work, size, async (script, directory) => {
        await using box = await sandbox(scheduler, {
          command: ["bash", "-c", script],
          cwd: directory,
          env: { ...Deno.env.toObject(), HOME: directory, TMPDIR: directory },
          permissions: {
            read: ["/etc", "/usr", directory],
            write: [directory],
            run: true,
            env: true,
          },
          stdout: "null",
        });
        if (!(await box.status).success) throw new Error(`${work} has failed in a box`);
      }),
  };
}

/** git, make and tar as they are, and under permissions alone; a box's start is part of its time. */
export const contender: Contender = {
  version: "of the system",
  modes: { box, plain: () => ({ threads: 1, run: (work, size) => timed(work, size, bash) }) },
};

/**
 * The shim's other build, on an emulated machine: the drivers of tests/native, and a program that uses every feature, which is also
 * run as it is here. qemu has no weaker order of memory than the machine that it runs on, and pages of 4 KiB: what can be said of
 * the rest is in scheduler/arena/README.md, "Weak order", and in tests/unit/ffi/ffi_test.ts.
 */
import { assertEquals } from "@std/assert";
import { libraries } from "../../native/build.ts";
import { compileEmulated, emulatedDeno, lacksEmulator, runEmulated } from "../support/aarch64.ts";
import { path as called } from "../support/called.ts";
import { openTier } from "../../ffi/tier.ts";
import { runProgram } from "../support/programs.ts";

const directory = await Deno.makeTempDir({ prefix: "heddle-aarch64-" });
Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));

const lacking = await lacksEmulator();
const deno = emulatedDeno();

function test(name: string, lack: string | undefined, fn: () => Promise<void>): void {
  if (lack !== undefined) console.log(`skipped: "${name}", since ${lack}; deno task test:aarch64 gets it`);
  Deno.test({ name, ignore: lack !== undefined, fn });
}

const sources = libraries[0].sources.filter((source) => source.endsWith(".c"));
const flags = "-std=gnu11 -O1 -Wall -Wextra -Werror -pthread".split(" ");

/** An emulated run may take so long where others use the CPUs, too. */
const LONG = 900_000;

const drivers: [file: string, sources: readonly string[], ...args: string[]][] = [
  ["shim_driver", sources],
  ["preempt_driver", sources, "siginfo", "plain", "default", "ignored"],
  ["maps_driver", sources.filter((source) => !source.endsWith("preempt.c"))],
];
for (const [file, with_, ...args] of drivers) {
  test(`on aarch64 tests/native/${file}.c passes`, lacking, async () => {
    const program = `${directory}/${file}`;
    await compileEmulated(program, ...flags, `tests/native/${file}.c`, ...with_);
    for (const arg of args.length > 0 ? args : [""]) {
      assertEquals(await runEmulated(LONG, program, arg), { code: 0, stdout: "done\n", stderr: "" });
    }
  });
}

const EVERYTHING = `machine: true true true true
tasks: 45 499500
error: true on purpose 7
values: true
moved: 7 0
cancelled: true
stream: [ 0, 1, 4, 9, 16 ]
priority: 10
parallelMap: [ 0, 1, 3 ]
pipeline: [ 4, 8, 12 ]
perThread: true
channels: 380
locks: [ 60, 60, 60, 1 ] 1
beside a blocking call: 6
blocking: true
locked: true
dedicated: true
locker: true
dump: true 2
metrics: true
threadOptions: true
polled: true undefined
native: true 6n
variadic: -1 0.5 1099511627776 -2.25 1 2 3 4 5
native thread: true
parameters: true 2.5 -1 -2
preempted: true true
closed: 0
`;

const lackHere = openTier(true).lack || (called === undefined ? "there is no gcc" : "");
test("a program uses every feature", lackHere || undefined, async () => {
  const { code, stdout, stderr } = await runProgram("uses_every_feature", { args: [called!], ms: 60_000 });
  assertEquals([code, stdout, stderr], [0, `${EVERYTHING}abandoned: true 3\n`, ""]);
});

const lackingDeno = lacking ?? (deno === undefined ? "there is no Deno for aarch64" : undefined);
test("on aarch64 a program uses every feature", lackingDeno, async () => {
  const library = `${directory}/called.so`;
  await compileEmulated(library, "-std=gnu11", "-O2", "-fPIC", "-shared", "tests/native/called.c");
  const program = "tests/programs/uses_every_feature.ts";
  const args = [deno!, "run", "-A", "--no-check", "--no-lock", program, library, "and abandons none"];
  const { code, stdout, stderr } = await runEmulated(LONG, ...args);
  assertEquals([code, stdout, stderr], [0, EVERYTHING, ""]);
});

/**
 * Runs a program under supervision: `deno task sandbox -- PROGRAM ARGUMENT…`. See README.md.
 */

import { Scheduler } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";
import Table from "cli-table3";
import { errnoName } from "../../ffi/errno.ts";
import { launch, type Program } from "./launch.ts";
import { type Outcome, supervise } from "./supervisor.ts";

const usage = `Usage: sandbox [OPTION]… [--] PROGRAM [ARGUMENT]…

Runs PROGRAM and shows which programs and files it opens and where it connects to.

  --deny-read=PATH  what is at PATH or below it can be neither opened for reading nor executed (EACCES);
                    can be given several times, or several paths separated by commas
  --log=FILE        write the calls to FILE instead of standard error
  --quiet           write no calls and no summary to standard error
  --help            show this

The exit status is that of PROGRAM, 128+N when signal N ended it, 126 when it cannot be executed, 127 when it is
not found, and 125 when the sandbox itself fails.`;

const SANDBOX_FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127;

function fail(message: string, status = SANDBOX_FAILED): never {
  console.error(`sandbox: ${message}`);
  Deno.exit(status);
}

interface Options {
  readonly deniedPaths: readonly string[];
  readonly logFile?: string;
  readonly quiet: boolean;
  readonly command: readonly string[];
}

const withValue = ["deny-read", "log"], withoutValue = ["quiet", "help"];

function parse(args: readonly string[]): Options {
  // Split here and not by parseArgs: it takes the program in `--quiet true` for the value of --quiet.
  let end = 0;
  while (args[end]?.startsWith("-") && args[end] !== "--") {
    end += withValue.some((name) => args[end] === `--${name}`) ? 2 : 1;
  }
  const options = parseArgs(args.slice(0, end), {
    string: withValue,
    boolean: withoutValue,
    collect: ["deny-read"],
    unknown: (argument: string) => fail(`${argument} is no option.\n\n${usage}`),
  });
  if (options.help) {
    console.log(usage);
    Deno.exit(0);
  }
  const command = args.slice(args[end] === "--" ? end + 1 : end);
  if (command.length === 0) fail(`no program given.\n\n${usage}`);
  const given: string[] = options["deny-read"];
  const deniedPaths = given.flatMap((paths) => paths.split(","));
  if (deniedPaths.includes("")) {
    fail(`--deny-read needs a path, got ${JSON.stringify(given.join(" "))}.`);
  }
  if (options.log === "") fail("--log needs a file.");
  return { deniedPaths, logFile: options.log, quiet: options.quiet, command };
}

/** The file that a shell would execute. */
function findProgram(name: string): string {
  const candidates = name.includes("/")
    ? [name]
    : (Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin").split(":").map((folder) =>
      `${folder || "."}/${name}`
    );
  let unsuitable: string | undefined;
  for (const candidate of candidates) {
    try {
      const { isFile, isDirectory, mode } = Deno.statSync(candidate);
      if (!isDirectory && (!isFile || mode! & 0o111)) return candidate;
      unsuitable ??= `${candidate}: ${isDirectory ? "is a directory" : "permission denied"}`;
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) unsuitable ??= `${candidate}: permission denied`;
    }
  }
  if (unsuitable) fail(unsuitable, NOT_EXECUTABLE);
  fail(`${name}: ${name.includes("/") ? "no such file or directory" : "command not found"}`, NOT_FOUND);
}

/** Passes signals on, and ends the supervision of what PROGRAM has left behind. */
function forwardSignals(program: Program): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  for (const [name, number] of Object.entries(numbers)) {
    Deno.addSignalListener(name as keyof typeof numbers, () => {
      // A key of the terminal has already reached the whole foreground group, the program included.
      const fromTerminal = (name === "SIGINT" || name === "SIGQUIT") && isForeground();
      const hasEnded = !program.signal(fromTerminal ? 0 : number);
      if (hasEnded) program.stopSupervision();
    });
  }
}

/** Whether this process group is the one in the foreground of a terminal: fields 5, 7 and 8 of proc_pid_stat(5). */
function isForeground(): boolean {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const [, , group, , terminal, foregroundGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return terminal !== "0" && group === foregroundGroup;
}

function summary({ counts }: Outcome): string {
  const table = new Table({ head: ["call", "times", "refused", "mean us"], style: { head: [], border: [] } });
  for (const [name, { times, refused, spent }] of Object.entries(counts)) {
    table.push([name, times, refused, (spent / times * 1000).toFixed(1)]);
  }
  return table.toString();
}

async function main(): Promise<number> {
  const { deniedPaths, logFile, quiet, command } = parse(Deno.args);
  const file = findProgram(command[0]);
  if (logFile !== undefined) {
    try {
      Deno.writeFileSync(logFile, new Uint8Array());
    } catch (error) {
      fail(`--log=${logFile}: ${(error as Error).message}`);
    }
  }
  // The scheduler first: once launched, the program sleeps in its execve until it is supervised.
  await using scheduler = await Scheduler.start({ procs: 1 });
  const program = launch(file, command);
  forwardSignals(program);
  try {
    const { pid, pidfd, listener, stop } = program;
    const outcome = await scheduler.dedicate(
      supervise({ pid, pidfd, listener, stop, deniedPaths, logFile, echo: !quiet && logFile === undefined }),
      { name: "supervisor" },
    );
    const execError = program.execError();
    if (execError !== undefined) return refused(file, execError);
    if (!quiet) console.error(summary(outcome));
    const signal = outcome.waitStatus & 0x7f;
    return signal ? 128 + signal : outcome.waitStatus >> 8 & 0xff;
  } catch (error) {
    const SIGKILL = 9;
    program.signal(SIGKILL);
    throw error;
  }
}

function refused(file: string, errno: number): number {
  const reasons: Record<number, string> = {
    2: "its interpreter or loader does not exist",
    8: "not in a format that can be executed",
    13: "permission denied",
  };
  console.error(`sandbox: ${file}: ${reasons[errno] ?? errnoName(-errno)}`);
  const ENOENT = 2;
  return errno === ENOENT ? NOT_FOUND : NOT_EXECUTABLE;
}

main().then(Deno.exit, (error) => fail(error instanceof Error ? error.message : String(error)));

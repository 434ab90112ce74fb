/**
 * Runs a program behind a wall: `deno task sandbox --allow-read=. -- PROGRAM ARGUMENT…`. See README.md.
 */

import { Scheduler } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";
import Table from "cli-table3";
import { pathToFileURL } from "node:url";
import { errnoName } from "../../ffi/errno.ts";
import { type Box, type BoxOptions, type Limits, startBox, type Trace } from "./box.ts";
import { permissionSet } from "./config.ts";
import { type Allowance, type Kind, kinds, PermissionError, permissionsOf, union } from "./permissions.ts";
import { Shown } from "./log.ts";
import { type ByteString, fromBytes, toText } from "./plan.ts";
import { PolicyError } from "./policy.ts";
import { ProgramError } from "./program.ts";
import type { Outcome } from "./supervisor.ts";

const usage = `Usage: sandbox [OPTION]… [--] PROGRAM [ARGUMENT]…

Runs PROGRAM so that it can do what is allowed, and nothing else.

  --allow-read[=PATH,…]   what it may read           --deny-read[=PATH,…]
  --allow-write[=PATH,…]  what it may change         --deny-write[=PATH,…]
  --allow-run[=NAME,…]    what it may execute        --deny-run[=NAME,…]
  --allow-net[=HOST:PORT,…]  what it may reach       --deny-net[=HOST:PORT,…]
  --allow-env[=NAME,…]    variables that it gets     --deny-env[=NAME,…]
  --allow-all, -A         all of these
  --config=FILE           permission sets as in deno.json, also in TOML
  --permission-set=NAME   the set to take ("default")
  --platform=ptrace       for kernels without Landlock: a tracer decides, and hostile programs can deceive it
  --best-effort           do without what this machine cannot enforce

  --timeout=SECONDS  --cpu=SECONDS  --memory=BYTES (or 512M, 2G)  --processes=N  --open-files=N  --cpus=N

  --policy=FILE           a module whose default export is asked about each call that opens, changes names,
                          executes, connects or sends

  --trace                 show its calls that open, execute, change and connect
  --trace=results         the same with their results, which takes longer
  --trace=refused         print the flags that would allow what was refused
  --trace=learn           run it without a wall, and print the flags that it needs
  --log=FILE              write the calls to FILE; %ID% and %COMMAND% are replaced
  --debug-log=FILE        write to FILE what the sandbox sets up and does; named as the other
  --json                  a call as a line of JSON
  --summary               print how often which call was made

  --help                  show this

Without a list, all of that kind is meant. What is denied wins. The program itself and the libraries that it is linked
with can be read. The exit status is that of PROGRAM, 128+N when signal N ended it, 126 when it cannot be executed,
127 when it is not found, and 125 when the sandbox itself fails.`;

const SANDBOX_FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127;

/** What the user has to be told, and nothing more. */
class Failure extends Error {
  constructor(message: string, readonly status = SANDBOX_FAILED) {
    super(message);
  }
}

function warn(message: string): void {
  console.error(`sandbox: ${message}`);
}

const permissionFlags = kinds.flatMap((kind) => [`allow-${kind}`, `deny-${kind}`]);
const limitFlags = ["timeout", "cpu", "memory", "processes", "open-files", "cpus"];
/** These take their value only behind an equals sign. */
const withOptionalValue = [...permissionFlags, "trace"];
const withValue = ["config", "permission-set", "policy", "platform", "log", "debug-log", ...limitFlags];
const withoutValue = ["allow-all", "best-effort", "json", "summary", "help", "from-task"];
/** The first argument if `deno task` started this: see deno.json. */
const FROM_TASK = "--from-task";

interface Given {
  readonly options: Omit<BoxOptions, "argv" | "directory" | "environment" | "path">;
  readonly command: readonly ByteString[];
  readonly summary: boolean;
}

function parse(args: readonly ByteString[]): Given {
  // Split here and not by parseArgs: it takes the program in `--summary true` for the value of --summary.
  let end = 0;
  while (args[end]?.startsWith("-") && args[end] !== "--") {
    end += withValue.some((name) => args[end] === `--${name}`) ? 2 : 1;
  }
  const own = args.slice(0, end).map(toText);
  const given = parseArgs(own.map((flag) => flag === "-A" ? "--allow-all" : flag), {
    string: [...withOptionalValue, ...withValue],
    boolean: withoutValue,
    collect: permissionFlags,
    unknown: (argument: string) => {
      throw new Failure(`${argument} is no option.\n\n${usage}`);
    },
  }) as Record<string, string | string[] | boolean | undefined>;
  if (given.help) {
    console.log(usage);
    Deno.exit(0);
  }
  const command = args.slice(args[end] === "--" ? end + 1 : end);
  if (command.length === 0) throw new Failure(`no program given.\n\n${usage}`);
  for (const name of withValue) if (given[name] === "") throw new Failure(`--${name} needs a value.`);

  const list = (flag: string): Allowance => {
    const values = given[flag] as string[];
    if (values.length === 0) return false;
    // A flag without a value means all; one with an equals sign and nothing behind it was meant otherwise.
    if (own.includes(`--${flag}=`)) throw new Failure(`--${flag}= needs a value, or no equals sign.`);
    return values.includes("") || values.flatMap((value) => value.split(","));
  };
  const flags = permissionsOf(Object.fromEntries(kinds.map((kind: Kind) => [kind, {
    allow: given["allow-all"] === true || list(`allow-${kind}`),
    deny: list(`deny-${kind}`),
  }])));
  const set = given["permission-set"] as string | undefined;
  if (set !== undefined && given.config === undefined) {
    throw new Failure("--permission-set needs a --config.");
  }
  const permissions = given.config === undefined
    ? flags
    : union(flags, permissionsOf(permissionSet(given.config as string, set ?? "default")));

  const trace = given.trace as string | undefined;
  if (trace !== undefined && !["", "results", "learn", "refused"].includes(trace)) {
    throw new Failure(
      `--trace=${trace}: there is --trace, --trace=results, --trace=learn and --trace=refused.`,
    );
  }
  const platform = (given.platform ?? "landlock") as string;
  if (platform !== "landlock" && platform !== "ptrace") {
    throw new Failure(`--platform=${platform}: there is --platform=landlock and --platform=ptrace.`);
  }
  const log = logPath("log", given, command[0]);
  const debugLog = logPath("debug-log", given, command[0]);
  const isTraced = trace !== undefined || log !== undefined || given.json === true || given.summary === true;
  const echo = trace === "" || trace === "results" || given.json === true ? "" : undefined;
  return {
    options: {
      permissions,
      platform,
      limits: limitsOf(given),
      ...(isTraced &&
        {
          trace: {
            kind: (trace || "refused") as Trace,
            timed: given.summary === true,
            showing: { log: log ?? echo, json: given.json === true },
          },
        }),
      ...(given.policy !== undefined && { policy: policyUrl(given.policy as string) }),
      ...(given["best-effort"] === true && { bestEffort: warn }),
      ...(debugLog !== undefined && { debug: writerOf(debugLog) }),
    },
    command,
    summary: given.summary === true,
  };
}

function policyUrl(file: string): string {
  try {
    return pathToFileURL(Deno.realPathSync(file)).href;
  } catch (error) {
    throw new Failure(`--policy=${file}: ${(error as Error).message}`);
  }
}

function limitsOf(given: Record<string, unknown>): Limits {
  const number = (flag: string, units: Record<string, number> = {}) => {
    const value = given[flag] as string | undefined;
    if (value === undefined) return undefined;
    const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([KMG]?)$/.exec(value) ?? [];
    const number = Math.round(Number(digits) * (unit === "" ? 1 : units[unit]));
    if (digits === undefined || !Number.isSafeInteger(number) || number < 1) {
      throw new Failure(`--${flag}=${value} is no number that it can take.`);
    }
    return number;
  };
  const timeout = given.timeout === undefined ? undefined : Number(given.timeout) * 1000;
  // Longer ones do not fit a timer.
  if (timeout !== undefined && !(timeout > 0 && timeout < 2 ** 31)) {
    throw new Failure(`--timeout=${given.timeout} is no number of seconds that it can take.`);
  }
  const cpus = given.cpus === undefined ? undefined : Number(given.cpus);
  if (cpus !== undefined && !(cpus >= 0.01 && cpus < 2 ** 31)) {
    throw new Failure(`--cpus=${given.cpus} is no number of CPUs: give 0.01 or more.`);
  }
  return {
    timeout,
    cpu: number("cpu"),
    memory: number("memory", { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }),
    processes: number("processes"),
    openFiles: number("open-files"),
    cpus,
  };
}

/** As runsc's: %ID% tells boxes apart, %COMMAND% is the program's name. */
function logPath(flag: string, given: Record<string, unknown>, command: ByteString): string | undefined {
  const template = given[flag] as string | undefined;
  if (template === undefined) return undefined;
  const program = toText(command).split("/").at(-1)!;
  const names: Record<string, string> = { "%ID%": String(Deno.pid), "%COMMAND%": program };
  const file = template.replace(/%ID%|%COMMAND%/g, (name) => names[name]);
  try {
    Deno.writeTextFileSync(file, "", { create: true });
  } catch (error) {
    throw new Failure(`--${flag}=${file}: ${(error as Error).message}`);
  }
  return file;
}

/** Lines with the milliseconds since this process has begun. What can no longer be written is lost. */
function writerOf(file: string): (message: string) => void {
  const lines = new Shown({ log: file, json: false });
  return (message) => lines.write(`${performance.now().toFixed(1).padStart(8)} ${message}`);
}

/** C strings, one after the other, as /proc has arguments and environments. */
function stringsIn(file: string): ByteString[] {
  return fromBytes(Deno.readFileSync(file)).split("\0").slice(0, -1);
}

/** As they were given: `Deno.args` and `Deno.env` hold what is UTF-8. */
function rawArguments(): ByteString[] {
  return Deno.args.length === 0 ? [] : stringsIn("/proc/self/cmdline").slice(-Deno.args.length);
}

/** The caller's working directory and environment, which `deno task` has changed. */
function surroundings(fromTask: boolean): Pick<BoxOptions, "directory" | "environment" | "path"> {
  const environment = new Map(
    stringsIn("/proc/self/environ").map((string): [ByteString, ByteString] => {
      const at = string.indexOf("=", 1);
      return [string.slice(0, at), string.slice(at + 1)];
    }),
  );
  const started = environment.get("INIT_CWD");
  if (fromTask && started !== undefined) {
    environment.delete("INIT_CWD");
    environment.delete("npm_config_user_agent");
    if (environment.has("PWD")) environment.set("PWD", started);
    Deno.chdir(toText(started));
  }
  const path = Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
  return { directory: Deno.cwd(), environment, path };
}

/** Passes signals on to the box. Where there is nobody to get them, or the second SIGTERM, ends it. */
function forwardSignals(box: Promise<Box>): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;
  let asked = 0;
  for (const [name, number] of Object.entries(numbers)) {
    Deno.addSignalListener(name as keyof typeof numbers, async () => {
      // A key of the terminal has already reached the whole foreground group, the program included.
      const fromTerminal = (name === "SIGINT" || name === "SIGQUIT") && isForeground();
      const running = await box.catch(() => undefined); // who awaits it as well is told
      if (name === "SIGTERM" && ++asked > 1) running?.kill();
      else if (running?.signal(fromTerminal ? 0 : number) === false) running.kill();
    });
  }
}

/** Whether this process group is the one in the foreground of a terminal: fields 5, 7 and 8 of proc_pid_stat(5). */
function isForeground(): boolean {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const [, , group, , terminal, foregroundGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return terminal !== "0" && group === foregroundGroup;
}

function summaryOf({ counts }: Outcome): string {
  const table = new Table({ head: ["call", "times", "mean us"], style: { head: [], border: [] } });
  for (const [name, { times, spent }] of Object.entries(counts)) {
    table.push([name, times, (spent / times * 1000).toFixed(1)]);
  }
  return table.toString();
}

async function main(): Promise<number> {
  const given = rawArguments();
  const around = surroundings(given[0] === FROM_TASK); // first: files in options are relative to the caller's directory
  const { options, command, summary } = parse(given);
  await using scheduler = await Scheduler.start({ procs: 1 });
  const starting = Promise.withResolvers<Box>();
  forwardSignals(starting.promise); // first: the program may run, and who hears of it may send one, before startBox() returns
  starting.resolve(startBox(scheduler, { ...options, ...around, argv: command }));
  const box = await starting.promise;
  const outcome = await box.outcome;
  options.debug?.(
    outcome.execError === undefined
      ? `it has ended with wait status ${outcome.waitStatus}`
      : `executing it failed with ${errnoName(-outcome.execError)}`,
  );
  if (outcome.execError !== undefined) throw refused(box.file, outcome.execError);
  if (summary) console.error(summaryOf(outcome));
  if (options.trace && outcome.flags.length > 0) console.error(`sandbox: ${outcome.flags.join(" ")}`);
  const signal = outcome.waitStatus & 0x7f;
  return signal ? 128 + signal : outcome.waitStatus >> 8 & 0xff;
}

function refused(file: string, errno: number): Failure {
  const ENOENT = 2, ENOEXEC = 8, EACCES = 13;
  const reasons: Record<number, string> = {
    [ENOENT]: "its interpreter or loader does not exist",
    [ENOEXEC]: "not in a format that can be executed",
    [EACCES]: "permission denied",
  };
  return new Failure(
    `${file}: ${reasons[errno] ?? errnoName(-errno)}`,
    errno === ENOENT ? NOT_FOUND : NOT_EXECUTABLE,
  );
}

main().then(Deno.exit, (error) => {
  const status = error instanceof Failure || error instanceof ProgramError ? error.status : SANDBOX_FAILED;
  const isForUser = error instanceof Failure || error instanceof ProgramError ||
    error instanceof PermissionError || error instanceof PolicyError;
  warn(isForUser ? error.message : error instanceof Error ? error.message : String(error));
  Deno.exit(status);
});

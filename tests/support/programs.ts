/** Runs the programs of tests/programs/, each in a process of its own. */

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Outcome extends Ended {
  /** Of the whole life of the process. */
  readonly ms: number;
}

interface Options {
  readonly env?: Record<string, string>;
  /** A command that runs the command that follows. */
  readonly prefix?: string[];
  readonly flags?: string[];
  readonly args?: string[];
  readonly ms?: number;
}

/** What `child` has put out when it ends, by SIGKILL after `ms`: its code is 137 then. */
export async function endOf(child: Deno.ChildProcess, ms: number): Promise<Deno.CommandOutput> {
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  try {
    return await child.output();
  } finally {
    clearTimeout(timer);
  }
}

/** The same, as text. */
export async function outcomeOf(child: Deno.ChildProcess, ms: number): Promise<Ended> {
  const { code, stdout, stderr } = await endOf(child, ms);
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Ends it with a signal after `ms`, so that a program that does not end gives a code of 128 and more. */
export async function runProgram(
  name: string,
  { env = {}, prefix = [], flags = ["-A"], args = [], ms = 60_000 }: Options = {},
): Promise<Outcome> {
  const { href } = new URL(`../programs/${name}.ts`, import.meta.url);
  const [command, ...rest] = [
    ...prefix,
    Deno.execPath(),
    "run",
    "--no-prompt",
    ...flags,
    "--no-check",
    href,
    ...args,
  ];
  const start = performance.now();
  const child = new Deno.Command(command, {
    args: rest,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const outcome = await outcomeOf(child, ms);
  return { ...outcome, ms: performance.now() - start };
}

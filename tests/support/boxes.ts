/** Programs behind a wall, for tests: one scheduler for all of them. */
import { Scheduler } from "../../mod.ts";
import { sandbox, type SandboxOptions } from "../../examples/sandbox/sandbox.ts";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly flags: readonly string[];
}

let scheduler: Promise<Scheduler> | undefined;

/** The first box starts it. */
export function boxScheduler(): Promise<Scheduler> {
  return scheduler ??= Scheduler.start({ procs: 1, maxThreads: 16 });
}

export async function closeBoxes(): Promise<void> {
  await (await scheduler)?.close();
  scheduler = undefined;
}

/** Runs a command in a box, to its end. */
export async function inBox(
  command: readonly string[],
  options: Omit<SandboxOptions, "command" | "stdout" | "stderr"> = {},
): Promise<Ended> {
  await using box = await sandbox(await boxScheduler(), {
    ...options,
    command: command as [string, ...string[]],
    stdout: "piped",
    stderr: "piped",
  });
  const [stdout, stderr, { code, flags }] = await Promise.all([
    new Response(box.stdout).text(),
    new Response(box.stderr).text(),
    box.status,
  ]);
  return { code, stdout, stderr, flags };
}

/** The same command without a wall. */
export async function bare(
  command: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Omit<Ended, "flags">> {
  const { code, stdout, stderr } = await new Deno.Command(command[0], {
    args: command.slice(1),
    clearEnv: true,
    stdin: "null",
    ...options,
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Why this machine cannot run a box, if it cannot: some containers refuse namespaces. */
export async function obstacle(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return `this is ${Deno.build.os} ${Deno.build.arch}`;
  }
  try {
    const { code, stderr } = await inBox(["/bin/true"]);
    return code === 0 ? undefined : `true ended with ${code}: ${stderr}`;
  } catch (error) {
    return String(error);
  }
}

export async function hasProgram(name: string): Promise<boolean> {
  const command = new Deno.Command("sh", {
    args: ["-c", `command -v ${name}`],
    stdout: "null",
    stderr: "null",
  });
  return (await command.output()).success;
}

export async function compiled(directory: string, source: string, ...flags: string[]): Promise<string> {
  await Deno.writeTextFile(`${directory}/program.c`, source);
  const args = ["-o", `${directory}/program`, `${directory}/program.c`, "-pthread", ...flags];
  const { success, stderr } = await new Deno.Command("gcc", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return `${directory}/program`;
}

/** Tests with a directory of their own, named after `subject`; not run if there is a reason. */
export function testsOfBoxes(
  subject: string,
  reason: string | undefined,
): (name: string, run: (directory: string) => Promise<void>, ignore?: boolean) => void {
  return (name, run, ignore = false) => {
    Deno.test({
      name: `${subject}: ${name}`,
      ignore: ignore || reason !== undefined,
      fn: async () => {
        const directory = await Deno.realPath(await Deno.makeTempDir());
        try {
          await run(directory);
        } finally {
          await Deno.remove(directory, { recursive: true });
        }
      },
      // One scheduler serves all of them, and one policy computes for ever.
      sanitizeOps: false,
      sanitizeResources: false,
    });
  };
}

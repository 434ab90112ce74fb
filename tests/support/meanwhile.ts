/** A program of this project that runs meanwhile: `deno task stress` and its like. */
import { endOf } from "./programs.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function begin(...args: string[]): Promise<Outcome> {
  return outcomeOf("run", args);
}

/** A file of tests, in a process of its own. */
export function beginTests(file: string): Promise<Outcome> {
  return outcomeOf("test", [file]);
}

async function outcomeOf(command: "run" | "test", args: string[]): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [command, "-A", "--no-check", ...args],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // As long as all tests may take.
  const { code, stdout, stderr } = await endOf(child, 420_000);
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

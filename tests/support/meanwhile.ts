/** A program of this project that runs meanwhile: `deno task stress` and its like. */
import { type Ended, outcomeOf } from "./programs.ts";

export function begin(...args: string[]): Promise<Ended> {
  return run("run", args);
}

/** A file of tests, in a process of its own. */
export function beginTests(file: string): Promise<Ended> {
  return run("test", [file]);
}

function run(command: "run" | "test", args: string[]): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [command, "-A", "--no-check", ...args],
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // As long as all tests may take.
  return outcomeOf(child, 420_000);
}

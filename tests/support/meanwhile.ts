/** A program of this project that runs meanwhile: `deno task stress` and its like. */
import { type Ended, outcomeOf } from "./programs.ts";

export function begin(...args: string[]): Promise<Ended> {
  return start("run", "-A", "--no-check", ...args);
}

/** A file of tests, in a process of its own. */
export function beginTests(file: string): Promise<Ended> {
  return start("test", "-A", "--no-check", file);
}

/** The types of these files, and of all that they import. */
export function beginCheck(...files: string[]): Promise<Ended> {
  return start("check", "--quiet", ...files);
}

function start(...args: string[]): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // As long as all tests may take.
  return outcomeOf(child, 420_000);
}

/** Worker processes, as the command starts them. */
import { AssertionError } from "@std/assert";

const main = new URL("../../examples/cluster/main.ts", import.meta.url).pathname;

export interface Process extends AsyncDisposable {
  readonly child: Deno.ChildProcess;
  /** All that it has put out, once it has ended. */
  readonly output: Promise<Deno.CommandOutput>;
}

export function cluster(...args: string[]): Process {
  return start([main, ...args]);
}

/** SIGKILL ends it, if nothing else has. */
export function start(args: string[]): Process {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const output = child.output();
  return {
    child,
    output,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await output;
    },
  };
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function linesOf(file: string): string[] {
  try {
    return Deno.readTextFileSync(file).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Looks every 20 ms; for what processes do. */
export async function eventually(condition: () => boolean, what: string, ms: number): Promise<void> {
  for (const end = performance.now() + ms; !condition();) {
    if (performance.now() > end) throw new AssertionError(`Not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

import { fileURLToPath } from "node:url";
import { contenders } from "../contenders/all.ts";
import { type Row, threads } from "../row.ts";
import type { Side } from "../side.ts";

const host = new URL("../host.ts", import.meta.url);

/** A running host.ts. */
class Host {
  readonly #process: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;

  /** By a command that runs TypeScript. */
  constructor([command, ...flags]: string[], contender: string, mode: string, threads: number) {
    this.#process = new Deno.Command(command, {
      args: [...flags, fileURLToPath(host), contender, mode, String(threads)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#requests = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ask(row: Row, quick: boolean): Promise<number> {
    await this.#requests.write(new TextEncoder().encode(`${row.name} ${quick}\n`));
    let line = "";
    while (!line.endsWith("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) {
        throw new Error(
          `${row.name}: the contender's process ended with ${(await this.#process.status).code}`,
        );
      }
      line += value;
    }
    return Number(line);
  }

  async end(): Promise<void> {
    await this.#requests.close();
    await this.#process.status;
  }
}

/**
 * A contender in a process of its own, which lives through all rounds: so nobody's garbage, threads or event loop slow
 * another down, and a pool that would not idle shows in idle-cpu.
 */
export function denoSide(name: string, mode?: string): Promise<Side> {
  return hostedSide([Deno.execPath(), "run", "--allow-all", "--v8-flags=--expose-gc"], name, mode);
}

/** The same by another command that runs TypeScript. */
export async function hostedSide(command: string[], name: string, mode?: string, where = ""): Promise<Side> {
  const { version, modes } = await contenders[name]();
  const chosen = mode ?? Object.keys(modes)[0];
  let living: Host | undefined;
  return {
    label: `${name} ${version} (${chosen}${where})`,
    async sample(row, quick) {
      if (!row.fresh) return await (living ??= new Host(command, name, chosen, threads)).ask(row, quick);
      const values = [];
      for (const count of row.fresh.threads) {
        const host = new Host(command, name, chosen, count);
        values.push(await host.ask(row, quick));
        await host.end();
      }
      return row.fresh.combine(values);
    },
    async stop() {
      await living?.end();
    },
  };
}

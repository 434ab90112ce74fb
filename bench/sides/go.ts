import { fileURLToPath } from "node:url";
import { threads } from "../row.ts";
import { Missing, type Side } from "../side.ts";

const source = fileURLToPath(new URL("../go", import.meta.url));

async function output(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, { args, env, stderr: "inherit" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout).trim();
}

/** Built once for the run, into a directory of its own. */
let built: Promise<{ version: string; directory: string }> | undefined;

async function build(): Promise<{ version: string; directory: string }> {
  const version = await output("go", ["env", "GOVERSION"]).catch((error) => {
    throw error instanceof Deno.errors.NotFound ? new Missing("go is not on the PATH") : error;
  });
  const directory = await Deno.makeTempDir({ prefix: "heddle-bench-" });
  await output("go", ["build", "-C", source, "-o", `${directory}/bench`, "."]);
  return { version, directory };
}

/** The Go program, started for every measurement. `mode` is its GOMAXPROCS, if not that of the other rows. */
export async function goSide(mode = String(threads)): Promise<Side> {
  const { version, directory } = await (built ??= build());
  return {
    label: `${version} (GOMAXPROCS ${mode})`,
    async sample({ name, size, expected }, quick) {
      const wanted = size?.[quick ? "quick" : "full"];
      const args = wanted === undefined ? [name] : [name, String(wanted)];
      const [value, answer] = (await output(`${directory}/bench`, args, { GOMAXPROCS: mode })).split(" ");
      const right = wanted === undefined ? undefined : expected?.(wanted);
      if (right !== undefined && Number(answer) !== right) {
        throw new Error(`${name}: Go answered ${answer} instead of ${right}`);
      }
      return Number(value);
    },
    // The first of several modes to stop takes the program with it.
    stop: () => Deno.remove(directory, { recursive: true }).catch(() => {}),
  };
}

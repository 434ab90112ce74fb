import { fileURLToPath } from "node:url";
import { threads } from "../row.ts";
import { Missing, type Side } from "../side.ts";

const source = fileURLToPath(new URL("../go", import.meta.url));

async function output(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout } = await new Deno.Command(command, { args, env, stderr: "inherit" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed`);
  return new TextDecoder().decode(stdout).trim();
}

/** The Go program: built once for the run into a directory of its own, started for every measurement. */
export async function goSide(): Promise<Side> {
  let version;
  try {
    version = await output("go", ["env", "GOVERSION"]);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Missing("go is not on the PATH");
    throw error;
  }
  const directory = await Deno.makeTempDir({ prefix: "heddle-bench-" });
  const program = `${directory}/bench`;
  await output("go", ["build", "-C", source, "-o", program, "."]);
  return {
    label: version,
    sample: async (row) => Number(await output(program, [row.name], { GOMAXPROCS: String(threads) })),
    stop: () => Deno.remove(directory, { recursive: true }),
  };
}

import { fileURLToPath } from "node:url";
import { threads } from "../row.ts";
import type { Side } from "../side.ts";
import { output, programSide } from "./program.ts";

const source = fileURLToPath(new URL("../go", import.meta.url));

/** Built once for the run, into a directory of its own. */
let built: Promise<{ version: string; directory: string }> | undefined;

async function build(): Promise<{ version: string; directory: string }> {
  const version = await output("go", ["env", "GOVERSION"], { whereFrom: "https://go.dev/dl" });
  const directory = await Deno.makeTempDir({ prefix: "heddle-bench-" });
  await output("go", ["build", "-C", source, "-o", `${directory}/bench`, "."]);
  return { version, directory };
}

/** `mode` is its GOMAXPROCS, if not that of the other rows, or a word that the program is told. */
export async function goSide(mode = String(threads)): Promise<Side> {
  const { version, directory } = await (built ??= build());
  const isCount = /^\d+$/.test(mode);
  const procs = isCount ? Number(mode) : threads;
  return programSide(
    `${version} (GOMAXPROCS ${procs}${isCount ? "" : `, ${mode}`})`,
    (args, threads = procs) => {
      const env = { GOMAXPROCS: String(threads) };
      return output(`${directory}/bench`, isCount ? args : [...args, mode], { env });
    },
    // The first of several modes to stop takes the program with it.
    () => Deno.remove(directory, { recursive: true }).catch(() => {}),
  );
}

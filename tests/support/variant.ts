/** A copy of the project in which modules are changed, for tests that disturb it: see tests/stress and tests/throwing. */

const root = new URL("../../", import.meta.url);

/** Makes it in a new directory, which the caller removes; `change` gets its `scheduler/`. Threads run what comes of that. */
export async function copyOfProject(name: string, change: (scheduler: URL) => Promise<void>): Promise<URL> {
  const directory = await Deno.makeTempDir({ prefix: `heddle-${name}-` });
  const copy = new URL(`file://${directory}/`);
  const files = [
    "mod.js",
    "mod.ts",
    "deno.json",
    "deno.lock",
    "scheduler",
    "ffi",
    "native",
    "tests",
    "examples",
  ];
  await run("cp", ["-r", ...files, directory], root);
  await change(new URL("scheduler/", copy));
  const build =
    `import * as b from "./native/build.ts"; for (const each of b.bundles) await b.writeBundle(each)`;
  await run(Deno.execPath(), ["eval", build], copy);
  return copy;
}

/** Of all files below it, relative to it. */
export function* pathsIn(folder: URL, prefix = ""): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(prefix, folder))) {
    if (isDirectory) yield* pathsIn(folder, `${prefix}${name}/`);
    else yield prefix + name;
  }
}

async function run(command: string, args: string[], cwd: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
}

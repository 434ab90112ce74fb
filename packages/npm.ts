/**
 * The package as npm has it: for Deno, which strips no types below node_modules, so all is JavaScript with declarations beside it. The
 * files lie where they do in the project, of which heddle.js relies on two.
 *
 * Without the sandbox, which would take it to more than the 300 KB that a tarball is to have at most.
 */
import type { Plugin } from "esbuild";
import { copy, emptyFolder, root, run, write } from "./folder.ts";
import { declarationOf, declarationOfPackage } from "./declarations.ts";
import { license, name, version } from "./jsr.ts";
import { forDeno } from "../native/build.ts";

/** Bytes of the tarball. Whoever installs it waits for them. */
const LIMIT = 300_000;

const OPENTELEMETRY = "npm:@opentelemetry/api@^1.9.0";

/** What is exported beside mod.js, and from which module. */
const ENTRIES = { "./inspector": "inspector/inspect", "./otel": "otel/opentelemetry" };

/** Modules that their declarations name. */
const DECLARED = ["inspector/sampler", "inspector/lives"];

/** Fills `npm/` below the folder, and returns the tarball's path. */
export async function writeNpm(packed: URL): Promise<string> {
  const folder = new URL("npm/", packed);
  await emptyFolder(folder);
  const to = (path: string) => new URL(path, folder);
  for (const path of ["LICENSE", "inspector/LICENCES.md"]) await copy(path, to(path));
  await write(to("package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  await write(to("README.md"), readme);
  await write(to("mod.js"), await changed("mod.js", { "./mod.ts": "./mod.d.ts" }));
  const imported = ["./scheduler/host/worker_bundle", "inspector/inspect"];
  const asJavaScript = imported.map((path) => [`${path}.ts`, `${path}.js`]);
  await write(to("heddle.js"), await changed("heddle.js", Object.fromEntries(asJavaScript)));
  for (const path of ["scheduler/host/worker_bundle", ...Object.values(ENTRIES)]) {
    await write(to(`${path}.js`), await bundled(`${path}.ts`));
  }
  await write(to("mod.d.ts"), await declarationOfPackage("mod.ts"));
  for (const path of [...Object.values(ENTRIES), ...DECLARED]) {
    const declared = await declarationOf(`${path}.ts`);
    await write(to(`${path}.d.ts`), declared.replaceAll(OPENTELEMETRY, "@opentelemetry/api"));
  }
  return await tarballOf(folder, packed);
}

function manifest(): object {
  const entryOf = (path: string) => ({ types: `./${path}.d.ts`, default: `./${path}.js` });
  return {
    name,
    version,
    description:
      "A userspace scheduler for Deno, after Go's: tasks on threads, dedicated threads, channels and locks",
    license,
    type: "module",
    engines: { deno: ">=2.8.0" },
    exports: Object.fromEntries(
      Object.entries({ ".": "mod", ...ENTRIES }).map(([at, path]) => [at, entryOf(path)]),
    ),
    peerDependencies: { "@opentelemetry/api": OPENTELEMETRY.split("@").at(-1) },
    peerDependenciesMeta: { "@opentelemetry/api": { optional: true } },
  };
}

const readme = `# Heddle

An embeddable userspace scheduler for Deno, after Go's. This package is for Deno: \`deno run -A main.ts\` beside a
\`package.json\` that depends on it.

\`\`\`ts
// tasks.ts
import { task } from "${name}";

export const double = task(import.meta, "double", (_ctx, n: number) => 2 * n);
\`\`\`

\`\`\`ts
// main.ts
import { go } from "${name}";
import { double } from "./tasks.ts";

console.log(await go(double(21))); // 42
\`\`\`
`;

/** A file with each of these, which it has once, replaced. */
async function changed(path: string, replacements: Readonly<Record<string, string>>): Promise<string> {
  let text = await Deno.readTextFile(new URL(path, root));
  for (const [before, after] of Object.entries(replacements)) {
    const times = text.split(before).length - 1;
    if (times !== 1) throw new Error(`${path} has ${before} ${times} times, and is to have it once.`);
    text = text.replace(before, () => after);
  }
  return text;
}

const others: Plugin = {
  name: "others",
  setup({ onResolve }) {
    onResolve({ filter: /\/mod\.js$/ }, ({ path }) => ({ path, external: true }));
    onResolve({ filter: /^npm:/ }, ({ path }) => {
      if (path !== OPENTELEMETRY) throw new Error(`packages/npm.ts knows no ${path}.`);
      return { path: "@opentelemetry/api", external: true };
    });
  },
};

/** As JavaScript, with what it imports but the package's main module. */
async function bundled(entry: string): Promise<string> {
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      ...forDeno,
      entryPoints: [entry],
      charset: "utf8",
      plugins: [others],
    });
    return outputFiles[0].text;
  } finally {
    await stop();
  }
}

async function tarballOf(folder: URL, to: URL): Promise<string> {
  const { stdout } = await run("npm", [
    "pack",
    "--json",
    "--pack-destination",
    decodeURIComponent(to.pathname),
  ], folder);
  const [{ filename, size }] = JSON.parse(stdout);
  if (size > LIMIT) throw new Error(`${filename} has ${size} bytes, and is to have ${LIMIT} at most.`);
  return decodeURIComponent(new URL(filename, to).pathname);
}

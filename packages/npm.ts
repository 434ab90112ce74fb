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

/** Bytes of the tarball. Whoever installs it waits for them. */
const LIMIT = 300_000;

const OPENTELEMETRY = "npm:@opentelemetry/api@^1.9.0";

/** By what is exported, the module. */
const ENTRIES = { ".": "mod", "./inspector": "inspector/inspect", "./otel": "otel/opentelemetry" };

/** Modules that declarations name, and no entries. */
const DECLARED = ["inspector/sampler", "inspector/lives"];

/** Fills `npm/` below the folder, and returns the tarball's path. */
export async function writeNpm(packed: URL): Promise<string> {
  const folder = new URL("npm/", packed);
  await emptyFolder(folder);
  const to = (path: string) => new URL(path, folder);
  for (const path of ["LICENSE", "inspector/LICENCES.md", "mod.js"]) await copy(path, to(path));
  await write(to("package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  await write(to("README.md"), readme);
  await write(to("heddle.js"), withModulesAsJavaScript(await Deno.readTextFile(new URL("heddle.js", root))));
  for (const path of ["scheduler/host/worker_bundle", ...Object.values(ENTRIES).slice(1)]) {
    await write(to(`${path}.js`), await bundled(`${path}.ts`));
  }
  await write(to("mod.d.ts"), await declarationOfPackage("mod.ts"));
  for (const path of [...Object.values(ENTRIES).slice(1), ...DECLARED]) {
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
    engines: { deno: ">=2.9.6" },
    exports: Object.fromEntries(Object.entries(ENTRIES).map(([at, path]) => [at, entryOf(path)])),
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

/** What heddle.js imports by itself. */
function withModulesAsJavaScript(text: string): string {
  for (const path of ["./scheduler/host/worker_bundle", "inspector/inspect"]) {
    if (text.split(`${path}.ts`).length !== 2) {
      throw new Error(
        `heddle.js has ${path}.ts ${text.split(`${path}.ts`).length - 1} times, which was once.`,
      );
    }
    text = text.replace(`${path}.ts`, () => `${path}.js`);
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
      entryPoints: [entry],
      absWorkingDir: decodeURIComponent(root.pathname),
      bundle: true,
      format: "esm",
      platform: "neutral",
      external: ["node:*"],
      target: "esnext",
      // A declaration says what is what: words are there.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
      charset: "utf8",
      write: false,
      logLevel: "silent",
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

/**
 * The package as JSR has it, in a folder: the modules that its exports import, their types included, with what one reads. It has a
 * configuration of its own. Deno reads the one beside a module that an import map names, and installs all that it maps
 * (`deno install`, 2.9): from a checkout that is what the tests and the bench use, 45 MB.
 */
import { copy, root, run, write } from "./folder.ts";
import { modulesOf } from "./graph.ts";

/** What the project's deno.json says of the package. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
}

export const { name, version, license, exports }: Manifest = JSON.parse(
  await Deno.readTextFile(new URL("deno.json", root)),
);

/** What one reads, beside the modules. */
const PAGES = ["README.md", "LICENSE", "inspector/LICENCES.md"];

/** Fills the folder, and has `deno publish` look at it. */
export async function writeJsr(folder: URL): Promise<void> {
  const modules = await modulesOf(Object.values(exports));
  await requireDocumented();
  for (const path of [...modules, ...PAGES, ...pagesIn("docs")]) await copy(path, new URL(path, folder));
  // Git ignores the folder, and publishing what Git ignores.
  const config = { name, version, license, exports, publish: { exclude: ["!**/*"] } };
  await write(new URL("deno.json", folder), `${JSON.stringify(config, undefined, 2)}\n`);
  await requirePublishable(folder);
}

function pagesIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, root))].map((entry) => `${folder}/${entry.name}`);
}

/** What JSR scores: words on each entry and each symbol. Of slow types the dry run tells. */
async function requireDocumented(): Promise<void> {
  const entries = Object.values(exports).map((path) => path.replace(/\.js$/, ".ts"));
  await run(Deno.execPath(), ["doc", "--lint", ...entries], root);
  for (const entry of entries) {
    const text = await Deno.readTextFile(new URL(entry, root));
    if (/^\/\*\*(?:(?!\*\/).)*@module/s.test(text)) continue;
    throw new Error(`${entry} does not begin with words on the module: /** … @module */`);
  }
}

/**
 * Of the warnings of a dry run one kind may stay: `import()` of what a user names. Deno (2.9) has no comment that takes it back
 * (https://github.com/denoland/deno/issues/22594).
 */
async function requirePublishable(folder: URL): Promise<void> {
  const { stderr } = await run(Deno.execPath(), ["publish", "--dry-run", "--allow-dirty"], folder);
  const warnings = stderr.matchAll(/^warning\[(.+?)\].*\n\s*-->\s*(.*)$/gm);
  const others = [...warnings].filter(([, kind]) => kind !== "unanalyzable-dynamic-import");
  if (others.length > 0) {
    throw new Error(`deno publish --dry-run:\n${others.map(([text]) => text).join("\n")}`);
  }
}

/**
 * Makes the site, one folder that needs no server and no network: the guides, and below `api/` what `deno doc --html` makes of the
 * package's exports, with one header and one search.
 *
 * ```sh
 * deno task docs
 * ```
 */
import { copy, emptyFolder, root, run, write } from "../packages/folder.ts";
import { packagesOf } from "../native/build.ts";
import { type Entry, headerOf, headOf, pageOf } from "./frame.ts";
import { type Chapter, type Guide, guidesFrom } from "./guides.ts";

/** What the menu begins with; the others are there by links. */
const FIRST = [
  "README.md",
  "docs/coming_from.md",
  "docs/recipes.md",
  "docs/seeing.md",
  "docs/testing.md",
  "docs/scale.md",
];
const MENU = [
  ...FIRST,
  "examples/sandbox/README.md",
  "examples/cluster/README.md",
  "scheduler/README.md",
  "CONTRIBUTING.md",
];

/** Makes the site in the folder, of which nothing is left. */
export async function writeSite(folder: URL): Promise<void> {
  await emptyFolder(folder);
  const rooms = [...Deno.readDirSync(new URL("scheduler/", root))].filter(({ isDirectory }) => isDirectory);
  const { guides, pictures } = await guidesFrom([
    ...MENU,
    ...rooms.map(({ name }) => `scheduler/${name}/README.md`).sort(),
  ]);
  const menu = guides.slice(0, MENU.length).map(entryOf);
  for (const { path, title, html } of guides) {
    await write(new URL(path, folder), pageOf(path, title, menu, html));
  }
  for (const path of pictures) await copy(path, new URL(path, folder));
  const symbols = await writeApi(new URL("api/", folder), menu);
  const chapters = [...guides.flatMap(({ chapters }) => chapters), ...symbols];
  await write(
    new URL("search_index.js", folder),
    `globalThis.heddleChapters = ${JSON.stringify(chapters)};\n`,
  );
  await copy("site/page/site.css", new URL("site.css", folder));
  await write(new URL("search.js", folder), await script());
}

function entryOf({ path, title }: Guide): Entry {
  return { path, title: path === "index.html" ? "Introduction" : title };
}

interface Symbols {
  readonly nodes: readonly {
    readonly name: string;
    readonly file: string;
    readonly doc: string;
    readonly url: string;
  }[];
}

/** Returns the symbols. Deno's own search goes, as ours knows what it does. */
async function writeApi(folder: URL, menu: readonly Entry[]): Promise<Chapter[]> {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
  const entries = Object.values<string>(exports).map((path) => path.replace(/\.js$/, ".ts"));
  const output = `--output=${decodeURIComponent(folder.pathname)}`;
  await run(Deno.execPath(), ["doc", "--html", "--name=Heddle", output, ...entries], root);
  const index = await Deno.readTextFile(new URL("search_index.js", folder));
  const { nodes }: Symbols = JSON.parse(/\{"kind".*\}(?=;)/s.exec(index)![0]);
  for (const name of ["search_index.js", "search.js", "fuse.js"]) await Deno.remove(new URL(name, folder));
  for (const path of pagesIn(folder)) await frame(folder, path, menu);
  return nodes.map(({ name, file, doc, url }) => ({
    title: name,
    of: file,
    text: doc,
    url: `api/${url.replace(/^\.\//, "")}`,
  }));
}

function* pagesIn(folder: URL, prefix = ""): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(prefix, folder))) {
    if (isDirectory) yield* pagesIn(folder, `${prefix}${name}/`);
    else if (name.endsWith(".html")) yield prefix + name;
  }
}

/** Deno's page with our header. */
async function frame(folder: URL, path: string, menu: readonly Entry[]): Promise<void> {
  const at = new URL(path, folder);
  const text = await Deno.readTextFile(at);
  const framed = text
    .replace(/<script src="[^"]*(?:search_index|fuse|search)\.js" defer><\/script>\s*/g, "")
    // Deno (2.9) links to the parameter of a mapped type, and has no place for it.
    .replace(/href="#([^"]+)"/g, (link, id) => text.includes(`id="${id}"`) ? link : "")
    .replace("</head>", () => `${headOf(`api/${path}`)}</head>`)
    .replace("<body>", () => `<body>\n${headerOf(`api/${path}`, menu)}`);
  if (!framed.includes(`<header class="site">`)) {
    throw new Error(`deno doc --html made ${path} without a body.`);
  }
  await Deno.writeTextFile(at, framed);
}

/** The search, with the library that it takes. */
async function script(): Promise<string> {
  const entry = "site/page/search.ts";
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: [entry],
      absWorkingDir: decodeURIComponent(root.pathname),
      alias: await packagesOf(entry),
      bundle: true,
      minify: true,
      format: "iife",
      platform: "browser",
      target: "es2022",
      write: false,
      logLevel: "silent",
    });
    return outputFiles[0].text;
  } finally {
    await stop();
  }
}

if (import.meta.main) {
  await writeSite(new URL("site/built/", root));
  console.log("site/built/index.html");
}

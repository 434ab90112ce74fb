/**
 * Builds what is embedded: C libraries as bytes, the worker entry as one bundled module. The generated modules are
 * committed, so that using the package needs neither a C compiler nor esbuild.
 *
 * ```sh
 * deno run -A native/build.ts            # write the generated modules
 * deno run -A native/build.ts --check    # fail when one of them is not what its sources give
 * ```
 */

import type { BuildOptions, PluginBuild } from "esbuild";
import type { Node } from "typescript";

export type Architecture = typeof Deno.build.arch;

export interface Library {
  /** The C files, and the headers that belong to them. */
  readonly sources: readonly string[];
  readonly out: string;
  readonly arch: Architecture;
  readonly flags?: readonly string[];
  /** A program of its own, and no library. */
  readonly executable?: boolean;
  /** The linker is told a name with the sources' hash, so that one copy serves all isolates of a process. */
  readonly soname?: string;
}

export interface Bundle {
  readonly entry: string;
  readonly out: string;
  /** A function's text in a generated module, for threads; or a module of its own, for hosts. */
  readonly isFor: "threads" | "hosts";
}

/** A page's script and style sheet, as strings in a generated module. */
export interface Page {
  readonly script: string;
  readonly style: string;
  readonly out: string;
}

const shimFor = (arch: Architecture): Library => ({
  sources: ["native/shim.c", "native/native_m.c", "native/preempt.c", "native/poller.c", "native/shim.h"],
  out: `native/shim_${arch}.ts`,
  arch,
  flags: [
    // Its threads run its code until they end, also when the last isolate that had loaded it is gone.
    "-Wl,-z,nodelete",
    // Pages have up to 64 KiB there, and what is read-only after relocation would end with one: 67 KB instead of 17.
    ...(arch === "aarch64" ? ["-Wl,-z,norelro"] : []),
  ],
  soname: "heddle",
});

export const libraries: readonly Library[] = [
  shimFor("x86_64"),
  shimFor("aarch64"),
  {
    sources: ["examples/sandbox/launcher.c"],
    out: "examples/sandbox/launcher_x86_64.ts",
    arch: "x86_64",
    executable: true,
  },
  {
    sources: ["examples/sandbox/system_call.c"],
    out: "examples/sandbox/system_call_x86_64.ts",
    arch: "x86_64",
    flags: ["-Wl,-z,nodelete"],
    soname: "heddle-sandbox",
  },
];

export const bundles: readonly Bundle[] = [
  { entry: "scheduler/worker_main.ts", out: "scheduler/host/worker_bundle.ts", isFor: "threads" },
  { entry: "mod.ts", out: "heddle.js", isFor: "hosts" },
];

export const pages: readonly Page[] = [
  { script: "inspector/page/main.ts", style: "inspector/page/page.css", out: "inspector/page_bundle.ts" },
];

const root = new URL("../", import.meta.url);

// The separate-code layout of today's linkers pads a library of 4 KB to 16; a build id is of no use in a memfd.
const compilerFlags = "-std=c11 -O2 -Wall -Wextra -Werror -pthread -s -Wl,--build-id=none"
  .split(" ")
  .concat("-Wl,-z,noseparate-code");

/** The C compiler for such machines: this one's own, or Debian's cross compiler. */
export function compilerFor(arch: Architecture): string {
  return arch === Deno.build.arch ? "gcc" : `${arch}-linux-gnu-gcc`;
}

/** Its version line, or undefined where there is none. */
export async function compilerVersion(arch = Deno.build.arch): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(compilerFor(arch), { args: ["--version"] }).output();
    if (success) return new TextDecoder().decode(stdout).split("\n")[0];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Compiles the library's C files, and returns the bytes of the shared object. */
export async function compile(
  { sources, arch, flags = [], executable = false, soname }: Library,
): Promise<Uint8Array<ArrayBuffer>> {
  const directory = await Deno.makeTempDir();
  try {
    const object = `${directory}/library.so`;
    // Run in the root with relative sources, so that no path of this machine can get into the object.
    const args = [
      ...compilerFlags,
      ...(executable ? ["-fPIE", "-pie"] : ["-fPIC", "-shared"]),
      ...flags,
      ...(soname === undefined ? [] : [`-Wl,-soname,${fullSoname(soname, await hashSources(sources))}`]),
      "-o",
      object,
      ...sources.filter((source) => source.endsWith(".c")),
    ];
    const compiler = compilerFor(arch);
    const { success, stderr } = await new Deno.Command(compiler, { args, cwd: root }).output();
    if (!success) throw new Error(`${compiler} ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
    return await Deno.readFile(object);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function fullSoname(soname: string, hash: string): string {
  return `${soname}-${hash.slice(0, 16)}.so`;
}

/** SHA-256 over names, sizes and contents of the files, in the order given. */
export async function hashSources(paths: readonly string[]): Promise<string> {
  const parts: Uint8Array[] = [];
  for (const path of paths) {
    const content = await Deno.readFile(new URL(path, root));
    parts.push(new TextEncoder().encode(`${path} ${content.length}\n`), content);
  }
  const all = new Blob(parts as BlobPart[]);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await all.arrayBuffer())).toHex();
}

function headerOf(from: string): string {
  return `// Generated from ${from} by native/build.ts: do not edit.\n// deno-lint-ignore-file\n// deno-fmt-ignore-file\n`;
}

function generated(from: string, exports: Record<string, string>): string {
  const lines = Object.entries(exports).map(([name, value]) =>
    `export const ${name}: string = ${JSON.stringify(value)};`
  );
  return headerOf(from) + lines.join("\n") + "\n";
}

/** The strings that a generated module exports, or undefined when it does not exist. */
async function readGenerated(out: string): Promise<Record<string, string> | undefined> {
  const url = new URL(out, root);
  try {
    await Deno.stat(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return await import(url.href);
}

async function write(out: string, text: string): Promise<void> {
  await Deno.writeTextFile(new URL(out, root), text);
  console.log(`${out}: written`);
}

/** What another machine's compiler would make stays as it is where that compiler is not; then `checkLibrary` tells whether it is old. */
export async function writeLibrary(library: Library): Promise<void> {
  const compiler = await compilerVersion(library.arch);
  if (compiler === undefined) {
    const lack = `${library.out}: ${compilerFor(library.arch)} is not on PATH, and building needs it`;
    if (library.arch === Deno.build.arch) throw new Error(`${lack}.`);
    console.log(`${lack}; left as it is: ${await checkLibrary(library)}`);
    return;
  }
  const bytes = await compile(library);
  const sourceHash = await hashSources(library.sources);
  const soname: Record<string, string> = library.soname === undefined
    ? {}
    : { soname: fullSoname(library.soname, sourceHash) };
  await write(
    library.out,
    generated(library.sources[0], { compiler, sourceHash, ...soname, base64: bytes.toBase64() }),
  );
}

/** What was compared, in words. Throws when the generated module is not what its sources give. */
export async function checkLibrary(library: Library): Promise<string> {
  const embedded = await readGenerated(library.out);
  if (!embedded) throw new Error(`${library.out} is missing: run native/build.ts.`);
  const sourceHash = await hashSources(library.sources);
  if (embedded.sourceHash !== sourceHash) {
    throw new Error(
      `${library.out} was built from other sources than ${
        library.sources.join(", ")
      }: run native/build.ts, ` +
        `which needs ${compilerFor(library.arch)}.`,
    );
  }
  const compiler = await compilerVersion(library.arch);
  if (compiler === undefined) {
    return `same sources (not rebuilt: ${compilerFor(library.arch)} is not on PATH)`;
  }
  const rebuilt = await compile(library);
  const bytes = Uint8Array.fromBase64(embedded.base64);
  if (compiler === embedded.compiler) {
    if (rebuilt.toHex() !== bytes.toHex()) {
      throw new Error(
        `${library.out} differs from what the same sources and the same compiler give: run native/build.ts.`,
      );
    }
    return "same bytes";
  }
  const missing = exportedSymbols(bytes).symmetricDifference(exportedSymbols(rebuilt));
  if (missing.size > 0) {
    throw new Error(
      `${library.out} and its rebuild differ in the symbols ${[...missing].join(", ")}: run native/build.ts.`,
    );
  }
  return `same sources and symbols (not the bytes: built by "${embedded.compiler}", here is "${compiler}")`;
}

/** Names of the defined functions in an ELF64 library's dynamic symbol table (System V gABI, "Symbol Table"). */
export function exportedSymbols(elf: Uint8Array<ArrayBuffer>): Set<string> {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const number = (at: number) => Number(view.getBigUint64(at, true));
  const SHT_DYNSYM = 11, STT_FUNC = 2;
  const sectionHeaders = number(0x28),
    headerSize = view.getUint16(0x3a, true),
    sections = view.getUint16(0x3c, true);
  const names = new Set<string>();
  for (let i = 0; i < sections; i++) {
    const header = sectionHeaders + i * headerSize;
    if (view.getUint32(header + 4, true) !== SHT_DYNSYM) continue;
    const symbols = number(header + 24), size = number(header + 32), symbolSize = number(header + 56);
    const strings = number(sectionHeaders + view.getUint32(header + 40, true) * headerSize + 24);
    for (let at = symbols; at < symbols + size; at += symbolSize) {
      const isDefined = view.getUint16(at + 6, true) !== 0;
      if (!isDefined || (elf[at + 4] & 15) !== STT_FUNC) continue;
      const start = strings + view.getUint32(at, true);
      names.add(new TextDecoder().decode(elf.subarray(start, elf.indexOf(0, start))));
    }
  }
  return names;
}

/** As it minifies, esbuild (0.25) puts a value that is used once in its place, and drops the `using` with which it was declared. */
async function requireNoUsing(path: string): Promise<void> {
  const line = /^ *(?:await )?using \w+ = .*/m.exec(await Deno.readTextFile(new URL(path, root)));
  if (line !== null) {
    throw new Error(`${path} has "${line[0].trim()}", which the bundle may lose: use finally.`);
  }
}

interface Bundled {
  readonly source: string;
  readonly hash: string;
  readonly exports: readonly string[];
}

/** One module of many, for Deno. Names stay, for stacks. */
export const forDeno = {
  absWorkingDir: decodeURIComponent(root.pathname),
  bundle: true,
  format: "esm",
  platform: "neutral",
  external: ["node:*"],
  target: "esnext",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "none",
  write: false,
  logLevel: "silent",
} satisfies BuildOptions;

/** All that the entry imports in one piece, except what Deno itself provides. */
export async function bundle({ entry, isFor }: Bundle): Promise<Bundled> {
  const esbuild = await import("esbuild");
  try {
    const { outputFiles, metafile } = await esbuild.build({
      ...forDeno,
      entryPoints: [entry],
      metafile: true,
      plugins: [{ name: "halves", setup: (build) => halves(build, isFor) }],
    });
    const { text } = outputFiles[0];
    const inputs = Object.keys(metafile.inputs);
    for (const path of inputs) await requireNoUsing(path);
    const { exports } = Object.values(metafile.outputs)[0];
    const hash = await hashSources(inputs.sort());
    const source = await withShortNames(text);
    return { source: isFor === "hosts" ? source : asFunction(source), hash, exports };
  } finally {
    await esbuild.stop();
  }
}

/**
 * Shorter names for what no stack shows: variables and parameters inside of functions, and no function, class, method or field. esbuild
 * would rename all of them.
 */
async function withShortNames(module: string): Promise<string> {
  const { minify } = await import("terser");
  const { code } = await minify(module, {
    compress: false,
    mangle: { toplevel: false, keep_fnames: true, keep_classnames: true },
  });
  return await withPrivateNames(module, code!);
}

/** terser (5.51) renames private members, and has no option against it. They come in the same order. */
async function withPrivateNames(before: string, after: string): Promise<string> {
  const { default: ts } = await import("typescript");
  const membersOf = (code: string) => {
    const found: Private[] = [];
    const visit = (node: Node): void => {
      if (ts.isPrivateIdentifier(node)) found.push({ at: node.getStart(file), name: node.text });
      ts.forEachChild(node, visit);
    };
    const file = ts.createSourceFile("bundle.js", code, ts.ScriptTarget.ESNext);
    visit(file);
    return found;
  };
  const [names, members] = [membersOf(before), membersOf(after)];
  if (names.length !== members.length) {
    throw new Error("terser has changed how often private members are named.");
  }
  const renamed = new Map<string, string>();
  let code = "";
  let end = 0;
  for (const [i, { at, name }] of members.entries()) {
    const own = names[i].name;
    if ((renamed.get(name) ?? own) !== own) throw new Error(`terser calls two private members ${name}.`);
    renamed.set(name, own);
    code += after.slice(end, at) + own;
    end = at + name.length;
  }
  return code + after.slice(end);
}

interface Private {
  readonly at: number;
  readonly name: string;
}

/** The host's half is a part of one bundle from the start, and no part of the other. The threads' bundle stays where it is. */
function halves({ onResolve, onLoad }: PluginBuild, isFor: Bundle["isFor"]): void {
  onResolve({ filter: /\/worker_bundle\.ts$/ }, () => ({
    path: "./scheduler/host/worker_bundle.ts",
    external: true,
  }));
  onLoad({ filter: /\/scheduler\/host_module\.ts$/ }, () => ({
    contents: isFor === "hosts"
      ? `export * as hostModule from "./host/host.ts";`
      : `export const hostModule = undefined;`,
  }));
  // Its bytes are the host's: a thread opens what the host has loaded, by its soname. 58 KB in each of them else.
  if (isFor === "threads") {
    onLoad(
      { filter: /\/ffi\/embedded\.ts$/ },
      () => ({ contents: `export const base64 = "", soname = "";` }),
    );
  }
}

/**
 * A function expression, for it is no module: Deno parses each module that has no file or address of its own to see what it
 * imports, 18 ms a thread. `require` gives it what Deno provides. In brackets, by which V8 knows that it is called at once and
 * parses it once; otherwise a second time as it is called, another 8 ms. The statements are esbuild's own, in its order of words.
 */
function asFunction(module: string): string {
  const body = module.replaceAll(
    /import(?:\*as ([\w$]+)| ([\w$]+)|(\{[^}]*\})) ?from"(node:[^"]+)";/g,
    (_, all, itself, names, of) =>
      `const ${all ?? itself ?? names.replaceAll(" as ", ":")}=require("${of}");`,
  );
  const left = /\bfrom ?"node:[^"]+"|\bexport[ {]/.exec(body);
  if (left !== null) {
    throw new Error(`The bundle has ${left[0]}, which native/build.ts does not know how to take out.`);
  }
  return `(function(require){"use strict";${body}})\n//# sourceURL=heddle:thread`;
}

/** All that the page's script imports, libraries for browsers included, and its style sheet. */
export async function bundlePage({ script, style, out }: Page): Promise<string> {
  const alias = await packagesOf(script);
  const esbuild = await import("esbuild");
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [script, style],
      absWorkingDir: decodeURIComponent(root.pathname),
      // Nothing is written: it is where the two would be.
      outdir: decodeURIComponent(root.pathname),
      bundle: true,
      format: "esm",
      platform: "browser",
      alias,
      target: "es2022",
      minify: true,
      legalComments: "none",
      charset: "utf8",
      write: false,
      logLevel: "silent",
    });
    const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))!.text;
    return generated(`${script} and the libraries in ${licences(out)}`, {
      script: textOf(".js"),
      style: textOf(".css"),
    });
  } finally {
    await esbuild.stop();
  }
}

/** What others wrote is in the bundle, and their licences beside it. */
function licences(out: string): string {
  return out.replace(/[^/]*$/, "LICENCES.md");
}

/** Where the libraries that a page imports lie on this machine, by their names: Deno has them in its cache, in the import map's versions. */
export async function packagesOf(entry: string): Promise<Record<string, string>> {
  const cache = await informationOn();
  const { npmPackages } = await informationOn(entry);
  return Object.fromEntries(
    Object.values(npmPackages as Record<string, { name: string; version: string }>).map((
      { name, version },
    ) => [
      name,
      `${cache.npmCache}/registry.npmjs.org/${name}/${version}`,
    ]),
  );
}

// deno-lint-ignore no-explicit-any -- What `deno info` says.
async function informationOn(...entry: string[]): Promise<any> {
  const args = ["info", "--json", ...entry];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}\n${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

export async function writePage(page: Page): Promise<void> {
  await write(page.out, await bundlePage(page));
}

/** As `checkLibrary`. */
export async function checkPage(page: Page): Promise<string> {
  if (!await entryExists(page.out)) throw new Error(`${page.out} is missing: run native/build.ts.`);
  if (await Deno.readTextFile(new URL(page.out, root)) !== await bundlePage(page)) {
    throw new Error(
      `${page.out} differs from what ${page.script} and its imports give: run native/build.ts.`,
    );
  }
  return "same source";
}

async function entryExists(entry: string): Promise<boolean> {
  try {
    return (await Deno.stat(new URL(entry, root))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export async function writeBundle(to: Bundle): Promise<void> {
  for (const [out, text] of await filesOf(to)) await write(out, text);
}

/** The package's own module is made with the bundle that stands behind it: whatever the entry exports. */
async function filesOf(to: Bundle): Promise<[out: string, text: string][]> {
  const { source, hash, exports } = await bundle(to);
  if (to.isFor === "threads") return [[to.out, generated(to.entry, { source, hash })]];
  return [
    [to.out, `${headerOf(to.entry)}// ${hash}\n${source}`],
    ["mod.js", packageOf(to, exports.toSorted())],
  ];
}

function packageOf({ entry, out }: Bundle, exports: readonly string[]): string {
  return `/* @ts-self-types="./${entry}" */
${headerOf(entry)}
// What the package exports, in one file: a hundred take 15 ms more. A thread has all of that already, and nothing is loaded there.
const { heddle = await import("./${out}") } = globalThis[Symbol.for("heddle.registry")] ?? {};
export const { ${exports.join(", ")} } = heddle;
`;
}

/** As `checkLibrary`. */
export async function checkBundle(to: Bundle): Promise<string> {
  const { entry } = to;
  for (const [out, text] of await filesOf(to)) {
    if (!await entryExists(out)) throw new Error(`${out} is missing: run native/build.ts.`);
    if (await Deno.readTextFile(new URL(out, root)) !== text) {
      throw new Error(`${out} differs from what ${entry} and its imports give: run native/build.ts.`);
    }
  }
  return "same source";
}

if (import.meta.main) {
  const unknown = Deno.args.filter((argument) => argument !== "--check");
  if (unknown.length > 0) {
    console.error(`native/build.ts got ${unknown.join(" ")}: it takes nothing, or --check.`);
    Deno.exit(2);
  }
  const checking = Deno.args.includes("--check");
  let failed = false;
  const run = async (
    out: string,
    source: string,
    write: () => Promise<void>,
    check: () => Promise<string>,
  ) => {
    if (!await entryExists(source)) return console.log(`${out}: skipped, there is no ${source} yet`);
    try {
      if (checking) console.log(`${out}: ${await check()}`);
      else await write();
    } catch (error) {
      failed = true;
      console.error(error instanceof Error ? error.message : error);
    }
  };
  for (const library of libraries) {
    await run(library.out, library.sources[0], () => writeLibrary(library), () => checkLibrary(library));
  }
  // After the libraries: a bundle includes their generated modules.
  for (const bundle of bundles) {
    await run(bundle.out, bundle.entry, () => writeBundle(bundle), () => checkBundle(bundle));
  }
  for (const page of pages) {
    await run(page.out, page.script, () => writePage(page), () => checkPage(page));
  }
  if (failed) Deno.exit(1);
}

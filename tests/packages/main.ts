/** A user's program with the package in each way that the README names: `deno task test:packages`. */
import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { pack } from "../../packages/pack.ts";
import { serveFolder, serveRegistry } from "../support/served.ts";

const directory = await Deno.makeTempDir();
const at = new URL(`file://${directory}/`);
Deno.test.afterAll(() => Deno.remove(directory, { recursive: true }));

const tarball = await pack(new URL("packed/", at));
const jsr = new URL("packed/jsr/", at);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program's folder: the modules of program/, and a configuration. */
async function programIn(name: string, config: object): Promise<URL> {
  const folder = new URL(`${name}/`, at);
  await Deno.mkdir(folder);
  const sources = new URL("program/", import.meta.url);
  for await (const { name } of Deno.readDir(sources)) {
    await Deno.copyFile(new URL(name, sources), new URL(name, folder));
  }
  if (Object.keys(config).length > 0) {
    await Deno.writeTextFile(new URL("deno.json", folder), JSON.stringify(config));
  }
  return folder;
}

async function ran(
  cwd: URL,
  command: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Ran> {
  const output = await new Deno.Command(command, { args, cwd, env: { NO_COLOR: "1", ...env } }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: output.code, stdout, stderr };
}

/** The same, and it must not fail. */
async function done(
  cwd: URL,
  command: string,
  args: string[],
  env?: Record<string, string>,
): Promise<string> {
  const { code, stdout, stderr } = await ran(cwd, command, args, env);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")}: ${code}\n${stdout}${stderr}`);
  return stdout;
}

const deno = Deno.execPath();
const run = ["run", "--no-prompt", "--allow-ffi", "--allow-read"];
const RESULTS = "13,42\n";

/** The npm packages that a program has, or their scopes. */
function installed(folder: URL): string[] {
  try {
    const names = [...Deno.readDirSync(new URL("node_modules/", folder))].map(({ name }) => name);
    return names.filter((name) => !name.startsWith("."));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

const npm = await programIn("npm", {});
await Deno.writeTextFile(new URL("package.json", npm), JSON.stringify({ type: "module" }));
await done(npm, "npm", ["install", "--no-audit", "--no-fund", tarball]);

Deno.test("npm installs the tarball, which has no dependencies, and Deno runs and checks a program with it", async () => {
  assertEquals(installed(npm), ["@heddle"]);
  assertEquals(await done(npm, deno, [...run, "main.ts"]), RESULTS);
  await done(npm, deno, ["check", "main.ts", "wrong.ts"]);
});

Deno.test("the tarball's inspector opens, by an import and by HEDDLE_INSPECT", async () => {
  await Deno.writeTextFile(
    new URL("inspected.ts", npm),
    `import { Scheduler } from "@heddle/heddle";
    import { inspect } from "@heddle/heddle/inspector";
    await using sched = await Scheduler.start({ procs: 1 });
    await using page = await inspect(sched);
    console.log((await (await fetch(page.url)).text()).includes("<title>Heddle"));`,
  );
  await done(npm, deno, ["check", "inspected.ts"]);
  const allowed = ["run", "-A", "inspected.ts"];
  const { stdout, stderr } = await ran(npm, deno, allowed, { HEDDLE_INSPECT: "1" });
  assertEquals(stdout, "true\n");
  assertStringIncludes(stderr, "inspect it at http://");
});

Deno.test("what OpenTelemetry takes comes with it, by npm", async () => {
  const folder = await programIn("npm_otel", {});
  await Deno.writeTextFile(new URL("package.json", folder), JSON.stringify({ type: "module" }));
  await done(folder, "npm", ["install", "--no-audit", "--no-fund", tarball, "@opentelemetry/api@^1.9.0"]);
  await Deno.writeTextFile(
    new URL("traced.ts", folder),
    `import { exportMetrics } from "@heddle/heddle/otel"; console.log(typeof exportMetrics);`,
  );
  await done(folder, deno, ["check", "traced.ts"]);
  assertEquals(await done(folder, deno, [...run, "traced.ts"]), "function\n");
});

Deno.test("JSR's form as a folder brings a program nothing else, though Deno installs what import maps name", async () => {
  const imports = { "@heddle/heddle": "../packed/jsr/mod.js" };
  const folder = await programIn("folder", { imports, nodeModulesDir: "auto" });
  await done(folder, deno, ["install"]);
  assertEquals(await done(folder, deno, [...run, "main.ts"]), RESULTS);
  await done(folder, deno, ["check", "main.ts", "wrong.ts"]);
  assertEquals(installed(folder), []);
});

Deno.test("a registry that serves it gives a program that, and OpenTelemetry's API, which an export takes", async () => {
  await using registry = await serveRegistry(jsr);
  const env = { JSR_URL: `${registry.url}/`, DENO_DIR: `${directory}/registry_cache` };
  const folder = await programIn("registry", { nodeModulesDir: "auto" });
  await done(folder, deno, ["add", "jsr:@heddle/heddle"], env);
  assertEquals(await done(folder, deno, [...run, "main.ts"], env), RESULTS);
  await done(folder, deno, ["check", "main.ts", "wrong.ts"], env);
  assertEquals(installed(folder), ["@opentelemetry"]);
});

Deno.test("a program that is at an address itself imports it from there, and so do its threads", async () => {
  await using server = serveFolder(at);
  const imports = { "@heddle/heddle": `${server.url}/packed/jsr/mod.js` };
  await programIn("remote", {});
  const folder = await programIn("at_an_address", { imports });
  const env = { DENO_DIR: `${directory}/remote_cache` };
  const allowed = [
    "run",
    "--no-prompt",
    "--config=deno.json",
    "--allow-ffi",
    `--allow-import=${new URL(server.url).host}`,
  ];
  assertEquals(await done(folder, deno, [...allowed, `${server.url}/remote/main.ts`], env), RESULTS);
});

Deno.test("vendored, it needs the address no more", async () => {
  const folder = new URL("vendored/", at);
  const env = { DENO_DIR: `${directory}/vendor_cache` };
  {
    await using server = serveFolder(jsr);
    await programIn("vendored", { imports: { "@heddle/heddle": `${server.url}/mod.js` }, vendor: true });
    const allowed = `--allow-import=${new URL(server.url).host}`;
    await done(folder, deno, ["check", allowed, "main.ts", "wrong.ts"], env);
    await done(folder, deno, ["cache", allowed, "main.ts"], env);
  }
  await Deno.remove(`${directory}/vendor_cache`, { recursive: true });
  const { host } = new URL(
    JSON.parse(await Deno.readTextFile(new URL("deno.json", folder))).imports["@heddle/heddle"],
  );
  assertEquals(await done(folder, deno, [...run, `--allow-import=${host}`, "main.ts"], env), RESULTS);
});

const bundlers: Record<string, (folder: URL, minify: boolean, entry: string) => Promise<string>> = {
  async "deno bundle"(folder, minify, entry) {
    await done(folder, deno, ["bundle", ...(minify ? ["--minify"] : []), "-o", "out.js", entry]);
    return "out.js";
  },
  async esbuild(folder, minify, entry) {
    const { build, stop } = await import("esbuild");
    await build({
      entryPoints: [entry],
      absWorkingDir: decodeURIComponent(folder.pathname),
      bundle: true,
      minify,
      format: "esm",
      platform: "node",
      target: "esnext",
      outfile: "out.js",
      logLevel: "silent",
    });
    await stop();
    return "out.js";
  },
};

/** The bundle alone, in a folder of its own. */
async function bundledAlone(
  name: string,
  entry: string,
  minify = false,
): Promise<[folder: URL, file: string]> {
  const file = await bundlers[name](npm, minify, entry);
  const folder = new URL(`file://${await Deno.makeTempDir({ dir: directory })}/`);
  await Deno.rename(new URL(file, npm), new URL(file, folder));
  return [folder, file];
}

for (const name of Object.keys(bundlers)) {
  for (const minify of [false, true]) {
    Deno.test(`${name}${minify ? ", minified" : ""}: a bundle runs by itself, and tells tasks of one name apart`, async () => {
      const [folder, file] = await bundledAlone(name, "main.ts", minify);
      assertEquals(await done(folder, deno, [...run, file]), RESULTS);
    });
  }

  Deno.test(`${name}: a bundle in which nothing tells two tasks apart says so as it starts`, async () => {
    const same = `import { task } from "@heddle/heddle";
      export const run = task(import.meta, "run", (_ctx, n: number) => n + 1);`;
    await Deno.writeTextFile(new URL("same.ts", npm), same);
    await Deno.writeTextFile(new URL("as_same.ts", npm), same);
    await Deno.writeTextFile(
      new URL("both.ts", npm),
      `import { run } from "./same.ts"; import { run as other } from "./as_same.ts"; console.log(run, other);`,
    );
    assertEquals((await ran(npm, deno, [...run, "both.ts"])).code, 0);
    const [folder, file] = await bundledAlone(name, "both.ts");
    const { code, stderr } = await ran(folder, deno, [...run, file]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "if this is a bundle of several modules, give one of them another name");
  });
}

const compiled = await ran(npm, deno, [
  "compile",
  "--no-check",
  "--allow-ffi",
  "--allow-read",
  "-o",
  "program",
  "main.ts",
]);
// Deno fetches the runtime that it puts programs into from dl.deno.land, once for each version.
const lacksRuntime = compiled.code !== 0 && compiled.stderr.includes("denort");
if (lacksRuntime) {
  console.warn("deno compile has no denort here, and cannot fetch it: what it makes is not run.");
}

Deno.test({
  name: "a program that deno compile has made runs its tasks",
  ignore: lacksRuntime,
  async fn() {
    assertEquals(compiled.code, 0, compiled.stderr);
    const program = decodeURIComponent(new URL("program", npm).pathname);
    assertEquals(await done(at, program, []), RESULTS);
  },
});

Deno.test("the tarball has less than 300 KB", async () => {
  assertLess((await Deno.stat(tarball)).size, 300_000);
});

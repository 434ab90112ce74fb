// Each room of scheduler/ imports only from those before it in the list of scheduler/README.md, and no imports close a circle:
// of values and of types. `deno info` reads the imports.
import { assert, assertEquals } from "@std/assert";
import { type Edge, violations } from "../support/layers.ts";

const root = new URL("../../", import.meta.url);
/** Everything is reached from these: the public module, and what threads start with. */
const entries = ["mod.ts", "scheduler/worker_main.ts"];
/** What lies beside the rooms, above them all, and what they stand on. */
const TOP = "the top";
const GROUND = "the ground";

/** What `deno info --json` says of one module. An import of types alone has `type`, another one `code`. */
interface Module {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly { readonly code?: Target; readonly type?: Target }[];
}

interface Target {
  readonly specifier?: string;
  readonly error?: string;
}

async function modulesFrom(entry: string): Promise<Module[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout)).modules;
}

function edgesOf(modules: readonly Module[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const { specifier: from, dependencies = [] } of modules) {
    for (const target of dependencies.flatMap(({ code, type }) => [code, type])) {
      if (target === undefined) continue;
      const { specifier: to, error } = target;
      if (to === undefined) throw new Error(`${from} imports what is not there: ${error}`);
      if (!to.startsWith(root.href)) continue;
      edges.set(`${from} ${to}`, [pathOf(from), pathOf(to)]);
    }
  }
  return [...edges.values()];
}

function pathOf(specifier: string): string {
  return specifier.slice(root.href.length);
}

function roomOf(file: string): string {
  const [folder, room, module] = file.split("/");
  if (folder !== "scheduler") return folder === "mod.ts" ? TOP : GROUND;
  return module === undefined ? TOP : room;
}

async function rooms(): Promise<string[]> {
  const page = await Deno.readTextFile(new URL("scheduler/README.md", root));
  return page.match(/^\*\*Order\*\*: (.+)$/m)![1].split(" ");
}

function* modulesIn(folder: URL): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* modulesIn(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield pathOf(new URL(name, folder).href);
  }
}

Deno.test("each room imports only from the rooms before it, and nothing imports in a circle", async () => {
  const modules = (await Promise.all(entries.map(modulesFrom))).flat();
  assertEquals(modules.filter(({ error }) => error !== undefined), []);
  const order = [GROUND, ...await rooms(), TOP];
  const found = violations(edgesOf(modules), order, roomOf);
  assert(found.length === 0, `\n${found.join("\n")}`);
});

Deno.test("the imports that are looked at are those of all modules, and all of the rooms are there", async () => {
  const modules = (await Promise.all(entries.map(modulesFrom))).flat();
  const reached = new Set(modules.map(({ specifier }) => pathOf(specifier)));
  const all = [...modulesIn(new URL("scheduler/", root))];
  assertEquals(all.filter((file) => !reached.has(file)), []);
  assertEquals(new Set(all.map(roomOf)), new Set([...await rooms(), TOP]));
});

Deno.test("each room has a page of its own, to which the map leads", async () => {
  const map = await Deno.readTextFile(new URL("scheduler/README.md", root));
  for (const room of await rooms()) {
    assert((await Deno.readTextFile(new URL(`scheduler/${room}/README.md`, root))).startsWith(`# ${room}\n`));
    assert(map.includes(`](${room}/README.md`), room);
  }
});

const order = ["low", "middle", "high"];
const folderOf = (file: string) => file.split("/")[0];

Deno.test("an import that runs up is named", () => {
  const down: Edge[] = [["high/a.ts", "middle/b.ts"], ["middle/b.ts", "low/c.ts"], ["high/a.ts", "low/c.ts"]];
  assertEquals(violations(down, order, folderOf), []);
  assertEquals(violations([...down, ["low/c.ts", "middle/d.ts"]], order, folderOf), [
    "low/c.ts imports middle/d.ts, which is above it",
  ]);
});

Deno.test("a circle is named by a shortest way round, also inside of one room", () => {
  const knot: Edge[] = [
    ["low/a.ts", "low/b.ts"],
    ["low/b.ts", "low/c.ts"],
    ["low/c.ts", "low/a.ts"],
    ["low/c.ts", "low/d.ts"],
    ["low/d.ts", "low/c.ts"],
    ["low/d.ts", "low/e.ts"],
  ];
  assertEquals(violations(knot, order, folderOf), [
    "a circle, in a knot of 4: low/c.ts imports low/d.ts imports low/c.ts",
  ]);
  assertEquals(violations(knot.slice(0, 2), order, folderOf), []);
  assertEquals(violations([["low/a.ts", "low/a.ts"]], order, folderOf), [
    "a circle, in a knot of 1: low/a.ts imports low/a.ts",
  ]);
});

Deno.test("a module in a folder that is no room is named", () => {
  assertEquals(violations([["high/a.ts", "attic/b.ts"]], order, folderOf), [
    'attic/b.ts is in "attic", which is no room',
  ]);
});

Deno.test("imports of values, of types, of both, and re-exports are read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const text = `
      import { one } from "./value.ts";
      import type { Two } from "./type.ts";
      export type { Three } from "./exported_type.ts";
      export * from "./exported.ts";
      type Four = import("./inline_type.ts").Four;
      const five = import("./dynamic.ts");`;
    const names = [...text.matchAll(/"\.\/(.+?)"/g)].map(([, name]) => name);
    for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, "");
    await Deno.writeTextFile(`${folder}/main.ts`, text);
    const main = (await modulesFrom(`${folder}/main.ts`)).find(({ specifier }) =>
      specifier.endsWith("/main.ts")
    )!;
    const found = main.dependencies!.map(({ code, type }) => (code ?? type)!.specifier!.split("/").at(-1)!);
    assertEquals(found.sort(), names.sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The programs of the README and of docs/ run, and print what their comments say. */
import { assert, assertEquals } from "@std/assert";
import { native } from "../support/capabilities.ts";
import type { Ended } from "../support/programs.ts";

const root = new URL("../../", import.meta.url);
const docs = [...Deno.readDirSync(new URL("docs/", root))].map(({ name }) => `docs/${name}`);
const programs = ["README.md", ...docs].flatMap((page) => {
  const text = Deno.readTextFileSync(new URL(page, root));
  return [...text.matchAll(/```ts\n\/\/ (\w+\.ts)\n(.*?)```/gs)].map(([, name, text]) => ({ name, text }));
});

/** What is printed, line by line: the comments behind `console.log`; undefined where there is none. */
function expected(text: string): (string | undefined)[] {
  return text.split("\n").filter((line) => line.includes("console.log(")).flatMap((line) => {
    const [, comment] = line.match(/; \/\/ (.*)$/) ?? [];
    return line.startsWith("for ") && comment !== undefined ? comment.split(", ") : [comment];
  });
}

function isTest(name: string): boolean {
  return name.endsWith("_test.ts");
}

async function deno(cwd: URL, ...args: string[]): Promise<Ended> {
  const run = await new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } }).output();
  const [stdout, stderr] = [run.stdout, run.stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code: run.code, stdout, stderr };
}

Deno.test("each program of the README and of docs/ is well typed, runs, and prints what it says", async (t) => {
  const directory = new URL(`file://${await Deno.makeTempDir({ prefix: "heddle-readme-" })}/`);
  try {
    const imports = {
      "@heddle/heddle": new URL("mod.js", root).href,
      "@heddle/heddle/inspector": new URL("inspector/inspect.ts", root).href,
    };
    await Deno.writeTextFile(new URL("deno.json", directory), JSON.stringify({ imports }));
    for (const { name, text } of programs) await Deno.writeTextFile(new URL(name, directory), text);
    const checking = deno(directory, "check", "--quiet", ...programs.map(({ name }) => name));
    const running = programs.filter(({ name, text }) => text.includes("console.log(") || isTest(name));
    assert(running.length > 11, "there are programs");
    assertEquals(
      new Set(programs.map(({ name }) => name)).size,
      programs.length,
      "they have names of their own",
    );
    // As many at once as there are CPUs: what has a timeout is not to wait for all others.
    const outcomes: Promise<Ended>[] = [];
    const begin = () => {
      const name = running[outcomes.length]?.name;
      if (name !== undefined) {
        outcomes.push(deno(directory, isTest(name) ? "test" : "run", "--no-check", "-qA", name));
      }
    };
    for (let n = 0; n < navigator.hardwareConcurrency; n++) begin();
    for (const [at, { name, text }] of running.entries()) {
      await t.step(name, async () => {
        const { code, stdout, stderr } = await outcomes[at];
        begin();
        const [missing] = stderr.match(/TypeError: .* takes Heddle's native shim.*/) ?? [];
        if (missing !== undefined && !native.isThere) return console.log(`skipped: ${name}: ${missing}`);
        assertEquals(code, 0, stderr);
        if (isTest(name)) return;
        const lines = stdout.split("\n").slice(0, -1);
        assertEquals(lines, expected(text).map((line, i) => line ?? lines[i]), stderr);
      });
    }
    const { code, stderr } = await checking;
    assertEquals(code, 0, stderr);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { readClaims } from "../../../bench/claims.ts";
import type { Report } from "../../../bench/report.ts";
import { exampleReport } from "../../support/example_report.ts";

const main = fileURLToPath(new URL("../../../bench/main.ts", import.meta.url));
const row = "round-trip";

/** What README.md claims of the row, with our side so many times as slow. */
async function measured(slower: number): Promise<Report> {
  const { unit, ours, others } = (await readClaims()).claims.find((claim) => claim.row === row)!;
  const samples = Object.fromEntries(others.map(({ side, ratio }) => [side, [ours * ratio]]));
  const example = exampleReport(100);
  const like = example.rows.find(({ name }) => name === row)!;
  return { ...example, rows: [{ ...like, unit, samples: { heddle: [ours * slower], ...samples } }] };
}

async function check(
  report: Report,
  ...args: string[]
): Promise<{ code: number; said: string; shown: string }> {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify(report));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", "--no-check", main, "--check", `--from=${file}`, ...args],
    }).output();
    const text = new TextDecoder();
    return { code, said: text.decode(stderr), shown: text.decode(stdout) };
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("bench --check ends with 0 if the chosen rows hold what README.md claims, and else with 1 and the reason", async () => {
  const [holds, misses] = await Promise.all([
    check(await measured(1.2), `--only=${row}`),
    check(await measured(1.5)),
  ]);
  assertEquals([holds.code, holds.said], [0, ""]);
  assertStringIncludes(holds.shown, `holds: ${row}.`);
  assertEquals(misses.code, 1);
  assertStringIncludes(misses.said, `${row} against piscina: `);
  assertStringIncludes(misses.said, "spawn was not measured");
});

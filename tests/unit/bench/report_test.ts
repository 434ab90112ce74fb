import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { broken, claimsFile, claimsOf, readClaims, tableOf, withTable } from "../../../bench/claims.ts";
import { page } from "../../../bench/page.ts";
import { type Report, spread, summaries } from "../../../bench/report.ts";
import { unsteady } from "../../../bench/steady.ts";
import { exampleReport } from "../../support/example_report.ts";

Deno.test("a row's sides are shown from the best to the worst, with what lies between their rounds", () => {
  const [lower, higher] = exampleReport(100).rows;
  assertEquals(summaries(lower).map(({ side }) => side), ["heddle", "piscina"]);
  assertEquals(summaries(higher).map(({ side, median }) => [side, median]), [["piscina", 300], [
    "heddle",
    100,
  ]]);
  assertEquals(spread({ side: "", median: 10, least: 8, most: 14 }), 0.3);
  assertEquals(spread({ side: "", median: 0, least: 0, most: 0 }), 0);
});

Deno.test("the page shows each row and side, and what users could have written is text", () => {
  const shown = page(exampleReport(100));
  for (const part of ["fast &lt;things>", "many things", "piscina", "<svg", "at least 8x"]) {
    assertStringIncludes(shown, part);
  }
  assert(!/<script|https?:\/\/(?!www\.w3\.org)/.test(shown), "neither scripts nor addresses");
});

Deno.test("the points of a curve are one figure, and a side that was left out at one has no number there", () => {
  const shown = page(exampleReport(100));
  assertEquals(shown.split("<h2>in a &lt;crowd>").length, 2);
  const [, table] = shown.split('<section id="crowd">');
  const cells = (side: string) =>
    table.split(`<tr><td>${side}</td>`)[1].split("</tr>")[0].match(/<td[^>]*>[^<]*/g);
  assertEquals(cells("heddle")!.map((cell) => cell.replace(/<[^>]*>/, "").trim()), ["10.5", "111", "10,000"]);
  assertEquals(cells("go")!.length, 3);
  assert(cells("go")![2].endsWith(">"), "empty");
});

Deno.test("the page names the rows of which the rounds do not agree", () => {
  const report = exampleReport(100);
  // Go's rounds of the crowd were 5 and 500.
  assertEquals(unsteady(report.rows), ["crowd-0", "crowd-100"]);
  assertStringIncludes(page(report), "may say something else: crowd-0, crowd-100.");
  assertStringIncludes(page({ ...report, rows: report.rows.slice(0, 1) }), "agree within 20 %");
  assert(!page({ ...report, rounds: 1 }).includes("20 %"), "one round");
});

const shown = ["round-trip"];

Deno.test("a claim that is missed by more than a quarter is told, and one by less is not", () => {
  const claims = claimsOf(exampleReport(100), shown);
  assertEquals(claims.claims[0].others, [{ side: "piscina", value: 1000, ratio: 10 }]);
  assertEquals(broken(claims, exampleReport(100)), []);
  assertEquals(broken(claims, exampleReport(130)), []);
  assertEquals(broken(claims, exampleReport(140)), [
    "round-trip against piscina: 7.14x, and README.md says 10x",
  ]);
  const nothing: Report = { ...exampleReport(100), rows: [] };
  assertEquals(broken(claims, nothing), ["round-trip was not measured"]);
  assertThrows(() => claimsOf(nothing, shown), Error, "round-trip was not measured");
});

Deno.test("the table is put between its marks, again and again", () => {
  const claims = claimsOf(exampleReport(100), shown);
  const empty = "before\n\n<!-- deno task bench --claim -->\n<!-- the end of what it wrote -->\nafter\n";
  const once = withTable(empty, claims);
  assertEquals(withTable(once, claims), once);
  assertStringIncludes(once, tableOf(claims));
  assertThrows(() => withTable("no marks", claims), Error, "README.md lacks the lines");
});
Deno.test("README.md shows what claims.json says", async () => {
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  // As a formatter breaks lines.
  const words = (text: string) => text.replace(/\s+/g, " ");
  assertStringIncludes(words(readme), words(tableOf(await readClaims())), claimsFile.href);
});

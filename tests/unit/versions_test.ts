import { assertEquals, assertStringIncludes } from "@std/assert";
import { readResults, resultOf, resultsFile, tableOf } from "../versions/results.ts";

Deno.test("a report's tests are counted, and those that failed are named", () => {
  const report = `<testsuites><testsuite name="a_test.ts" tests="4">
    <testcase name="works" time="0.1"></testcase>
    <testcase name="says &quot;1 &lt; 2&quot;" time="0.1"><failure message="no">no</failure></testcase>
    <testcase name="short" time="0.1"/>
    <testcase name="is left out" time="0.1"><skipped/></testcase>
  </testsuite></testsuites>`;
  assertEquals(resultOf(report), { tests: 4, failed: ['says "1 < 2"'], skipped: 1 });
});

Deno.test("README.md shows what results.json says of the versions of Deno", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assertStringIncludes(readme, tableOf(await readResults()), resultsFile.href);
});

/** The page that the bench writes, in a real Chromium: `deno task test:pages`. */
import { assertEquals, assertGreater } from "@std/assert";
import { page as benchPage } from "../../bench/page.ts";
import { exampleReport } from "../support/example_report.ts";
import { startBrowser } from "./browser.ts";

const browser = await startBrowser();
Deno.test.afterAll(() => browser.close());

interface Seen {
  readonly width: number;
  readonly plots: number[];
  /** Words that reach beyond their plot. */
  readonly cut: string[];
}

/** The last is a sheet of A4 without its margins. */
for (const [medium, width] of [["screen", 360], ["screen", 1280], ["print", 718]] as const) {
  Deno.test(`the bench's page fits ${width} pixels of ${medium}, asks the network for nothing, and has its plots`, async () => {
    const page = await browser.newPage();
    await page.emulateMediaType(medium);
    const asked: string[] = [];
    page.on("request", (request: { url(): string }) => asked.push(request.url()));
    await page.setViewport({ width, height: 800 });
    await page.setContent(benchPage(exampleReport(100)));
    const seen = await page.evaluate(`({
      width: document.scrollingElement.scrollWidth,
      plots: [...document.querySelectorAll("figure svg")].map((svg) => svg.getBoundingClientRect().height),
      cut: [...document.querySelectorAll("figure text")].filter((text) => {
        const [own, whole] = [text, text.closest("svg")].map((each) => each.getBoundingClientRect());
        return own.left < whole.left || own.right > whole.right;
      }).map((text) => text.textContent),
    })`) as Seen;
    assertEquals([seen.width <= width, seen.plots.length, seen.cut, asked], [true, 4, [], []]);
    for (const height of seen.plots) assertGreater(height, 50);
    await page.close();
  });
}

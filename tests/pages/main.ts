/** The pages that this project writes, in a real Chromium: `deno task test:pages`. */
import { assertEquals, assertGreater } from "@std/assert";
import { launch } from "puppeteer-core";
import { page as benchPage } from "../../bench/page.ts";
import { exampleReport } from "../support/example_report.ts";

const places = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);
const executablePath = places.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});
if (executablePath === undefined) {
  console.error("There is no Chromium in /usr/bin: apt-get install chromium");
  Deno.exit(1);
}
// As root, as on machines that build, it has no sandbox; what it shows is our own.
const browser = await launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
Deno.test.afterAll(() => browser.close());

interface Seen {
  readonly width: number;
  readonly plots: number[];
  /** Words that reach beyond their plot. */
  readonly cut: string[];
}

for (const width of [360, 1280]) {
  Deno.test(`the bench's page fits ${width} pixels, asks the network for nothing, and has its plots`, async () => {
    const page = await browser.newPage();
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

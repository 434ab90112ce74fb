/** The site of `deno task docs`, in a real Chromium: `deno task test:pages`. */
import { assertEquals, assertGreater } from "@std/assert";
import { writeSite } from "../../site/build.ts";
import { guidesFrom } from "../../site/guides.ts";
import { serveFolder } from "../support/served.ts";
import { startBrowser } from "./browser.ts";

const directory = await Deno.makeTempDir();
const folder = new URL(`file://${directory}/`);
await writeSite(folder);
const served = serveFolder(folder);
const browser = await startBrowser();
Deno.test.afterAll(async () => {
  await browser.close();
  await served[Symbol.asyncDispose]();
  await Deno.remove(directory, { recursive: true });
});

/** What the pages that can be reached from the first one link to, read by the browser's own parser. */
const follow = `(async () => {
  const pages = new Map();
  const dead = [];
  const found = [new URL("index.html", location.href).href];
  for (const page of found) {
    const answer = await fetch(page);
    const isPage = answer.ok && answer.headers.get("content-type") === "text/html";
    const parsed = isPage ? new DOMParser().parseFromString(await answer.text(), "text/html") : undefined;
    pages.set(page, answer.ok && { ids: new Set([...parsed?.querySelectorAll("[id]") ?? []].map(({ id }) => id)), links: [] });
    for (const link of parsed?.querySelectorAll("a[href], link[href], script[src], img[src]") ?? []) {
      const url = new URL(link.getAttribute("href") ?? link.getAttribute("src"), page);
      if (url.origin !== location.origin) continue;
      const hash = decodeURIComponent(url.hash.slice(1));
      url.hash = "";
      if (url.pathname.endsWith("/")) url.pathname += "index.html";
      pages.get(page).links.push([url.href, hash]);
      if (!pages.has(url.href) && !found.includes(url.href)) found.push(url.href);
    }
  }
  for (const [page, { links }] of [...pages].filter(([, seen]) => seen)) {
    for (const [to, hash] of links) {
      const there = pages.get(to);
      if (!there || (hash !== "" && !there.ids.has(hash))) dead.push(page + " -> " + to + "#" + hash);
    }
  }
  return { pages: pages.size, dead };
})()`;

/** A page of each kind that the API has, and all guides. */
const kinds = [
  "all_symbols",
  "index",
  "otel/index",
  "mod.ts/~/Scheduler",
  "mod.ts/~/Scheduler.prototype.go",
  "mod.ts/~/task",
]
  .concat(["mod.ts/~/SchedulerOptions", "mod.ts/~/GeneratorDefinition"]).map((page) => `api/${page}.html`);
const { guides } = await guidesFrom(["README.md"]);
const pages = [
  ...guides.filter(({ source }) => source.endsWith(".md")).map(({ path }) => path),
  ...kinds,
  "bench/rows/files.html",
];

Deno.test("every link within the site leads somewhere, to the chapter that it names", async () => {
  const page = await browser.newPage();
  await page.goto(`${served.url}/index.html`);
  const seen = await page.evaluate(follow) as { pages: number; dead: string[] };
  assertEquals(seen.dead, []);
  assertGreater(seen.pages, 400);
  await page.close();
});

Deno.test("no guide is wider than a phone, nor what is of the API, and none asks the network for anything", async () => {
  const page = await browser.newPage();
  const asked = new Set<string>();
  page.on("request", (request: { url(): string }) => asked.add(new URL(request.url()).origin));
  await page.setViewport({ width: 390, height: 844 });
  const wide: string[] = [];
  for (const path of pages) {
    assertEquals((await page.goto(`${served.url}/${path}`))?.status(), 200);
    const width = await page.evaluate("document.scrollingElement.scrollWidth") as number;
    if (width > 390) wide.push(`${path}: ${width}`);
  }
  assertEquals(wide, []);
  assertEquals(asked, new Set([served.url]));
  await page.close();
});

for (const where of ["from a server", "from files"]) {
  Deno.test(`${where}, the search finds a guide's words, a symbol, and leads there`, async () => {
    const page = await browser.newPage();
    const root = where === "from files" ? folder.href : `${served.url}/`;
    const first = async (at: string, words: string) => {
      await page.goto(root + at);
      await page.type(".site-search", words);
      await page.waitForSelector(".site-found:not([hidden]) a");
      await page.keyboard.press("Enter");
      await page.waitForFunction(`!location.href.startsWith(${JSON.stringify(root + at)})`);
      return page.url().slice(root.length);
    };
    assertEquals(await first("docs/scale.html", "graceful shutdown"), "docs/recipes.html#graceful-shutdown");
    assertEquals(await first("index.html", "parallelMap"), "api/mod.ts/~/parallelMap.html");
    assertEquals(
      await first("api/mod.ts/~/Mutex.html", "no wakeup is lost"),
      "scheduler/parking/index.html#no-wakeup-is-lost",
    );
    await page.close();
  });
}

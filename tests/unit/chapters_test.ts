// What code and pages cite of a README is there.
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const GENERATED = /_bundle\.ts$|_(?:x86_64|aarch64)\.ts$/;
/** What others wrote, where the bench has put it. */
const FOREIGN = ["node_modules", "target"];

function* filesIn(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory && !FOREIGN.includes(name)) yield* filesIn(new URL(`${name}/`, folder));
    else if (!isDirectory && /\.(ts|c|h|md)$/.test(name) && !GENERATED.test(name)) {
      yield new URL(name, folder);
    }
  }
}

const folders = ["scheduler/", "ffi/", "inspector/", "native/", "tests/", "examples/", "bench/", "docs/"].map(
  (name) => new URL(name, root),
);
const beside = ["README.md", "CONTRIBUTING.md", "mod.ts"].map((name) => new URL(name, root));
const files = [...folders.flatMap((folder) => [...filesIn(folder)]), ...beside];

interface Citation {
  readonly whole: string;
  readonly page: URL;
  readonly title: string;
}

/** Comments name the folder from the root or from scheduler/, or none if the README is beside them. */
function* inComments(file: URL): Generator<Citation> {
  const text = Deno.readTextFileSync(file).replace(/\n\s*(?:\*|\/\/)? */g, " ");
  for (
    const [whole, before, path, after] of text.matchAll(
      /(?:"([^"]+)" in )?([\w/]*\/)?README\.md(?:, "([^"]+)")?/g,
    )
  ) {
    const title = after ?? before;
    if (title === undefined) continue;
    const base = path === undefined ? file : path.startsWith("scheduler/") ? root : folders[0];
    yield { whole, page: new URL(`${path ?? ""}README.md`, base), title };
  }
}

/** `[room](path), "Chapter"` and `[…](path#chapter)`. */
function* inPages(file: URL): Generator<Citation> {
  const text = Deno.readTextFileSync(file).replace(/\n\s*/g, " ");
  for (
    const [whole, path, chapter, title] of text.matchAll(
      /\]\(([^)#:\s]*\.md)?(?:#([^)\s]+))?\)(?:, "([^"]+)")?/g,
    )
  ) {
    const page = new URL(path ?? "", file);
    yield { whole, page, title: title ?? chapter ?? "" };
  }
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** "", the titles of a page, and GitHub's anchors for them; none if there is no such page. */
function titles(page: URL): string[] {
  try {
    const found = [...Deno.readTextFileSync(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => title);
    const anchors = found.map((title) =>
      title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    );
    return ["", ...found, ...anchors];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("each file that a page links to is there", () => {
  const missing: string[] = [];
  for (const page of files.filter(({ pathname }) => pathname.endsWith(".md"))) {
    for (const [, path] of Deno.readTextFileSync(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]+)?\)/g)) {
      if (!exists(new URL(path, page))) missing.push(`${page.pathname.slice(root.pathname.length)}: ${path}`);
    }
  }
  assertEquals(missing, []);
});

for (
  const [what, cited, end] of [["comment", inComments, /\.(ts|c|h)$/], ["page", inPages, /\.md$/]] as const
) {
  Deno.test(`each chapter that a ${what} cites is there`, () => {
    const citing = files.filter(({ pathname }) => end.test(pathname)).flatMap((file) =>
      [...cited(file)].map((citation) => ({ file, ...citation }))
    );
    assert(citing.length > 15, `${citing.length} were found`);
    const missing = citing.filter(({ page, title }) => !titles(page).includes(title));
    assertEquals(
      missing.map(({ file, whole }) => `${file.pathname.slice(root.pathname.length)}: ${whole}`),
      [],
    );
  });
}

/**
 * Guides as pages. Beginning with the README, a page is made of each Markdown file that another one links to, and of each source
 * file and folder; pictures come along. A link to what is not there is an error, with the page that has it.
 */
import GithubSlugger from "github-slugger";
import highlight from "highlight.js";
import { Marked, type Token, type Tokens } from "marked";
import { root } from "../packages/folder.ts";
import { escaped, relative } from "./frame.ts";

/** What the search knows of: a chapter of a guide, or a symbol. */
export interface Chapter {
  readonly title: string;
  /** Whose it is: the guide's title, the module's name. */
  readonly of: string;
  readonly text: string;
  /** From the site's root. */
  readonly url: string;
}

export interface Guide {
  /** Both from the root, of the project and of the site. */
  readonly source: string;
  readonly path: string;
  readonly title: string;
  readonly html: string;
  readonly chapters: readonly Chapter[];
}

export interface Guides {
  readonly guides: readonly Guide[];
  /** Files that go to the site as they are. */
  readonly pictures: readonly string[];
}

/** Every page that these lead to, these first. */
export async function guidesFrom(sources: readonly string[]): Promise<Guides> {
  const found = [...sources];
  const guides: Guide[] = [];
  const pictures = new Set<string>();
  const meet = (source: string) => {
    if (isPicture(source)) pictures.add(source);
    else if (!found.includes(source)) found.push(source);
  };
  for (const source of found) {
    if (source.endsWith("/")) guides.push(folderOf(source));
    else {
      const text = await Deno.readTextFile(new URL(source, root));
      guides.push(source.endsWith(".md") ? guideOf(source, text, meet) : sourceOf(source, text));
    }
  }
  return { guides, pictures: [...pictures] };
}

function isPicture(source: string): boolean {
  return source.endsWith(".png");
}

/** Where what is of that file lies in the site. */
function placeOf(source: string): string {
  if (isPicture(source)) return source;
  if (source.endsWith("/")) return `${source}files.html`;
  if (!source.endsWith(".md")) return `${source}.html`;
  return source.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html");
}

/** What is in a folder, by name. */
function folderOf(source: string): Guide {
  const names = [...Deno.readDirSync(new URL(source, root))].map(({ name }) => `<li>${escaped(name)}</li>`)
    .sort();
  const html = `<h1>${escaped(source)}</h1>\n<ul>${names.join("")}</ul>\n`;
  return { source, path: placeOf(source), title: source, html, chapters: [] };
}

/** A file of code, as one looks at it. */
function sourceOf(source: string, text: string): Guide {
  const html = `<h1>${escaped(source)}</h1>\n${code(text, /[^./]*$/.exec(source)![0])}`;
  return { source, path: placeOf(source), title: source, html, chapters: [] };
}

function code(text: string, language = ""): string {
  const html = highlight.getLanguage(language) === undefined
    ? escaped(text)
    : highlight.highlight(text, { language }).value;
  return `<pre tabindex="0"><code>${html}</code></pre>\n`;
}

function guideOf(source: string, text: string, meet: (source: string) => void): Guide {
  const path = placeOf(source);
  const target = (href: string): string => {
    const [, file, anchor] = /^([^#]*)(#.*)?$/.exec(href)!;
    if (file === "" || URL.canParse(file)) return href;
    const there = new URL(file, new URL(source, root));
    const info = there.href.startsWith(root.href) ? kindOf(there) : undefined;
    if (info === undefined) throw new Error(`${source} links to ${href}: there is no such file.`);
    const to = there.href.slice(root.href.length) + (info.isDirectory && !file.endsWith("/") ? "/" : "");
    meet(to);
    return relative(path, placeOf(to)) + (anchor ?? "");
  };
  const slugs = new GithubSlugger();
  const chapters: { title: string; text: string; url: string }[] = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }: Tokens.Heading) {
        const slug = slugs.slug(plain(tokens));
        return `<h${depth} id="${slug}"><a class="anchor" href="#${slug}">${
          this.parser.parseInline(tokens)
        }</a></h${depth}>\n`;
      },
      code: ({ text, lang }: Tokens.Code) => code(text, lang),
    },
    walkTokens(token) {
      if (token.type === "link" || token.type === "image") token.href = target(token.href);
    },
  });
  const html = marked.parse(text, { async: false });
  // The same again, in the order in which they are rendered: a slug that is there already gets a number.
  slugs.reset();
  for (const token of marked.lexer(text)) {
    if (token.type === "heading") {
      const title = plain((token as Tokens.Heading).tokens);
      chapters.push({ title, text: "", url: `${path}#${slugs.slug(title)}` });
    } else if (chapters.length > 0) chapters[chapters.length - 1].text += plain([token]);
  }
  const title = chapters[0]?.title ?? source;
  return { source, path, title, html, chapters: chapters.map((chapter) => ({ ...chapter, of: title })) };
}

function kindOf(url: URL): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(url);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The words alone. */
function plain(tokens: readonly Token[]): string {
  let text = "";
  for (const token of tokens) {
    if (token.type === "html") continue;
    if (token.type === "table") {
      const { header, rows } = token as Tokens.Table;
      for (const row of [header, ...rows]) for (const cell of row) text += `${plain(cell.tokens)} `;
    } else if (token.type === "list") {
      for (const item of (token as Tokens.List).items) text += `${plain(item.tokens)} `;
    } else if ("tokens" in token && token.tokens !== undefined) text += plain(token.tokens);
    else if ("text" in token) text += token.text;
    if (token.type === "paragraph" || token.type === "code") text += " ";
  }
  return text;
}

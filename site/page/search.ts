/// <reference lib="dom" />
/** The search of all pages. The index is loaded as the field gets the focus, by a script: from files nothing else can be read. */
import MiniSearch from "minisearch";

interface Chapter {
  readonly title: string;
  readonly of: string;
  readonly text: string;
  readonly url: string;
}

/** As many as one looks through. */
const SHOWN = 12;

const { root } = (document.currentScript as HTMLScriptElement).dataset as { root: string };
const field = document.querySelector<HTMLInputElement>(".site-search")!;
const found = document.querySelector<HTMLOListElement>(".site-found")!;

let index: Promise<(words: string) => Chapter[]> | undefined;

function load(): Promise<(words: string) => Chapter[]> {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}search_index.js`;
    script.onload = () => {
      const { heddleChapters: chapters } = globalThis as unknown as { heddleChapters: Chapter[] };
      const search = new MiniSearch<Chapter & { id: number }>({
        fields: ["title", "of", "text"],
        searchOptions: { boost: { title: 4 }, prefix: true, fuzzy: 0.15, combineWith: "AND" },
      });
      search.addAll(chapters.map((chapter, id) => ({ id, ...chapter })));
      resolve((words) => search.search(words).slice(0, SHOWN).map(({ id }) => chapters[id]));
    };
    script.onerror = () => reject(new Error(`${script.src} is missing`));
    document.head.append(script);
  });
}

function itemOf({ title, of, url }: Chapter): HTMLLIElement {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = root + url;
  const whose = document.createElement("small");
  whose.textContent = of;
  link.append(title, " ", whose);
  item.append(link);
  return item;
}

async function show(): Promise<void> {
  const words = field.value;
  const search = await (index ??= load());
  // Something else was typed meanwhile.
  if (words !== field.value) return;
  const items = search(words).map(itemOf);
  if (items.length === 0) {
    items.push(Object.assign(document.createElement("li"), { textContent: "Nothing." }));
  }
  found.replaceChildren(...items);
  found.hidden = words.trim() === "";
}

field.addEventListener("focus", () => index ??= load(), { once: true });
field.addEventListener("input", show);
field.addEventListener("keydown", ({ key }) => {
  if (key === "Enter") found.querySelector("a")?.click();
  if (key !== "Escape") return;
  field.value = "";
  found.hidden = true;
});

// As Deno's pages have it: the choice that was made there, or the system's.
const isDark =
  (localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "")) ===
    "dark";
document.documentElement.classList.toggle("dark", isDark);

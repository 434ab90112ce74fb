/** What all pages of the site have in common: a header with the guides, the API and a search. */

/** A link of the header's menu. */
export interface Entry {
  readonly title: string;
  /** From the site's root. */
  readonly path: string;
}

/** Where the page is that links lead from and to, from the site's root. */
export function relative(from: string, to: string): string {
  return "../".repeat(from.split("/").length - 1) + to;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}

/** For a page's head. The script is none of a module's kind: these do not run from files. */
export function headOf(path: string): string {
  return `<link rel="stylesheet" href="${relative(path, "site.css")}">
<script src="${relative(path, "search.js")}" data-root="${relative(path, "")}" defer></script>`;
}

/** For the begin of a page's body. */
export function headerOf(path: string, menu: readonly Entry[]): string {
  const items = menu.map((entry) => {
    const current = entry.path === path ? ` aria-current="page"` : "";
    return `<li><a href="${relative(path, entry.path)}"${current}>${escaped(entry.title)}</a></li>`;
  });
  return `<header class="site">
<a class="site-name" href="${relative(path, "index.html")}">Heddle</a>
<details class="site-menu"><summary>Guides</summary><ul>${items.join("")}</ul></details>
<a href="${relative(path, "api/index.html")}">API</a>
<input class="site-search" type="search" placeholder="Search" aria-label="Search guides and API" autocomplete="off">
<ol class="site-found" aria-live="polite" hidden></ol>
</header>`;
}

/** A page of a guide's. */
export function pageOf(path: string, title: string, menu: readonly Entry[], content: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
${headOf(path)}
</head>
<body>
${headerOf(path, menu)}
<main class="guide">
${content}
</main>
</body>
</html>
`;
}

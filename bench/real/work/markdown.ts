import hljs from "highlight.js";
import { Marked } from "marked";

const marked = new Marked({
  renderer: {
    code({ text, lang }) {
      const { value } = lang ? hljs.highlight(text, { language: lang }) : hljs.highlightAuto(text);
      return `<pre><code class="hljs">${value}</code></pre>\n`;
    },
  },
});

/** The page of a markdown file, as HTML. */
export function render(path: string): string {
  return marked.parse(Deno.readTextFileSync(path), { async: false });
}

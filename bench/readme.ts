/** What tasks write into README.md: tables, each between two lines of its own. */

/** In Markdown as `deno fmt` leaves it. The first line is the head. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const row = (line: readonly string[]) => `| ${line.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  return [row(lines[0]), row(rule), ...lines.slice(1).map(row)].join("\n");
}

const END = "<!-- the end of what it wrote -->";

/** The README with what stands behind the mark of a task, as in `<!-- deno task bench --claim -->`, replaced. */
export function withWritten(readme: string, task: string, text: string): string {
  const mark = `<!-- deno task ${task} -->`;
  const begin = readme.indexOf(mark);
  const end = readme.indexOf(END, begin);
  if (begin === -1 || end === -1) throw new Error(`README.md lacks the lines ${mark} and ${END}`);
  return `${readme.slice(0, begin + mark.length)}\n\n${text}\n${readme.slice(end)}`;
}

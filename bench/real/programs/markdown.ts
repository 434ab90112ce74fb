import { createHash } from "node:crypto";
import { everyone, type Program, throughput } from "../program.ts";
import { randomOf } from "../random.ts";

const FILES = { full: 500, quick: 50 };

const WORDS =
  "a task starts on the thread that waits for work and ends when its children have what they sent is read"
    .split(" ");

const CODE: Record<string, (name: string) => string> = {
  typescript: (name) =>
    `export async function ${name}(paths: string[]): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const path of paths) {
    const { size } = await Deno.stat(path); // throws if it is gone
    sizes.set(path, size * ${name.length} / 1024);
  }
  return sizes;
}`,
  python: (name) =>
    `def ${name}(paths):
    """Sizes of files, by their paths."""
    return {path: os.stat(path).st_size for path in paths if not path.startswith("~")}`,
  go: (name) =>
    `func ${name}(paths []string) (map[string]int64, error) {
	sizes := make(map[string]int64, len(paths))
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("${name}: %w", err)
		}
		sizes[path] = info.Size()
	}
	return sizes, nil
}`,
  bash: (name) =>
    `for path in "$@"; do stat --format '%s %n' "$path" || exit 1; done | sort -n > ${name}.txt`,
  json: (name) => `{ "name": "${name}", "version": "1.2.3", "private": true, "files": ["src", null, 42] }`,
};

function text(seed: number): string {
  const random = randomOf(seed);
  const word = () => WORDS[random(WORDS.length)];
  const sentence = () => `${Array.from({ length: 8 + random(12) }, word).join(" ")}.`;
  const span = () => [`*${word()}*`, `**${word()}**`, `\`${word()}\``, `[${word()}](#${word()})`][random(4)];
  const paragraph = () => Array.from({ length: 3 + random(4) }, () => `${sentence()} ${span()}`).join(" ");
  const languages = Object.keys(CODE);
  const section = () => {
    const language = languages[random(languages.length)];
    const items = Array.from({ length: 3 }, () => `- ${sentence()}`).join("\n");
    const code = CODE[language](`${word()}${word()}${random(1000)}`);
    return `## ${sentence()}\n\n${paragraph()}\n\n${items}\n\n\`\`\`${language}\n${code}\n\`\`\`\n\n${paragraph()}`;
  };
  return `# ${sentence()}\n\n${Array.from({ length: 4 + random(5) }, section).join("\n\n")}\n`;
}

export const markdown: Program = {
  name: "markdown",
  sides: everyone,
  measures: throughput("markdown", "markdown: pages by npm:marked and npm:highlight.js"),
  async prepare({ directory, quick }) {
    for (let i = 0; i < (quick ? FILES.quick : FILES.full); i++) {
      await Deno.writeTextFile(`${directory}/${i}.md`, text(i));
    }
  },
  async run(crew, { directory, quick }) {
    const files = quick ? FILES.quick : FILES.full;
    const pages = await Promise.all(
      Array.from({ length: files }, (_, i) => crew.run<string>("render", `${directory}/${i}.md`)),
    );
    const hash = createHash("sha256");
    for (const page of pages) hash.update(page);
    return { readings: {}, answer: `${pages.length} pages, ${hash.digest("hex")}` };
  },
};

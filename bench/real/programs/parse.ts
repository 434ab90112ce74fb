import { dirname } from "node:path";
import { everyone, type Program, throughput } from "../program.ts";

/** How often each file is parsed: three times make 306 trees of 11 MB. */
const PASSES = { full: 3, quick: 1 };

export const parse: Program = {
  name: "parse",
  sides: everyone,
  measures: throughput("parse", "parse: all .d.ts files of npm:typescript"),
  async prepare({ directory }) {
    const { default: ts } = await import("typescript");
    const library = dirname(ts.sys.getExecutingFilePath());
    const names = [...Deno.readDirSync(library)].map(({ name }) => name).filter((name) =>
      name.endsWith(".d.ts")
    );
    const paths = names.sort().map((name) => `${library}/${name}`);
    await Deno.writeTextFile(`${directory}/paths.json`, JSON.stringify(paths));
  },
  async run(crew, { directory, quick }) {
    const paths: string[] = JSON.parse(await Deno.readTextFile(`${directory}/paths.json`));
    const all = Array.from({ length: quick ? PASSES.quick : PASSES.full }, () => paths).flat();
    const nodes = await crew.map<number>("countNodes", all);
    // Weights, so that results in another order are another answer.
    const sum = nodes.reduce((sum, count, i) => sum + count * (i % 7 + 1), 0);
    return { readings: {}, answer: `${nodes.length} files, ${sum}` };
  },
};

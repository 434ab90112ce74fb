/** What imports what, as Deno sees it. */
import { root, run } from "./folder.ts";

interface Graph {
  readonly modules: readonly { readonly specifier: string; readonly error?: string }[];
}

/** The paths of the project's own modules among what these import. */
export async function modulesOf(entries: readonly string[]): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const entry of entries) {
    const { modules }: Graph = JSON.parse(
      (await run(Deno.execPath(), ["info", "--json", entry], root)).stdout,
    );
    for (const { specifier, error } of modules) {
      if (error !== undefined) throw new Error(`${entry} imports ${specifier}: ${error}`);
      if (specifier.startsWith(root.href)) paths.add(specifier.slice(root.href.length));
      else if (!/^(node|npm):/.test(specifier)) {
        throw new Error(`${entry} imports ${specifier}, which is not of the package.`);
      }
    }
  }
  return paths;
}

/**
 * Makes what is published, in `packed/`: `jsr/`, a folder from which `deno publish` publishes, and which programs may import as it is;
 * `npm/` and the tarball that is made of it, which `npm install` takes.
 *
 * ```sh
 * deno task pack
 * ```
 */
import { emptyFolder, root } from "./folder.ts";
import { writeJsr } from "./jsr.ts";
import { writeNpm } from "./npm.ts";

/** Makes both below the folder, and returns the tarball's path. */
export async function pack(packed: URL): Promise<string> {
  await emptyFolder(packed);
  const [tarball] = await Promise.all([writeNpm(packed), writeJsr(new URL("jsr/", packed))]);
  return tarball;
}

if (import.meta.main) {
  const tarball = await pack(new URL("packed/", root));
  console.log(`packed/jsr/ is ready for deno publish.`);
  console.log(`${tarball}: ${(await Deno.stat(tarball)).size} bytes, for npm publish or npm install.`);
}

/** Denos as npm has them: one package for each kind of machine, with the program in it. */

const REGISTRY = Deno.env.get("npm_config_registry") ?? "https://registry.npmjs.org/";

/** Of the registry's document on a package, what is used here. */
interface Package {
  readonly versions: Readonly<Record<string, Published>>;
}

interface Published {
  readonly dist: { readonly tarball: string; readonly integrity: string };
}

/** In the user's cache. Undefined where there is none. */
export function folderOf(denos: string): string | undefined {
  const { XDG_CACHE_HOME, HOME } = Deno.env.toObject();
  const caches = XDG_CACHE_HOME ?? (HOME === undefined ? undefined : `${HOME}/.cache`);
  return caches === undefined ? undefined : `${caches}/heddle/${denos}`;
}

/** The newest first. */
export function byVersion(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  return right[0] - left[0] || right[1] - left[1] || right[2] - left[2];
}

async function answer(url: string | URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}.`);
  return response;
}

/** By version, without those that are to be tried before a release. */
export async function published(name: string): Promise<Map<string, Published>> {
  const { versions }: Package = await (await answer(new URL(name, REGISTRY.replace(/\/?$/, "/")))).json();
  return new Map(Object.entries(versions).filter(([version]) => /^\d+\.\d+\.\d+$/.test(version)));
}

/** Puts the program of a package to `file`, unless that is there. */
export async function placeDeno(name: string, version: string, file: string): Promise<void> {
  if (await isThere(file)) return console.log(`${file} is there`);
  const found = (await published(name)).get(version);
  if (found === undefined) throw new RangeError(`npm has no ${name} ${version}.`);
  const { tarball, integrity } = found.dist;
  const bytes = await (await answer(tarball)).bytes();
  const hash = `sha512-${new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64()}`;
  if (hash !== integrity) throw new Error(`${tarball} is ${hash}, and the registry says ${integrity}.`);
  const folder = file.slice(0, file.lastIndexOf("/"));
  await Deno.mkdir(folder, { recursive: true });
  const directory = await Deno.makeTempDir({ dir: folder });
  try {
    await Deno.writeFile(`${directory}/package.tgz`, bytes);
    const args = ["-xzf", `${directory}/package.tgz`, "-C", directory, "package/deno"];
    const { success } = await new Deno.Command("tar", { args }).spawn().status;
    if (!success) throw new Error(`tar ${args.join(" ")} failed.`);
    await Deno.chmod(`${directory}/package/deno`, 0o755);
    await Deno.rename(`${directory}/package/deno`, file);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  console.log(`${file}: from ${tarball}`);
}

async function isThere(file: string): Promise<boolean> {
  try {
    return (await Deno.stat(file)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * What `tests/beside/aarch64.ts` takes: qemu and a cross compiler, by apt as root; and the newest Deno for Linux on aarch64 that npm
 * has, in the user's cache. What is there stays as it is.
 */
import { byVersion, denoFolder, emulatedDeno, lacksEmulator } from "../support/aarch64.ts";

const PACKAGES = ["qemu-user-static", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"];
const REGISTRY = Deno.env.get("npm_config_registry") ?? "https://registry.npmjs.org/";
const PACKAGE = "@deno/linux-arm64-glibc";

async function command(name: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(name, { args, env: { DEBIAN_FRONTEND: "noninteractive" } })
    .spawn().status;
  if (!success) throw new Error(`${name} ${args.join(" ")} failed.`);
}

async function answer(url: string | URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}.`);
  return response;
}

/** Of the registry's document on a package, what is used here. */
interface Published {
  readonly versions: Readonly<Record<string, { dist: { tarball: string; integrity: string } }>>;
}

async function installDeno(): Promise<void> {
  const folder = denoFolder();
  if (folder === undefined) throw new Error("There is no place for a Deno: set HOME or XDG_CACHE_HOME.");
  const url = new URL(PACKAGE, REGISTRY.replace(/\/?$/, "/"));
  const { versions }: Published = await (await answer(url)).json();
  const [newest] = Object.keys(versions).filter((version) => /^\d+\.\d+\.\d+$/.test(version)).sort(byVersion);
  const file = `${folder}/deno-${newest}`;
  if (emulatedDeno() === file) return console.log(`${file} is there`);
  const { tarball, integrity } = versions[newest].dist;
  const bytes = await (await answer(tarball)).bytes();
  const hash = `sha512-${new Uint8Array(await crypto.subtle.digest("SHA-512", bytes)).toBase64()}`;
  if (hash !== integrity) throw new Error(`${tarball} is ${hash}, and the registry says ${integrity}.`);
  await Deno.mkdir(folder, { recursive: true });
  const directory = await Deno.makeTempDir({ dir: folder });
  try {
    await Deno.writeFile(`${directory}/package.tgz`, bytes);
    await command("tar", "-xzf", `${directory}/package.tgz`, "-C", directory, "package/deno");
    await Deno.chmod(`${directory}/package/deno`, 0o755);
    await Deno.rename(`${directory}/package/deno`, file);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  console.log(`${file}: from ${tarball}`);
}

const lack = await lacksEmulator();
if (lack !== undefined) {
  console.log(`apt-get install ${PACKAGES.join(" ")}: ${lack}`);
  await command("apt-get", "update");
  await command("apt-get", "install", "-y", "--no-install-recommends", ...PACKAGES);
}
await installDeno();

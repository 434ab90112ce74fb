/**
 * What `tests/beside/aarch64.ts` takes: qemu and a cross compiler, by apt as root; and the newest Deno for Linux on aarch64 that npm
 * has, in the user's cache. What is there stays as it is.
 */
import { denoFolder, lacksEmulator } from "../support/aarch64.ts";
import { byVersion, placeDeno, published } from "../support/npm_deno.ts";

const PACKAGES = ["qemu-user-static", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"];
const PACKAGE = "@deno/linux-arm64-glibc";

async function command(name: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(name, { args, env: { DEBIAN_FRONTEND: "noninteractive" } })
    .spawn().status;
  if (!success) throw new Error(`${name} ${args.join(" ")} failed.`);
}

async function installDeno(): Promise<void> {
  const folder = denoFolder();
  if (folder === undefined) throw new Error("There is no place for a Deno: set HOME or XDG_CACHE_HOME.");
  const [newest] = [...(await published(PACKAGE)).keys()].sort(byVersion);
  await placeDeno(PACKAGE, newest, `${folder}/deno-${newest}`);
}

const lack = await lacksEmulator();
if (lack !== undefined) {
  console.log(`apt-get install ${PACKAGES.join(" ")}: ${lack}`);
  await command("apt-get", "update");
  await command("apt-get", "install", "-y", "--no-install-recommends", ...PACKAGES);
}
await installDeno();

/** An aarch64 machine, emulated: qemu, Debian's cross compiler with its C library, and a Deno. `deno task test:aarch64` gets them. */
import { compilerFor, compilerVersion } from "../../native/build.ts";
import { byVersion, folderOf } from "./npm_deno.ts";
import { type Ended, outcomeOf } from "./programs.ts";

const root = new URL("../../", import.meta.url);

/** What runs the command that follows. */
export const emulator = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"];

/** Where Denos for that machine lie, each as `deno-VERSION`; undefined where nobody has a home. */
export const denoFolder = () => folderOf("aarch64");

/** The newest Deno that is there. */
export function emulatedDeno(): string | undefined {
  const folder = denoFolder();
  try {
    const names = Array.from(Deno.readDirSync(folder ?? ""), ({ name }) => name);
    const versions = names.filter((name) => /^deno-\d+\.\d+\.\d+$/.test(name)).map((name) => name.slice(5));
    return versions.length === 0 ? undefined : `${folder}/deno-${versions.sort(byVersion)[0]}`;
  } catch {
    return undefined;
  }
}

/** Why no C can be compiled for that machine and run here; undefined if it can. */
export async function lacksEmulator(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return `this is ${Deno.build.os}`;
  if (await compilerVersion("aarch64") === undefined) return `there is no ${compilerFor("aarch64")}`;
  try {
    await new Deno.Command(emulator[0], { args: ["--version"], stdout: "null" }).output();
  } catch {
    return `there is no ${emulator[0]}`;
  }
}

/** By the cross compiler, in the project's root. */
export async function compileEmulated(out: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command(compilerFor("aarch64"), { args: ["-o", out, ...args], cwd: root });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

export function runEmulated(ms: number, ...command: string[]): Promise<Ended> {
  const [program, ...args] = [...emulator, ...command];
  const child = new Deno.Command(program, {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return outcomeOf(child, ms);
}

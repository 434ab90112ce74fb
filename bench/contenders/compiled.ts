import { requireGcc } from "./gcc.ts";

await requireGcc();

/** The C program of that name in this folder. It stays for as long as the process of the contender. */
export async function compiled(name: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  const program = `${directory}/${name}`;
  const source = new URL(`${name}.c`, import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command("gcc", { args: ["-O2", "-o", program, source] })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  return program;
}

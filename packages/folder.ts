/** Files and commands, for what makes the packages and the site. */

/** The project's folder. */
export const root = new URL("../", import.meta.url);

/** An empty folder, whatever was there. */
export async function emptyFolder(folder: URL): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  await Deno.mkdir(folder, { recursive: true });
}

/** A file of the project, with the folders that it takes there. */
export async function copy(path: string, to: URL): Promise<void> {
  await Deno.mkdir(new URL(".", to), { recursive: true });
  await Deno.copyFile(new URL(path, root), to);
}

/** The same with its text given. */
export async function write(to: URL, text: string): Promise<void> {
  await Deno.mkdir(new URL(".", to), { recursive: true });
  await Deno.writeTextFile(to, text);
}

export interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command says; an error with all of it if it fails. */
export async function run(command: string, args: readonly string[], cwd: URL): Promise<Said> {
  const env = { NO_COLOR: "1" };
  const output = await new Deno.Command(command, { args: [...args], env, cwd }).output();
  const [stdout, stderr] = [output.stdout, output.stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!output.success) throw new Error(`${command} ${args.join(" ")}\n${stdout}${stderr}`);
  return { stdout, stderr };
}

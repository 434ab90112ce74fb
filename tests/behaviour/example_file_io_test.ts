import { assertEquals, assertMatch } from "@std/assert";

const program = new URL("../../examples/file_io.ts", import.meta.url).pathname;
const text = new TextDecoder();

async function run(command: string, args: string[], cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { LC_ALL: "C", NO_COLOR: "1" },
  }).output();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** The program's output for `tree` below `directory`, and that of sha256sum for the files that find finds there. */
async function both(directory: string, prefix: string[] = []) {
  const hash = [Deno.execPath(), "run", "--quiet", "-A", program, "tree"];
  const reference = ["sh", "-c", "find tree -type f -print0 | sort -z | xargs -0 sha256sum"];
  return await Promise.all([hash, reference].map((words) => {
    const [command, ...args] = [...prefix, ...words];
    return run(command, args, directory);
  }));
}

async function inTree(make: (tree: string) => void, test: (directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    Deno.mkdirSync(`${directory}/tree`);
    make(`${directory}/tree`);
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("file_io prints what sha256sum prints, of odd names, empty and large files, and follows no link", async () => {
  const large = new Uint8Array(20_000_003);
  for (let i = 0; i < large.length; i++) large[i] = i * i >>> 5;
  const files: Record<string, Uint8Array> = {
    "empty": new Uint8Array(),
    "one": new Uint8Array(1),
    "a chunk": large.subarray(0, 1 << 18),
    "a chunk and a byte": large.subarray(0, (1 << 18) + 1),
    "large": large,
    ".hidden": new Uint8Array(3),
    "-n": new Uint8Array(4),
    "*?[x] $HOME 'quoted' \"twice\" %s": new Uint8Array(5),
    "two\nlines": new Uint8Array(6),
    "back\\slash": new Uint8Array(7),
    "grüße 🧵": new Uint8Array(8),
    "deep/er/and deeper/file": new Uint8Array(9),
  };
  for (let i = 0; i < 300; i++) files[`many/${i}`] = large.subarray(i, 1000 * i);
  const make = (tree: string) => {
    for (const folder of ["deep/er/and deeper", "many", "no file"]) {
      Deno.mkdirSync(`${tree}/${folder}`, { recursive: true });
    }
    for (const [name, bytes] of Object.entries(files)) Deno.writeFileSync(`${tree}/${name}`, bytes);
    Deno.symlinkSync("large", `${tree}/link`);
    Deno.symlinkSync("..", `${tree}/loop`);
    Deno.symlinkSync("nowhere", `${tree}/dangling`);
  };
  await inTree(make, async (directory) => {
    const [ours, reference] = await both(directory);
    assertEquals([ours.code, reference.code], [0, 0], ours.stderr + reference.stderr);
    // The order of sort(1) in the C locale is that of the bytes.
    assertEquals(ours.stdout, reference.stdout);
    const count = Object.keys(files).length;
    const bytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    assertMatch(ours.stderr, new RegExp(`^${count} files, ${bytes} bytes, \\d+\\.\\d\\d s\n$`));
  });
});

/** A command that runs another one without the right to read every file, or why there is none. */
async function withoutPrivilege(): Promise<{ prefix: string[] } | { obstacle: string }> {
  if (Deno.uid() !== 0) return { prefix: [] };
  const prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
  try {
    const { success, stderr } = await new Deno.Command(prefix[0], { args: [...prefix.slice(1), "true"] })
      .output();
    return success ? { prefix } : { obstacle: text.decode(stderr).trim() };
  } catch (error) {
    return { obstacle: `this is root, which may read every file, and setpriv: ${(error as Error).message}` };
  }
}

const privilege = await withoutPrivilege();
if ("obstacle" in privilege) console.log(`Unreadable files are not tested: ${privilege.obstacle}`);

Deno.test({
  name: "file_io names the files and directories that it cannot read, and hashes the others",
  ignore: "obstacle" in privilege,
  async fn() {
    const { prefix } = privilege as { prefix: string[] };
    const make = (tree: string) => {
      for (const name of ["first", "secret", "zlast"]) Deno.writeTextFileSync(`${tree}/${name}`, name);
      Deno.mkdirSync(`${tree}/closed`);
      Deno.chmodSync(`${tree}/secret`, 0);
      Deno.chmodSync(`${tree}/closed`, 0);
    };
    await inTree(make, async (directory) => {
      const [ours, reference] = await both(directory, prefix);
      assertEquals(ours.stdout, reference.stdout);
      assertEquals(ours.stdout.split("\n").length, 3);
      assertEquals(ours.code, 1);
      assertMatch(
        ours.stderr,
        /^file_io: tree\/closed: Permission denied.*\nfile_io: tree\/secret: Permission denied.*\n2 files, 10 bytes, .*\n$/,
      );
    });
  },
});

Deno.test("file_io names a directory that does not exist, and shows its usage for anything else", async () => {
  await inTree(() => {}, async (directory) => {
    const hash = (...args: string[]) =>
      run(Deno.execPath(), ["run", "--quiet", "-A", program, ...args], directory);
    const none = await hash("none");
    assertEquals([none.code, none.stdout], [1, ""]);
    assertMatch(none.stderr, /^file_io: none: No such file or directory/);
    assertEquals(await hash(), { code: 2, stdout: "", stderr: "Usage: file_io DIRECTORY\n" });
    assertEquals((await hash("--all", "tree")).code, 2);
  });
});

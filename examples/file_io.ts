/**
 * Hashes every file under a directory: `deno task file-io DIRECTORY`. It prints what `sha256sum` prints, sorted by path;
 * a progress bar, what could not be read and a total go to standard error. Exits with 1 if something could not be read.
 *
 * There is a task for every file. As many as there are Ps hash at the same time, and any number wait for the disk.
 */
import { Scheduler } from "@heddle/heddle";
import { parseArgs } from "@std/cli/parse-args";
// @ts-types="@types/cli-progress"
import { Presets, SingleBar } from "cli-progress";
import { type Hashed, sha256 } from "./file_io/sha256.ts";

/** As sha256sum prints it: a name with a backslash or the end of a line in it is escaped, and the line says so. */
function line(path: string, { hash }: Hashed): string {
  const names: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };
  const escaped = path.replace(/[\\\n\r]/g, (character) => names[character]);
  return `${escaped === path ? "" : "\\"}${hash}  ${escaped}`;
}

/** Calls back for each file under a directory, and for each directory that cannot be read. No link is followed. */
async function walk(
  root: string,
  onFile: (path: string) => void,
  onError: (path: string, error: Error) => void,
): Promise<void> {
  const directories = [root];
  for (let directory; (directory = directories.pop()) !== undefined;) {
    try {
      for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
        const path = directory.endsWith("/") ? directory + name : `${directory}/${name}`;
        if (isDirectory) directories.push(path);
        else if (isFile) onFile(path);
      }
    } catch (error) {
      onError(directory, error as Error);
    }
  }
}

async function main(root: string): Promise<number> {
  await using sched = await Scheduler.start();
  const start = performance.now();
  const lines = new Map<string, string>();
  const failures: string[] = [];
  let bytes = 0;
  // With gracefulExit it would listen for SIGINT, and the program would not end by it. Without a terminal it shows nothing.
  const bar = new SingleBar(
    { format: "{bar} {value} of {total} files", gracefulExit: false },
    Presets.legacy,
  );
  const fail = (path: string, { message }: Error) => void failures.push(`file_io: ${path}: ${message}`);
  const hash = async (path: string) => {
    try {
      const hashed = await sched.go(sha256(path));
      bytes += hashed.bytes;
      lines.set(path, line(path, hashed));
    } catch (error) {
      fail(path, error as Error);
    }
    bar.increment();
  };

  const tasks: Promise<void>[] = [];
  bar.start(0, 0);
  await walk(root, (path) => bar.setTotal(tasks.push(hash(path))), fail);
  await Promise.all(tasks);
  bar.stop();

  for (const path of [...lines.keys()].sort()) console.log(lines.get(path)!);
  for (const failure of failures.sort()) console.error(failure);
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  console.error(`${lines.size} files, ${bytes} bytes, ${seconds} s`);
  return failures.length === 0 ? 0 : 1;
}

const { _: directories, ...options } = parseArgs(Deno.args, { string: ["_"] });
if (directories.length !== 1 || Object.keys(options).length > 0) {
  console.error("Usage: file_io DIRECTORY");
  Deno.exit(2);
}
Deno.exit(await main(String(directories[0])));

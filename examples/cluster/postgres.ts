/** PostgreSQL on the loopback interface, with its files in a temporary folder that goes when it ends. */
import { freePort } from "./redis.ts";

export const GET_POSTGRES =
  `Start one with "deno task cluster postgres", which needs PostgreSQL's programs. ` +
  `Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql.`;

/** Where Debian has them: outside of the PATH, by version. */
const DEBIAN = "/usr/lib/postgresql";

/** The folder of its programs; undefined if they are not installed. */
export async function postgresPrograms(): Promise<string | undefined> {
  const { stdout } = await new Deno.Command("which", { args: ["pg_isready", "initdb"] }).output();
  const folders = new TextDecoder().decode(stdout).split("\n").map((path) => path.replace(/\/[^/]*$/, ""));
  try {
    const versions = [...Deno.readDirSync(DEBIAN)].map(({ name }) => Number(name)).sort((a, b) => b - a);
    folders.unshift(...versions.map((version) => `${DEBIAN}/${version}/bin`));
  } catch {
    // Another system.
  }
  return folders.find((folder) =>
    ["initdb", "postgres", "pg_isready"].every((name) => isThere(`${folder}/${name}`))
  );
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  readonly status: Promise<Deno.CommandStatus>;
}

export async function startPostgres(port = freePort()): Promise<PostgresServer> {
  const programs = await postgresPrograms();
  if (programs === undefined) throw new Error(`PostgreSQL is not installed.\n${GET_POSTGRES}`);
  const user = nobody();
  const directory = await Deno.makeTempDir({ prefix: "heddle-postgres-" });
  if (user.uid !== undefined) await Deno.chown(directory, user.uid, user.gid!);
  const data = `${directory}/data`;
  const initdb = new Deno.Command(`${programs}/initdb`, {
    args: ["-D", data, "-U", "heddle", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"],
    cwd: directory,
    ...user,
  });
  const { success, stderr } = await initdb.output();
  if (!success) throw new Error(`initdb failed: ${new TextDecoder().decode(stderr)}`);
  const process = new Deno.Command(`${programs}/postgres`, {
    args: ["-D", data, "-h", "127.0.0.1", "-p", String(port), "-k", directory, "-c", "max_connections=200"],
    cwd: directory,
    stdout: "null",
    stderr: "null",
    ...user,
  }).spawn();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  const isReady = new Deno.Command(`${programs}/pg_isready`, {
    args: ["-h", "127.0.0.1", "-p", String(port)],
  });
  while (!(await isReady.output()).success) {
    if (hasEnded) throw new Error(`postgres ended at once: is port ${port} taken?`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `postgres://heddle@127.0.0.1:${port}/postgres`,
    status: process.status,
    async [Symbol.asyncDispose]() {
      if (!hasEnded) process.kill("SIGINT"); // ends its sessions, and itself
      await process.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** PostgreSQL refuses to run as root: then as the user that its package has made. */
function nobody(): { uid?: number; gid?: number } {
  if (Deno.uid() !== 0) return {};
  const [, , uid, gid] = Deno.readTextFileSync("/etc/passwd").split("\n")
    .map((line) => line.split(":")).find(([name]) => name === "postgres") ?? [];
  if (uid === undefined) throw new Error("PostgreSQL does not run as root, and there is no user postgres.");
  return { uid: Number(uid), gid: Number(gid) };
}

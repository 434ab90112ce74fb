/**
 * Tries to get out of a box in all the ways of escapes.c: `deno task escapes [NAME…]`. Nothing may be read or changed, nobody
 * may die, and all has to end. Root does it once more as nobody. Races take 100,000 tries, or as many as `--tries=N` says.
 *
 * A trick that would fail anyway shows nothing: those that need no rights are first tried without a wall, and must succeed.
 */

import type { PermissionOptions, Platform, SandboxOptions } from "../../examples/sandbox/sandbox.ts";
import { closeBoxes, compiled, hasProgram, inBox, obstacle } from "../support/boxes.ts";

/** Each reads the secret, or changes what is outside, where there is no wall. */
const mustSucceed = [
  "plain",
  "relative",
  "symbolic_link",
  "hard_link",
  "moved_out",
  "exchanged",
  "parent_moved",
  "path_descriptor",
  "directory_descriptor",
  "by_child",
  "other_opens",
  "passed_descriptor",
  "shared_memory",
  "own_listener",
  "interpreted",
  "by_loader",
  "from_memory",
  "path_race",
  "link_race",
  "directory_race",
  "exec_race",
  "long_paths",
  "changed",
];
/** Rights alone make these: with root's they must succeed too. Their mounts are in a namespace of their own. */
const mustSucceedForRoot = ["bind_mount", "by_handle", "by_victim", "traced", "stolen_descriptor", "tree"];

/** Longer is a hang. Two races of 100,000 tries are the longest; each of them is a call for a policy. */
const LONGEST = 30_000, LONGEST_POLICED = 180_000;
/** So often the supervisor is killed each way. */
const MOMENTS = 5;
/** What they reach is allowed by the permissions: the loopback device of the box, a program beside the secret. */
const onlyPoliced = ["other_addresses", "connect_race", "socket_race", "datagram_race", "exec_race"];
/** A policy is not asked about modes, owners and times: here the permissions let it change those. */
const notPoliced = ["changed"];
/** The platform ptrace reads what the kernel then reads again: README.md says that these win there. */
const winOverPtrace = ["path_race", "link_race", "directory_race"];

interface Place {
  readonly base: string;
  readonly work: string;
  readonly secret: string;
  readonly outside: string;
  readonly token: string;
}

async function makePlace(): Promise<Place> {
  const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "heddle-escapes-" }));
  const token = crypto.randomUUID();
  const place = {
    base,
    work: `${base}/work`,
    secret: `${base}/closed/secret`,
    outside: `${base}/outside`,
    token,
  };
  for (const name of ["work", "closed", "outside"]) await Deno.mkdir(`${base}/${name}`);
  await Deno.writeTextFile(place.secret, token);
  await Deno.copyFile("/bin/cat", `${base}/closed/reader`);
  await Deno.chmod(place.secret, 0o600);
  return place;
}

/** What must stay as it is. */
async function stateOf({ base, secret, outside, token }: Place): Promise<string> {
  try {
    const { mode, uid, gid, mtime, nlink } = await Deno.lstat(secret);
    const directory = await Deno.lstat(outside);
    const names = (await Array.fromAsync(Deno.readDir(outside), ({ name }) => name)).join();
    const text = await Deno.readTextFile(secret) === token ? "same" : "other text";
    return [mode, uid, gid, mtime?.getTime(), nlink, directory.mode, directory.uid, names, text].join(" ");
  } catch (error) {
    const { name } = error as Error;
    return `${name}: ${(await Array.fromAsync(Deno.readDir(base), ({ name }) => name)).join()}`;
  }
}

/** The walls that are tried: the secret is not among what is allowed, or denied inside of what is allowed. */
function wallsOf({ base, work, secret, outside }: Place): Record<string, PermissionOptions> {
  const system = ["/usr", "/lib", "/lib64", "/etc", "/proc", "/dev"].filter((path) => {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  });
  return {
    allowed: { read: [work, ...system], write: [work], run: true },
    denied: {
      read: { allow: true, deny: [secret] },
      write: { allow: [base], deny: [outside, secret] },
      run: true,
      net: true,
    },
    open: {
      read: { allow: true, deny: [secret] },
      write: { allow: true, deny: [outside, secret] },
      run: true,
      net: true,
      env: true,
    },
  };
}

/** Permissions that would let it read the secret, and a policy that does not. */
const policed: PermissionOptions = { read: true, write: ["/tmp"], run: true, env: true };

function policyFor({ base, outside }: Place): URL {
  const policy = new URL("policy.ts", import.meta.url);
  policy.searchParams.append("closed", `${base}/closed`);
  policy.searchParams.append("closed", outside);
  return policy;
}

async function withoutWall(program: string, trick: string, place: Place, args: string[]): Promise<boolean> {
  const before = await stateOf(place);
  const namespace = Deno.uid() === 0 ? ["unshare", "-m", "--propagation", "private"] : [];
  const [command, ...rest] = [...namespace, program, trick, ...args];
  const child = new Deno.Command(command, { args: rest, cwd: place.work, stderr: "null" });
  const { stdout } = await child.output();
  const text = new TextDecoder().decode(stdout);
  return text.includes(place.token) || text.includes("LEAK") || await stateOf(place) !== before;
}

/** What went wrong, if anything did. */
async function tried(
  program: string,
  trick: string,
  place: Place,
  args: string[],
  permissions: PermissionOptions,
  { trace, policy, platform }: { trace?: SandboxOptions["trace"]; policy?: URL; platform?: Platform },
): Promise<string | undefined> {
  const before = await stateOf(place);
  const longest = policy || platform === "ptrace" || trace === "results" ? LONGEST_POLICED : LONGEST;
  const start = performance.now();
  const { code, stdout } = await inBox([program, trick, ...args], {
    cwd: place.work,
    permissions,
    limits: { timeout: longest },
    policy,
    platform,
    trace,
  });
  if (performance.now() - start >= longest) return "it did not end";
  if (stdout.includes(place.token)) return "the secret was read";
  const leak = /^LEAK: .*$/m.exec(stdout);
  if (leak) return leak[0];
  const after = await stateOf(place);
  if (after !== before) return `outside has changed from ${before} to ${after}`;
  const killed = code === 128 + 31 && trick === "x32_and_32_bit" ||
    code === 128 + 14 && trick === "fault_race";
  // A trick that kills itself or everybody in its box has ended too.
  if (code !== 0 && !killed && trick !== "signals") return `it ended with ${code}`;
}

async function emptied(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    await new Deno.Command("rm", { args: ["-rf", `${directory}/${name}`] }).output();
  }
}

/** Also for who may not write the lock file, or is elsewhere. */
const runDeno = [
  "run",
  "--quiet",
  "-A",
  "--no-lock",
  "--config",
  new URL("../../deno.json", import.meta.url).pathname,
];

const TRIES = /^--tries=(\d+)$/;
/** With fewer than 20,000 a race may be lost even without a wall, which is said. */
const triesOfRaces = Deno.args.map((argument) => TRIES.exec(argument)?.[1]).find((given) =>
  given !== undefined
);
const SUPERVISOR_KILLED = "supervisor_killed";

/**
 * The supervisor dies while calls wait for its answers. The program asks for the secret all the time, in two processes: it
 * has to end, and gets nothing in between. The platform or the policy alone is what keeps the secret here.
 */
async function supervisorKilled(place: Place, fail: (message: string) => void): Promise<number> {
  const policy = `${place.base}/policy.ts`;
  const closed = JSON.stringify(`${place.base}/closed`);
  await Deno.writeTextFile(
    policy,
    `export default ({ path }) => path?.startsWith(${closed}) ? "deny" : "allow";`,
  );
  const system = ["/usr", "/etc"];
  const ways: Record<string, Partial<SandboxOptions>> = {
    "with a policy": { policy, permissions: { read: true } },
    "on the platform ptrace": { platform: "ptrace", permissions: { read: system } },
    "with a trace": { trace: "refused", permissions: { read: system } },
    "with a trace of results": { trace: "results", permissions: { read: system } },
  };
  const script =
    'for i in 1 2; do while :; do read line < "$0" && echo "$line"; done & done 2> /dev/null; echo ready; wait';
  for (const [way, options] of Object.entries(ways)) {
    for (let time = 0; time < MOMENTS; time++) {
      const command = { ...options, command: ["sh", "-c", script, place.secret] };
      const child = new Deno.Command(Deno.execPath(), {
        args: [...runDeno, new URL("supervises.ts", import.meta.url).pathname, JSON.stringify(command)],
        cwd: place.work,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const ended = new AbortController();
      let stdout = "", isReady = () => {};
      const ready = new Promise<void>((resolve) => isReady = resolve);
      const reading = (async () => {
        for await (
          const text of child.stdout.pipeThrough(new TextDecoderStream(), { signal: ended.signal })
        ) {
          stdout += text;
          isReady();
        }
      })();
      await Promise.race([ready, reading]);
      await new Promise((resolve) => setTimeout(resolve, time * 7)); // another moment each time
      child.kill("SIGKILL");
      await child.status;
      // The pipe ends when the last process of the box has.
      const timer = setTimeout(() => ended.abort(), LONGEST);
      await reading.catch(() => fail(`${SUPERVISOR_KILLED} ${way}: the program goes on`));
      clearTimeout(timer);
      if (stdout !== "ready\n") {
        fail(`${SUPERVISOR_KILLED} ${way}: it wrote ${JSON.stringify(stdout.slice(0, 99))}`);
      }
    }
  }
  return Object.keys(ways).length * MOMENTS;
}

async function tryAll(wanted: readonly string[]): Promise<number> {
  const user = Deno.uid() === 0 ? "root" : `user ${Deno.uid()}`;
  const builds = await Deno.makeTempDir({ prefix: "heddle-escapes-" });
  const program = await compiled(
    builds,
    await Deno.readTextFile(new URL("escapes.c", import.meta.url)),
    ...(triesOfRaces === undefined ? [] : [`-DTRIES=${triesOfRaces}`]),
  );
  await Deno.chmod(builds, 0o755);
  const listed = new TextDecoder().decode((await new Deno.Command(program).output()).stdout).trim().split(
    "\n",
  );
  const tricks = listed.filter((name) => wanted.length === 0 || wanted.includes(name));
  const place = await makePlace();
  const server = `heddle-${place.token}`;
  const victim = new Deno.Command(program, {
    args: ["victim", place.secret, place.outside, "0", server],
    stdout: "piped",
  }).spawn();
  const reader = victim.stdout.getReader();
  await reader.read(); // it is ready
  const args = [place.secret, place.outside, String(victim.pid), server];
  let failures = 0, tries = 0;
  const fail = (message: string) => {
    failures++;
    console.log(`${user}: ${message}`);
  };
  for (const trick of tricks) {
    const isSure = mustSucceed.includes(trick) || user === "root" && mustSucceedForRoot.includes(trick);
    if (isSure) {
      const own = await makePlace(); // it may be left in any state
      const ownArgs = [own.secret, own.outside, String(victim.pid), server];
      const isForeign = ["passed_descriptor", "shared_memory"].includes(trick); // this is the victim's secret
      const seen = { ...own, token: isForeign ? place.token : own.token };
      if (!await withoutWall(program, trick, seen, ownArgs)) {
        fail(`${trick} does nothing even without a wall`);
      }
      await new Deno.Command("rm", { args: ["-rf", own.base] }).output();
    }
    if (!notPoliced.includes(trick)) {
      tries++;
      const wrong = await tried(program, trick, place, args, policed, { policy: policyFor(place) })
        .catch(String);
      if (wrong) fail(`${trick} under a policy: ${wrong}`);
      await emptied(place.work);
    }
    if (!onlyPoliced.includes(trick) && !winOverPtrace.includes(trick)) {
      tries++;
      const { allowed } = wallsOf(place);
      const wrong = await tried(program, trick, place, args, allowed, { platform: "ptrace" }).catch(String);
      if (wrong) fail(`${trick} on the platform ptrace: ${wrong}`);
      await emptied(place.work);
    }
    for (const [wall, permissions] of onlyPoliced.includes(trick) ? [] : Object.entries(wallsOf(place))) {
      for (const trace of [undefined, "refused", "results"] as const) {
        // Traced calls of races take long, and the kernel's answer is the same.
        if (
          trace &&
          (wall !== "denied" || ["flood", "path_race", "link_race", "directory_race"].includes(trick))
        ) continue;
        tries++;
        const what = `${trick} behind the wall "${wall}"${trace ? `, traced (${trace})` : ""}`;
        const wrong = await tried(program, trick, place, args, permissions, { trace }).catch(String);
        if (wrong) fail(`${what}: ${wrong}`);
        await emptied(place.work);
      }
    }
  }
  if (wanted.length === 0 || wanted.includes(SUPERVISOR_KILLED)) tries += await supervisorKilled(place, fail);
  try {
    victim.kill("SIGTERM");
  } catch {
    fail("the process outside has died");
  }
  await reader.cancel();
  await victim.status;
  for (const directory of [place.base, builds]) {
    await new Deno.Command("rm", { args: ["-rf", directory] }).output();
  }
  console.log(`${user}: ${tricks.length} tricks, ${tries} tries, ${failures} failures`);
  return failures;
}

/** Root tries as nobody too: with a Deno and a cache that nobody may use. */
async function asNobody(wanted: readonly string[]): Promise<number> {
  const home = await Deno.makeTempDir({ prefix: "heddle-escapes-" });
  try {
    await Deno.copyFile(Deno.execPath(), `${home}/deno`);
    await Deno.mkdir(`${home}/cache`);
    for (const path of [home, `${home}/deno`]) await Deno.chmod(path, 0o755);
    await Deno.chmod(`${home}/cache`, 0o777);
    const { code } = await new Deno.Command("setpriv", {
      args: [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        `${home}/deno`,
        ...runDeno,
        new URL(import.meta.url).pathname,
        ...wanted,
      ],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", DENO_DIR: `${home}/cache` },
      cwd: "/",
      stdout: "inherit",
      stderr: "inherit",
    }).output();
    return code;
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const reason = await obstacle() ?? (await hasProgram("gcc") ? undefined : "gcc is not on PATH");
if (reason) {
  console.log(`The escapes are not tried: ${reason}`);
  Deno.exit(0);
}
let failures = await tryAll(Deno.args.filter((argument) => !TRIES.test(argument)));
await closeBoxes();
if (Deno.uid() === 0) {
  if (await hasProgram("setpriv")) failures += await asNobody(Deno.args);
  else console.log("Not tried as nobody: setpriv is not on PATH.");
}
Deno.exit(failures > 0 ? 1 : 0);

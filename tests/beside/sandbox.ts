import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ControlGroup } from "../../examples/sandbox/cgroup.ts";
import { addressText } from "../../examples/sandbox/intercepted_call.ts";
import { closeAll, launch, reap } from "../../examples/sandbox/launch.ts";
import { Needs } from "../../examples/sandbox/needs.ts";
import { permissionsOf } from "../../examples/sandbox/permissions.ts";
import { noWall } from "../../examples/sandbox/wall.ts";
import {
  CannotEnforce,
  PermissionError,
  type PermissionOptions,
  ProgramError,
  sandbox,
} from "../../examples/sandbox/sandbox.ts";
import {
  bare,
  boxScheduler,
  closeBoxes,
  compiled,
  hasProgram,
  inBox,
  obstacle,
  testsOfBoxes,
} from "../support/boxes.ts";
import { until } from "../support/deadline.ts";

const reason = await obstacle();
if (reason) console.log(`The sandbox is not tested: ${reason}`);
const hasCompiler = await hasProgram("gcc");
if (!hasCompiler) console.log("Not tested, as gcc is not on PATH: calls that only C makes, in the sandbox.");
const isRoot = Deno.uid() === 0;
const hasUserfaults = await Deno.lstat("/dev/userfaultfd").then(() => true, () => false);

const test = testsOfBoxes("sandbox", reason);

const root = new URL("../../", import.meta.url);

/** The command line, in a process of its own. */
function start(args: readonly string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
  const main = new URL("examples/sandbox/main.ts", root).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", main, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  }).spawn();
}

async function outcome(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

const shell = (script: string, ...args: string[]) => ["sh", "-c", script, "sh", ...args];
const everything: PermissionOptions = { all: true };

test("a program's output is what it is without", async () => {
  const command = ["/bin/ls", "-l", "/usr"];
  const { code, stdout, stderr } = await inBox(command, { permissions: { read: true } });
  // Outside of root's rights the box has one user: files of others have nobody's name.
  if (isRoot) assertEquals({ code, stdout, stderr }, await bare(command));
  else assertEquals({ code, stderr }, { code: 0, stderr: "" });
});

test("without permissions there is nothing but the program, its libraries and a few devices", async (directory) => {
  await Deno.writeTextFile(`${directory}/file`, "secret");
  const script = `
    cat < file; echo x > new; echo x >> file; ls; cat < /proc/self/environ; cat < /etc/passwd; echo x > /dev/null
    set; for name in *; do echo "$name"; done`;
  const { stdout, stderr } = await inBox(shell(script), { cwd: directory });
  assert(!stdout.includes("secret") && !stdout.includes("file\n"), stdout);
  assert(!stdout.includes("HOME="), stdout);
  assertEquals(stderr.trim().split("\n").length, 6, stderr);
  assertEquals(await Array.fromAsync(Deno.readDir(directory), ({ name }) => name), ["file"]);
});

for (
  const [kind, script] of [
    ["read", "cat file"],
    ["read", "cat folder/file"],
    ["read", "cat link"],
    ["read", "ls folder"],
    ["write", "echo x > file"],
    ["write", "echo x > folder/new"],
    ["write", "rm folder/file"],
    ["write", "mv folder/file folder/other"],
    ["write", "mkdir folder/inner"],
    ["write", "ln -s /nowhere folder/link"],
    ["write", "chmod 600 file"],
    ["write", "touch -d 2001-01-01 file"],
    ["write", "truncate -s 1 file"],
    ["run", "./program"],
  ] as const
) {
  test(`--allow-${kind} is what "${script}" takes`, async (directory) => {
    await Deno.mkdir(`${directory}/folder`);
    await Deno.writeTextFile(`${directory}/file`, "text");
    await Deno.writeTextFile(`${directory}/folder/file`, "text");
    await Deno.symlink("folder/file", `${directory}/link`);
    await Deno.writeTextFile(`${directory}/program`, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const tools = ["cat", "ls", "rm", "mv", "mkdir", "ln", "chmod", "touch", "truncate"];
    const permissions = { run: tools, read: kind === "write" ? [directory] : [] };
    const denied = await inBox(shell(script), { cwd: directory, permissions });
    assert(denied.code > 0, `${script} was not refused`);
    assertMatch(denied.stderr, /Permission denied|Read-only file system/);
    const list = kind === "run" ? [...tools, `${directory}/program`] : [directory];
    const allowed = await inBox(shell(script), {
      cwd: directory,
      permissions: { ...permissions, [kind]: list },
    });
    assertEquals([allowed.code, allowed.stderr], [0, ""]);
  });
}

for (
  const [way, script] of [
    ["its name", "cat secret"],
    ["a relative path", "cat ./folder/../secret"],
    ["a symbolic link", "cat link"],
    ["a symbolic link that it makes", "ln -s secret new && cat new"],
    ["a hard link that it makes", "ln secret new && cat new"],
    ["another name that it gives", "mv secret new && cat new"],
    ["the root of its own process", "cat /proc/self/root$PWD/secret"],
    ["the root of another process of its box", "sleep 0.1 & cat /proc/$!/root$PWD/secret"],
    ["its working directory", "cd folder && cat /proc/self/cwd/../secret"],
    ["the shell's own descriptor", "exec 3>>secret; cat /proc/self/fd/3"],
    ["a name below a denied directory", "cat closed/file"],
    ["a change of its mode", "chmod 777 closed; chmod 777 secret; cat closed/file secret"],
    ["a mount", "umount secret; umount closed; mount --bind . /mnt && cat /mnt/secret"],
    ["a namespace", "unshare -rm sh -c 'umount secret; cat secret'"],
    ["execution", "closed/program"],
  ] as const
) {
  test(`what is denied inside of what is allowed cannot be read through ${way}`, async (directory) => {
    await Deno.mkdir(`${directory}/folder`);
    await Deno.mkdir(`${directory}/closed`);
    await Deno.writeTextFile(`${directory}/secret`, "secret");
    await Deno.symlink("secret", `${directory}/link`);
    await Deno.writeTextFile(`${directory}/closed/file`, "secret");
    await Deno.writeTextFile(`${directory}/closed/program`, "#!/bin/sh\necho secret\n", { mode: 0o755 });
    const run = true;
    const options = (deny: string[]) => ({
      cwd: directory,
      permissions: { run, write: [directory], read: { allow: true, deny } },
    });
    // The same without a denial, so that the test fails when the script reads nothing anyway.
    const isImpossible = way === "a mount" || way === "a namespace";
    const allowed = isImpossible ? { stdout: "secret" } : await inBox(shell(script), options([]));
    assertStringIncludes(allowed.stdout, "secret");
    for (const file of ["new"]) await Deno.remove(`${directory}/${file}`).catch(() => {});
    await Deno.writeTextFile(`${directory}/secret`, "secret");
    const denied = await inBox(shell(script), options(["secret", "closed"]));
    assert(!denied.stdout.includes("secret"), `${denied.stdout} ${denied.stderr}`);
    assert(denied.code > 0);
    assertEquals(await Deno.readTextFile(`${directory}/secret`), "secret");
  });
}

test("what may be written can have parts that may not", async (directory) => {
  await Deno.writeTextFile(`${directory}/fixed`, "old");
  const permissions = {
    write: { allow: [directory], deny: ["fixed"] },
    read: [directory],
    run: ["rm", "mv"],
  };
  const { stdout, stderr } = await inBox(
    shell("echo new > fixed; rm -f fixed; mv fixed other; echo new > free; read text < fixed; echo $text"),
    { cwd: directory, permissions },
  );
  assertEquals(await Deno.readTextFile(`${directory}/fixed`), "old");
  assertEquals(await Deno.readTextFile(`${directory}/free`), "new\n");
  assertEquals([stdout, stderr.trim().split("\n").length], ["old\n", 3], stderr);
});

test("what is denied keeps its name: what it is in cannot be moved away", async (directory) => {
  await Deno.mkdir(`${directory}/a/b`, { recursive: true });
  await Deno.writeTextFile(`${directory}/a/b/fixed`, "old");
  const script = "mv a c; mv a/b a/d; echo free > a/b/free; rmdir a/b; read x < a/b/free; echo $x";
  for (
    const denied of [
      { write: { allow: [directory], deny: ["a/b/fixed"] }, read: true },
      { write: [directory], read: { allow: true, deny: ["a/b/fixed"] } },
    ]
  ) {
    const permissions = { ...denied, run: ["mv", "rmdir"] };
    const { stdout, stderr } = await inBox(shell(script), { cwd: directory, permissions });
    assertEquals([stdout, stderr.match(/busy/g)?.length], ["free\n", 3], stderr);
    assertEquals(await Deno.readTextFile(`${directory}/a/b/fixed`), "old");
  }
});

test("the environment is empty but for what is allowed", async () => {
  const env = { A: "1", B: "2", PATH: "/usr/bin:/bin" };
  const run = async (allowed: PermissionOptions["env"]) =>
    (await inBox(["/usr/bin/env"], { env, permissions: { env: allowed } })).stdout;
  assertEquals(await run(undefined), "");
  assertEquals(await run(["A"]), "A=1\n");
  assertEquals(await run({ allow: true, deny: ["B", "PATH"] }), "A=1\n");
});

test(
  "without a network only the loopback device of the box is there, and no socket of the machine",
  async (directory) => {
    using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    using unix = Deno.listen({ transport: "unix", path: `${directory}/socket` });
    assert(unix);
    const program = `
import socket, threading
def attempt(name, run):
    try: run(); print(name, "works")
    except OSError as error: print(name, error.strerror)
def own():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname()).close()
def unix(): socket.socket(socket.AF_UNIX).connect("${directory}/socket")
attempt("own", own)
attempt("tcp", lambda: socket.create_connection(("127.0.0.1", ${tcp.addr.port}), 2).close())
attempt("unix", unix)
attempt("pair", lambda: socket.socketpair()[0].close())
attempt("datagrams", lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("udp", lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("10.0.0.1", 53)))
`;
    const command = ["/usr/bin/python3", "-c", program];
    const read = { allow: true };
    const { stdout } = await inBox(command, { permissions: { read } });
    assertEquals(
      stdout,
      "own works\ntcp Connection refused\nunix Permission denied\npair works\ndatagrams Permission denied\n" +
        "vsock Permission denied\nudp Network is unreachable\n",
    );
    const ports = await inBox(command, { permissions: { read, net: [`:${tcp.addr.port}`] } });
    assertMatch(ports.stdout, /^own Permission denied.*\ntcp works\nunix Permission denied\n/);
    assertMatch(ports.stdout, /\nudp Permission denied\n$/);
    const all = await inBox(command, { permissions: { read, net: true } });
    assertMatch(all.stdout, /^own works\ntcp works\nunix works\npair works\ndatagrams works\n/);
  },
  !await hasProgram("/usr/bin/python3"),
);

test("a box has processes, a /proc and privileges of its own", async () => {
  const script = `
    ps -e -o pid= | wc -l
    grep -E "^(Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs)" /proc/self/status
    kill -9 1; kill -9 $PPID; echo alive
    echo x > /proc/sys/kernel/core_pattern; echo 1 > /proc/sysrq-trigger; echo x > /sys/kernel/uevent_helper
    cat /proc/1/environ; ls /proc/1/root/; head -c 1 /dev/?da`;
  const { stdout, stderr } = await inBox(shell(script), { permissions: { ...everything, net: false } });
  const [processes, ...lines] = stdout.trim().split("\n");
  assert(Number(processes) <= 6, processes);
  const none = "0000000000000000";
  assertEquals(lines, [
    ...["Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}:\t${none}`),
    "NoNewPrivs:\t1",
    "alive",
  ]);
  assert(stderr.trim().split("\n").length >= 7, stderr);
});

test("a signal does not leave the box", async () => {
  const other = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  const { code } = await inBox(shell(`kill -9 ${other.pid} ${Deno.pid}`), { permissions: everything });
  assert(code > 0);
  other.kill();
  assertEquals((await other.status).signal, "SIGTERM");
});

test("refusals and learning name the flags", async (directory) => {
  await Deno.writeTextFile(`${directory}/a`, "");
  const script = "cat a; echo x > b; mkdir c";
  const refused = await inBox(shell(script), {
    cwd: directory,
    permissions: { run: ["cat"] },
    trace: "refused",
  });
  const mkdir = await Deno.realPath("/bin/mkdir");
  assertEquals(refused.flags, [
    `--allow-read=${directory}/a`,
    `--allow-write=${directory}`,
    `--allow-run=${mkdir}`,
  ]);
  const learnt = await inBox(shell(script), { cwd: directory, trace: "learn" });
  assertEquals(learnt.code, 0);
  assertStringIncludes(learnt.flags.join(" "), `--allow-write=${directory} `);
  await Deno.remove(`${directory}/c`);
  const permissions = Object.fromEntries(learnt.flags.map((flag) => {
    const [, kind, list] = /^--allow-(\w+)=(.*)$/.exec(flag)!;
    return [kind, list.split(",")];
  }));
  const again = await inBox(shell(script), { cwd: directory, permissions, trace: "refused" });
  assertEquals(again, { ...learnt, flags: [] });
});

Deno.test("sandbox: many files of one directory are learnt as the directory", () => {
  const needs = new Needs({ rights: new Map(), mounts: [], net: [] });
  for (const name of ["a", "b", "c", "d"]) needs.file("read", `/x/many/${name}`, true);
  needs.file("read", "/x/one", true);
  needs.file("write", "/x/new", false);
  needs.file("read", "/x/new", true); // its own: the next run's may have another name
  needs.file("read", "/proc/12/maps", true);
  needs.file("read", "/x/gone", false);
  needs.net({ address: ":80", isLoopback: true, serves: false });
  needs.net({ address: ":0", isLoopback: true, serves: true });
  needs.net({ address: ":4711", isLoopback: true, serves: false }); // its own server
  assertEquals(needs.flags(), ["--allow-read=/proc,/x", "--allow-write=/x", "--allow-net=:80"]);
});

test("a name that leads elsewhere by now is looked up again", async (directory) => {
  for (const name of ["first", "second"]) await Deno.writeTextFile(`${directory}/${name}`, "");
  const read = `cat ${directory}/link 2> /dev/null; cat ${directory}/link 2> /dev/null`;
  const { flags } = await inBox(
    shell(`ln -s first link; ${read}; ln -s second new; mv new link; ${read}; true`),
    {
      cwd: directory,
      permissions: { write: [directory], run: ["cat", "ln", "mv"] },
      trace: "refused",
    },
  );
  assertStringIncludes(flags.join(" "), `${directory}/first,${directory}/second`);
});

/** Why limits are not those of a cgroup here, if they are not. */
async function withoutGroup(): Promise<string | undefined> {
  await using group = ControlGroup.make({ memory: 2 ** 30, processes: 10, cpus: 1 });
  return group ? undefined : "no cgroup (v2) is delegated to this process";
}
const noGroup = await withoutGroup();

test("limits hold", async () => {
  const limits = { openFiles: 20, cpu: 1, ...(noGroup && { memory: 2 ** 30 }) };
  const { stdout } = await inBox(shell("ulimit -v; ulimit -n; ulimit -t; ulimit -c"), { limits });
  assertEquals(stdout, `${noGroup ? 2 ** 20 : "unlimited"}\n20\n1\n0\n`);
  const start = performance.now();
  const { code } = await inBox(shell("while :; do :; done & while :; do :; done"), {
    limits: { timeout: 200 },
  });
  assertEquals(code, 137);
  assert(performance.now() - start < 5000);
  const processes = { limits: { processes: 3 }, permissions: { run: ["sleep"] } };
  if (noGroup) await assertRejects(() => inBox(["true"], { limits: { cpus: 1 } }), CannotEnforce, "cgroup");
  if (isRoot && noGroup) {
    await assertRejects(() => inBox(["true"], processes), CannotEnforce, "does not count");
  } else {
    const { stderr } = await inBox(shell("for i in 1 2 3 4 5 6; do sleep 0.1 & done"), processes);
    assertMatch(stderr, /fork/);
  }
});

if (noGroup) console.log(`Not tested: limits of a whole box by the kernel, as ${noGroup}.`);
test("a delegated cgroup limits all of a box together", async () => {
  const { stdout } = await inBox(shell("ulimit -v; ulimit -u; cat /proc/self/cgroup"), {
    limits: { memory: 2 ** 28, processes: 5, cpus: 0.5 },
    permissions: everything,
  });
  assertMatch(stdout, /^unlimited\n\w+\n0::.*\/heddle-\d+-\d+\n$/);
  const { stderr } = await inBox(shell("for i in 1 2 3 4 5 6; do sleep 0.1 & done"), {
    limits: { processes: 3 },
    permissions: everything,
  });
  assertMatch(stderr, /fork/);
  const command = ["/usr/bin/python3", "-c", "bytes(2 ** 29).count(0)"];
  if (await hasProgram(command[0])) {
    assertEquals((await inBox(command, { limits: { memory: 2 ** 28 }, permissions: everything })).code, 137);
  }
}, noGroup !== undefined);

/** Where a group can be made, in any hierarchy of version 2, also one without controllers. */
function placeForGroup(): string | undefined {
  const mounts = Deno.readTextFileSync("/proc/self/mountinfo");
  const root = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mounts)?.[1];
  const path = `${root}/heddle-test-${Deno.pid}`;
  try {
    Deno.mkdirSync(path);
    Deno.removeSync(path);
    return path;
  } catch {
    return undefined;
  }
}
const group = placeForGroup();
if (!group) console.log("Not tested: how a box enters a cgroup, as none can be made (version 2).");
test("process 1 of a box enters its cgroup, and all others with it", async (directory) => {
  await Deno.mkdir(group!);
  const scheme = { program: "/bin/sh", directory, path: "/bin", platform: "landlock" } as const;
  using wall = noWall({ ...scheme, permissions: permissionsOf({}), bestEffort: () => {} }, []);
  const { pid, pidfd, reports } = await launch({
    ...wall.bounds,
    listen: false,
    traced: false,
    limits: [],
    directory,
    file: "/bin/sh",
    argv: ["sh", "-c", "cat /proc/1/cgroup /proc/self/cgroup > out"],
    environment: new Map(),
    group,
  }, -1);
  reap(pid);
  closeAll(pidfd, reports.socket);
  const own = (await Deno.readTextFile(`${directory}/out`)).split("\n").filter((line) =>
    line.startsWith("0::")
  );
  assertEquals(own.map((line) => line.split("/").at(-1)), Array(2).fill(group!.split("/").at(-1)));
  await until(() => !Deno.readTextFileSync(`${group}/cgroup.events`).includes("populated 1"), "it is empty");
  await Deno.remove(group!);
}, group === undefined);

Deno.test("sandbox: what is written into a delegated cgroup, and where there is one", async () => {
  const root = await Deno.makeTempDir(); // as the kernel shows it: cgroup-v2.rst
  const limits = { memory: 2 ** 30, processes: 5, cpus: 1.5 };
  const membership = "12:pids:/elsewhere\n0::/user/own\n";
  const made = (given = limits, member = membership) =>
    ControlGroup.make(given, { root, membership: member })?.path;
  const folder = async (name: string, controllers: string) => {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${name}/cgroup.subtree_control`, `${controllers}\n`);
    await Deno.writeTextFile(`${root}/${name}/cgroup.procs`, "");
  };
  try {
    await folder("user/own", "");
    await folder("user", "cpu memory");
    assertEquals(made(), undefined); // nobody would count processes
    await folder("user", "cpu memory pids");
    const gone = `${root}/user/heddle-${2 ** 30}-1`; // no process has that number
    await Deno.mkdir(gone);
    const group = ControlGroup.make(limits, { root, membership })!;
    assertMatch(group.path.slice(root.length), new RegExp(`^/user/heddle-${Deno.pid}-\\d+$`));
    await assertRejects(() => Deno.stat(gone), Deno.errors.NotFound);
    const files = [...Deno.readDirSync(group.path)].map(({ name }) => name).sort();
    const written = files.map((name) => [name, Deno.readTextFileSync(`${group.path}/${name}`)]);
    assertEquals(Object.fromEntries(written), {
      "cpu.max": "150000 100000",
      "memory.max": String(2 ** 30),
      "memory.oom.group": "1",
      "pids.max": "6",
    });
    for (const name of files) await Deno.remove(`${group.path}/${name}`); // the kernel's are gone with the directory
    await group[Symbol.asyncDispose]();
    await assertRejects(() => Deno.stat(group.path), Deno.errors.NotFound);
    assertEquals(ControlGroup.make({}, { root, membership }), undefined);
    assertEquals(made(limits, "12:pids:/user/own\n"), undefined); // version 1
    assertEquals(made(limits, "0::/../user\n"), undefined); // outside of its cgroup namespace
    await Deno.remove(`${root}/user/cgroup.procs`);
    assertEquals(made(), undefined); // it is another one's
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

test("disposing of a box ends all of it, also what ignores signals and is nobody's child", async (directory) => {
  await Deno.writeTextFile(`${directory}/pids`, "");
  const command = shell("trap '' TERM INT HUP; (setsid sh -c 'sleep 1000' &); echo ready; sleep 1000");
  const started = await sandbox(await boxScheduler(), {
    command: command as [string, ...string[]],
    permissions: { run: ["sleep", "setsid", "sh"] },
    stdout: "piped",
  });
  const reader = started.stdout.getReader();
  assertEquals(new TextDecoder().decode((await reader.read()).value), "ready\n");
  started.kill();
  assertEquals((await reader.read()).done, true); // nobody is left who holds the pipe
  assertEquals((await started.status).signal, 9);
  reader.releaseLock();
  await started[Symbol.asyncDispose]();
});

test("a box's input is a stream", async () => {
  await using box = await sandbox(await boxScheduler(), {
    command: ["cat"],
    stdin: "piped",
    stdout: "piped",
  });
  const text = "line\n".repeat(100_000);
  const [got] = await Promise.all([
    new Response(box.stdout).text(),
    ReadableStream.from([new TextEncoder().encode(text)]).pipeTo(box.stdin),
  ]);
  assertEquals(got === text, true);
  assertEquals((await box.status).code, 0);
});

test("forty boxes at once have one supervisor, and reading from all of them does not keep others from being told", async () => {
  const scheduler = await boxScheduler();
  const boxes = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      sandbox(scheduler, {
        command: ["sh", "-c", "read x; echo $x $1; exit $1", "sh", String(i)],
        stdin: "piped",
        stdout: "piped",
      })),
  );
  const outputs = boxes.map(({ stdout }) => new Response(stdout).text());
  const ended = await Promise.all(boxes.map(async (box, i) => {
    const writer = box.stdin.getWriter();
    await writer.write(new TextEncoder().encode("told\n"));
    const end = [await outputs[i], (await box.status).code];
    await box[Symbol.asyncDispose]();
    return end;
  }));
  assertEquals(ended, ended.map((_, i) => [`told ${i}\n`, i]));
  assertEquals(scheduler.stats().threads <= 4, true);
});

test("what is wrong is said before anything runs", async (directory) => {
  await Deno.writeTextFile(`${directory}/text`, "", { mode: 0o644 });
  const box = (permissions: unknown, program = "true") => () =>
    inBox([program], { permissions: permissions as PermissionOptions, cwd: directory });
  await assertRejects(box({}, "no-such-program"), ProgramError, "command not found");
  await assertRejects(box({}, "./none"), ProgramError, "no such file");
  await assertRejects(box({}, "./text"), ProgramError, "permission denied");
  await assertRejects(box({}, directory), ProgramError, "is a directory");
  await assertRejects(box({ reed: true }), PermissionError, '"reed" is no permission');
  await assertRejects(box({ read: [""] }), PermissionError, "names that are not empty");
  await assertRejects(box({ read: ["none"] }), PermissionError, "--allow-read=none: there is no such file");
  await assertRejects(box({ read: { allow: true, deny: ["none"] } }), CannotEnforce, "--best-effort");
  await assertRejects(box({ net: ["example.com:http"] }), PermissionError, "it takes HOST:PORT");
  await assertRejects(
    box({ net: { allow: true, deny: ["example.com"] } }),
    CannotEnforce,
    "list what is allowed",
  );
});

test("a program in no format is 126, and one that may not be read", async (directory) => {
  await Deno.writeTextFile(`${directory}/noformat`, "\0\0\0\0", { mode: 0o755 });
  await Deno.copyFile("/bin/true", `${directory}/program`);
  assertEquals((await inBox([`${directory}/noformat`])).code, 126);
  const permissions = { read: { allow: [directory], deny: ["program"] } };
  assertEquals((await inBox([`${directory}/program`], { cwd: directory, permissions })).code, 126);
});

test("a box in a box says so", async () => {
  const main = new URL("examples/sandbox/main.ts", root).pathname;
  const command = [Deno.execPath(), "run", "--quiet", "--allow-all", main, "true"];
  const { code, stderr } = await inBox(command, { permissions: everything });
  assertEquals(code, 125);
  assertStringIncludes(stderr, "This is a sandbox already");
});

// The command line.

test("arguments and variables arrive as given, also those that are not UTF-8", async (directory) => {
  const script =
    `exec "$0" run --quiet -A "$1" --allow-env=VAR sh -c 'printf "%s|" "$@" "$VAR"' sh --help -- ü "" "$(printf '\\377')"`;
  const main = new URL("examples/sandbox/main.ts", root).pathname;
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `VAR=$(printf '\\376'); export VAR; ${script}`, Deno.execPath(), main],
    cwd: directory,
  }).output();
  assertEquals(
    [...stdout],
    [...new TextEncoder().encode("--help|--|ü||"), 0xff, 0x7c, 0xfe, 0x7c],
  );
});

test("deno task runs it where the caller is, with the caller's environment", async (directory) => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "task",
      "--quiet",
      "--config",
      new URL("deno.json", root).pathname,
      "sandbox",
      "--allow-env",
      "--log=calls",
      "sh",
      "-c",
      "pwd; set",
    ],
    cwd: directory,
    // A task within a task, as this test is in `deno task test`, is told where the outer one was started.
    clearEnv: true,
    env: Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => name !== "INIT_CWD")),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(text.split("\n")[0], directory);
  assert(!/^(INIT_CWD|npm_config_user_agent)=/m.test(text), text);
  assertStringIncludes(await Deno.readTextFile(`${directory}/calls`), "execve");
});

test("a trace has a line for each call, and a log that is full does not stop the program", async (directory) => {
  const options = { cwd: directory };
  const file = await outcome(
    start(["--log=%COMMAND%.log", "--allow-run=true", "sh", "-c", "/bin/true; echo x > /dev/null"], options),
  );
  assertEquals([file.code, file.stdout], [0, ""]);
  const lines = (await Deno.readTextFile(`${directory}/sh.log`)).trimEnd().split("\n");
  for (const call of [/execve ".*\/sh"$/, /execve ".*\/true"$/, /openat "\/dev\/null" to write$/]) {
    assertEquals(lines.filter((line) => call.test(line)).length, 1, `${call} in\n${lines.join("\n")}`);
  }
  const full = await outcome(start(["--log=/dev/full", "--json", "sh", "-c", "echo x"], options));
  assertEquals([full.code, full.stdout], [0, "x\n"]);
  assertStringIncludes(full.stderr, "the log ends here");
});

test("a debug log has what a box is made of, and its end", async (directory) => {
  await Deno.writeTextFile(`${directory}/secret`, "");
  const flags = ["--debug-log=%COMMAND%.debug", "--allow-read=.", "--deny-read=secret", "--open-files=50"];
  const { code, stderr } = await outcome(
    start([...flags, "--allow-env=HOME", "sh", "-c", "exit 3"], {
      cwd: directory,
      env: { HOME: "/", OTHER: "hidden" },
    }),
  );
  assertEquals([code, stderr], [3, ""]);
  const log = await Deno.readTextFile(`${directory}/sh.debug`);
  for (
    const line of [
      `: "sh" "-c" "exit 3"`,
      "environment: HOME\n",
      `mount: ${directory}/secret covered\n`,
      `rule: ${directory} read_file read_dir\n`,
      "network: nothing\n",
      "limit: 50 descriptors\n",
      "nobody of the box is left\n",
      "it has ended with wait status 768\n",
    ]
  ) {
    assertStringIncludes(log, line);
  }
  assert(!log.includes("hidden"));
});

test("a trace with results has them of all calls, behind the same wall", async (directory) => {
  await Deno.writeTextFile(`${directory}/secret`, "");
  const script = "cat yes secret none; /bin/true; : > made; mv made moved; exec /nowhere";
  await Deno.writeTextFile(`${directory}/yes`, "");
  const { code, stderr } = await outcome(start([
    "--trace=results",
    "--allow-read=.",
    "--allow-write=.",
    "--deny-read=secret",
    "--allow-run",
    "--",
    "/bin/sh",
    "-c",
    script,
  ], { cwd: directory }));
  assertEquals(code, 127, stderr);
  for (
    const line of [
      /openat "yes" = 3/,
      /openat "secret" \(needs --allow-read=\S*\/secret\) = EACCES/,
      /openat "none" = ENOENT/,
      /execve "\/bin\/true" = 0/,
      /openat "made" to write = 3/,
      /rename\w* .*"made".*"moved" = 0/,
      /execve "\/nowhere" = ENOENT/,
    ]
  ) {
    assertMatch(stderr, line);
  }
});

test("under a policy a trace has results", async (directory) => {
  await Deno.writeTextFile(
    `${directory}/policy.ts`,
    "export default ({ path }: { path?: string }) => path?.endsWith('/no') ? 'deny' : 'allow';",
  );
  for (const name of ["yes", "no"]) await Deno.writeTextFile(`${directory}/${name}`, "");
  const flags = ["--policy=policy.ts", "--trace", "--allow-read=."];
  const { code, stderr } = await outcome(start([...flags, "cat", "yes", "no", "none"], { cwd: directory }));
  assertEquals(code, 1);
  for (
    const line of [
      `openat "${directory}/yes" = 3`,
      `openat "${directory}/no" = EACCES`,
      `openat "none" = ENOENT`,
    ]
  ) {
    assertStringIncludes(stderr, line);
  }
});

test("a file of permission sets may be JSON or TOML", async (directory) => {
  await Deno.writeTextFile(`${directory}/data`, "data");
  await Deno.writeTextFile(
    `${directory}/deno.jsonc`,
    `{ "permissions": { "default": { "read": ["data"] }, /* none */ "none": {} } }`,
  );
  await Deno.writeTextFile(
    `${directory}/box.toml`,
    `[permissions.default]\nread = { allow = true, deny = ["data"] }\n`,
  );
  const run = (...args: string[]) =>
    outcome(start([...args, "sh", "-c", `read x < ${directory}/data; echo "$x"`]));
  const [json, none, toml, missing] = await Promise.all([
    run(`--config=${directory}/deno.jsonc`),
    run(`--config=${directory}/deno.jsonc`, "--permission-set=none"),
    run(`--config=${directory}/box.toml`),
    run(`--config=${directory}/box.toml`, "--permission-set=other"),
  ]);
  assertEquals([json.stdout, none.stdout, toml.stdout], ["data\n", "\n", "\n"]);
  assertEquals(missing.code, 125);
  assertStringIncludes(missing.stderr, `no permission set "other": there is default.`);
});

test("wrong usage is 125 with a reason, no program 127, none that can be executed 126", async (directory) => {
  const cases: [string[], number, string][] = [
    [[], 125, "no program given"],
    [["--qiet", "true"], 125, "--qiet is no option"],
    [["--allow-read=", "true"], 125, "--allow-read= needs a value"],
    [["--memory=much", "true"], 125, "--memory=much is no number"],
    [[`--log=${directory}/none/log`, "true"], 125, "--log="],
    [[`--policy=${directory}/none`, "true"], 125, "No such file"],
    [["no-such-program"], 127, "command not found"],
    [[directory], 126, "is a directory"],
  ];
  await Promise.all(cases.map(async ([args, status, message]) => {
    const { code, stderr } = await outcome(start(args));
    assertEquals(code, status, stderr);
    assertStringIncludes(stderr, message);
  }));
});

/** Reads line by line; `undefined` at the end. */
function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): () => Promise<string | undefined> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end >= 0) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        return line;
      }
      const { value, done } = await reader.read();
      if (done) return undefined;
      text += value;
    }
  };
}

test("signals go on to the program, and a second SIGTERM ends all", async () => {
  const busy = "echo ready; while :; do :; done";
  const polite = start(["sh", "-c", `trap 'echo got; exit 3' TERM; ${busy}`]);
  const stubborn = start(["sh", "-c", `trap 'echo got' TERM; ${busy}`]);
  for (const [child, status] of [[polite, 3], [stubborn, 137]] as const) {
    const line = linesOf(child.stdout);
    assertEquals(await line(), "ready");
    child.kill("SIGTERM");
    assertEquals(await line(), "got");
    if (child === stubborn) child.kill("SIGTERM");
    assertEquals(await line(), undefined);
    await child.stderr.cancel();
    assertEquals((await child.status).code, status);
  }
});

test("on the platform ptrace a tracer decides", async (directory) => {
  for (const name of ["open", "closed"]) await Deno.writeTextFile(`${directory}/${name}`, `${name}\n`);
  const { code, stdout, stderr } = await inBox(shell("cat open; cat closed; (exit 3) | cat; exit 4"), {
    platform: "ptrace",
    cwd: directory,
    permissions: { run: ["cat"], read: [`${directory}/open`] },
  });
  assertEquals({ code, stdout, stderr }, {
    code: 4,
    stdout: "open\n",
    stderr: "cat: closed: Permission denied\n",
  });
});

test("the death of the supervisor ends the box", async () => {
  const script = "setsid sleep 1000 & echo ready; while :; do :; done";
  const child = start(["--allow-run=sleep,setsid", "sh", "-c", script]);
  const line = linesOf(child.stdout);
  assertEquals(await line(), "ready");
  child.kill("SIGKILL");
  assertEquals(await line(), undefined); // nobody is left who holds the pipe
  await child.stderr.cancel();
  assertEquals((await child.status).signal, "SIGKILL");
});

// What only C calls.

test("the filter refuses by number and by argument", async (directory) => {
  const program = await compiled(
    directory,
    `
    #define _GNU_SOURCE
    #include <errno.h>
    #include <sched.h>
    #include <stdio.h>
    #include <sys/ioctl.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    #define SHOW(call) (errno = 0, call, printf("%s %d\\n", #call, errno))
    int main(void) {
      SHOW(syscall(SYS_io_uring_setup, 1, 0));
      SHOW(syscall(SYS_open_by_handle_at, -1, 0, 0));
      SHOW(syscall(SYS_userfaultfd, 0));
      SHOW(syscall(SYS_clone3, 0, 0));
      SHOW(syscall(SYS_bpf, 0, 0, 0));
      SHOW(syscall(SYS_mount, 0, 0, 0, 0, 0));
      SHOW(syscall(SYS_open_tree, -1, "/", 1));
      SHOW(unshare(CLONE_NEWUSER));
      SHOW(unshare(CLONE_FILES));
      SHOW(syscall(SYS_clone, CLONE_NEWNS | 17, 0, 0, 0, 0));
      SHOW(ioctl(0, 0x5412, ""));
      SHOW(ioctl(0, 0x100005412, ""));
      SHOW(syscall(0x40000000 | SYS_getpid));
      fflush(stdout);
      long pid = 20;
      __asm__ volatile("int $0x80" : "+a"(pid));
      return 0;
    }`,
  );
  const { code, stdout } = await inBox([program]);
  const errors = stdout.trim().split("\n").map((line) => Number(line.split(" ").at(-1)));
  const EPERM = 1, ENOSYS = 38, SIGSYS = 31;
  assertEquals(errors, [
    ENOSYS,
    EPERM,
    EPERM,
    ENOSYS,
    EPERM,
    EPERM,
    EPERM,
    EPERM,
    0,
    EPERM,
    EPERM,
    EPERM,
    ENOSYS,
  ]);
  assertEquals(code, 128 + SIGSYS);
}, !hasCompiler);

test(
  "a second SIGTERM ends a box whose path sleeps on a page that nobody provides, and its supervisor with it",
  async (directory) => {
    const program = await compiled(
      directory,
      `
    #include <fcntl.h>
    #include <linux/userfaultfd.h>
    #include <pthread.h>
    #include <signal.h>
    #include <stdint.h>
    #include <stdio.h>
    #include <sys/ioctl.h>
    #include <sys/mman.h>
    #define NEW 0xaa00 // USERFAULTFD_IOC_NEW, which older headers lack
    static void *hear(void *set) {
      for (int signal;;) sigwait(set, &signal), puts("got"), fflush(stdout);
    }
    int main(void) {
      int faults = ioctl(open("/dev/userfaultfd", O_RDWR), NEW, O_CLOEXEC);
      char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      struct uffdio_api api = {.api = UFFD_API};
      struct uffdio_register range = {.range = {(uintptr_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
      if (faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0 || ioctl(faults, UFFDIO_REGISTER, &range) < 0) return 1;
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGTERM);
      sigprocmask(SIG_BLOCK, &set, 0);
      pthread_t other;
      pthread_create(&other, 0, hear, &set);
      puts("ready");
      fflush(stdout);
      open(page, O_RDONLY); // the supervisor sleeps where it reads the path
    }`,
    );
    const child = start(["--trace=refused", "--allow-read", "--allow-write=/dev/userfaultfd", program]);
    const line = linesOf(child.stdout);
    assertEquals(await line(), "ready");
    child.kill("SIGTERM");
    assertEquals(await line(), "got");
    child.kill("SIGTERM");
    assertEquals(await line(), undefined);
    await child.stderr.cancel();
    assertEquals((await child.status).code, 137);
  },
  !hasCompiler || !isRoot || !hasUserfaults,
);

test("arguments that cannot be read get the kernel's own error, traced or not", async (directory) => {
  const program = await compiled(
    directory,
    `
    #include <errno.h>
    #include <fcntl.h>
    #include <stdio.h>
    #include <string.h>
    static char path[5000];
    static int error(const char *name, int directory) { return openat(directory, name, O_RDONLY) < 0 ? errno : 0; }
    int main(void) {
      memset(path, 'a', sizeof path - 1);
      printf("%d %d %d %d %d\\n", error((char *)8, AT_FDCWD), error(path, AT_FDCWD), error("x", 999),
             error("loop", AT_FDCWD), error("none", AT_FDCWD));
    }`,
    "-static",
  );
  await Deno.symlink("loop", `${directory}/loop`);
  const { stdout } = await bare([program], { cwd: directory });
  for (const trace of [undefined, "refused"] as const) {
    assertEquals((await inBox([program], { cwd: directory, trace })).stdout, stdout);
  }
}, !hasCompiler);

Deno.test("sandbox: its scheduler can be closed", closeBoxes);

function socketAddress(family: number, ...rest: number[]): Uint8Array {
  return Uint8Array.of(family, 0, ...rest);
}

Deno.test("sandbox: socket addresses read as people write them", () => {
  const text = (string: string) => [...new TextEncoder().encode(string)];
  assertEquals(
    addressText(socketAddress(2, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)),
    "127.0.0.1:8080",
  );
  const loopback = [...Array(15).fill(0), 1];
  assertEquals(addressText(socketAddress(10, 0, 80, 0, 0, 0, 0, ...loopback, 0, 0, 0, 0)), "[::1]:80");
  const documentation = [0x20, 0x01, 0x0d, 0xb8, ...Array(11).fill(0), 1];
  assertEquals(addressText(socketAddress(10, 1, 187, 0, 0, 0, 0, ...documentation)), "[2001:db8::1]:443");
  const mapped = [...Array(10).fill(0), 0xff, 0xff, 127, 0, 0, 1];
  assertEquals(addressText(socketAddress(10, 0, 80, 0, 0, 0, 0, ...mapped, 0, 0, 0, 0)), "127.0.0.1:80");
  assertEquals(addressText(socketAddress(1, ...text("/run/x\0rest"))), 'unix "/run/x"');
  assertEquals(addressText(socketAddress(1, 0, ...text("abstract"))), 'unix "@abstract"');
  assertEquals(addressText(socketAddress(1)), "unix unnamed");
  assertEquals(addressText(socketAddress(2, 0, 80)), "address family 2");
  assertEquals(addressText(socketAddress(16, 0, 0)), "address family 16");
  assertEquals(addressText(new Uint8Array()), "address family 0");
});

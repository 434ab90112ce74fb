import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type PermissionOptions,
  PolicyError,
  type PolicyRequest,
  sandbox,
  type Verdict,
} from "../../examples/sandbox/sandbox.ts";
import {
  boxScheduler,
  closeBoxes,
  compiled,
  hasProgram,
  inBox,
  obstacle,
  testsOfBoxes,
} from "../support/boxes.ts";
import { soon, until } from "../support/deadline.ts";
import { idleThreads } from "../support/os_threads.ts";

const reason = await obstacle();
if (reason) console.log(`Policies of the sandbox are not tested: ${reason}`);
const hasCompiler = await hasProgram("gcc");
if (!hasCompiler) console.log("Not tested, as gcc is not on PATH: what only C calls, under a policy.");

const test = testsOfBoxes("sandbox policy", reason);

const shell = (script: string) => ["sh", "-c", script];
const everything: PermissionOptions = { all: true, net: false };

/** A module with this function as its default export. */
async function policyIn(directory: string, source: string, name = "policy"): Promise<string> {
  const file = `${directory}/${name}.js`;
  await Deno.writeTextFile(file, source);
  return file;
}

test("it denies, gives errors, and opens something else", async (directory) => {
  for (const name of ["denied", "broken", "other", "free"]) {
    await Deno.writeTextFile(`${directory}/${name}`, `${name}\n`);
  }
  await Deno.symlink("denied", `${directory}/link`);
  const policy = await policyIn(
    directory,
    `export default ({ path }) => path?.endsWith("/denied") ? "deny" : path?.endsWith("/broken") ? { errno: 5 }
      : path?.endsWith("/asked") ? { open: ${JSON.stringify(`${directory}/other`)} } : "allow";`,
  );
  await Deno.writeTextFile(`${directory}/asked`, "asked\n");
  const script =
    "for name in denied link broken asked free; do cat $name; done; ln denied new; mv denied new; ls new";
  const { stdout, stderr } = await inBox(shell(script), { cwd: directory, permissions: everything, policy });
  assertEquals(stdout, "other\nfree\n");
  const errors = stderr.trim().split("\n").map((line) => line.split(": ").at(-1));
  const denied = "Permission denied";
  assertEquals(errors, [denied, denied, "Input/output error", denied, denied, "No such file or directory"]);
});

test("its verdicts go no further than the permissions", async (directory) => {
  await Deno.writeTextFile(`${directory}/file`, "text");
  await Deno.writeTextFile(`${directory}/mine`, "mine");
  const policy = await policyIn(
    directory,
    `export default ({ path }) => path?.endsWith("/mine") ? { open: ${
      JSON.stringify(`${directory}/file`)
    } } : "allow";`,
  );
  const { stdout, stderr } = await inBox(
    shell("cat file; cat mine; echo x > new; echo x > mine; mkdir d; mv mine d; echo end"),
    { cwd: directory, permissions: { read: [`${directory}/mine`], run: ["cat", "mkdir", "mv"] }, policy },
  );
  assertEquals(stdout, "end\n");
  assertEquals(stderr.trim().split("\n").length, 6, stderr);
  assertEquals(await Deno.readTextFile(`${directory}/mine`), "mine");
});

test("what is denied inside of what is allowed stays so, also by links that lead out of a directory", async (directory) => {
  await Deno.mkdir(`${directory}/closed`);
  await Deno.writeTextFile(`${directory}/closed/secret`, "secret");
  await Deno.symlink(`${directory}/closed/secret`, `${directory}/absolute`);
  await Deno.symlink("closed/secret", `${directory}/relative`);
  const names = [
    "absolute",
    "relative",
    "closed/secret",
    `${directory}/closed/secret`,
    "../$(basename $PWD)/relative",
  ];
  const script = `for name in ${
    names.join(" ")
  }; do cat $name; (cat < $name); done; cp absolute copy; cat copy`;
  const run = async (deny: string[]) =>
    (await inBox(shell(script), {
      cwd: directory,
      permissions: { run: true, write: [directory], read: { allow: true, deny } },
      onRequest: () => "allow",
    })).stdout;
  assertEquals(await run([]), "secret".repeat(11));
  await Deno.remove(`${directory}/copy`);
  assertEquals(await run(["closed"]), "");
});

test("one that throws, answers nothing of use, never answers or never ends denies in time, and takes no CPU from others", async (directory) => {
  await Deno.writeTextFile(`${directory}/file`, "text");
  const policies = {
    throws: `throw new Error("no")`,
    strange: `return { open: "relative" }`,
    silent: `return new Promise(() => {})`,
    rejects: `return Promise.reject(new Error("no"))`,
    endless: `for (;;);`,
  };
  const start = performance.now(), before = idleThreads();
  await Promise.all(
    Object.entries(policies).map(async ([name, code]) => {
      const source =
        `export default ({ path }) => { if (path?.endsWith("/file")) { ${code} } return "allow"; };`;
      const policy = await policyIn(directory, source, name);
      const { stdout, stderr } = await inBox(shell("cat file; echo end"), {
        cwd: directory,
        permissions: everything,
        policy,
      });
      assertEquals([stdout, name], ["end\n", name]);
      assertStringIncludes(stderr, "Permission denied");
    }),
  );
  assert(performance.now() - start < 10_000);
  await until(() => idleThreads() === before + 1, "of these threads only that of the endless one is left");
});

test("one that cannot be used is an error before anything runs", async (directory) => {
  const run = (policy: string | URL, more = {}) => () =>
    inBox(["true"], { permissions: everything, policy, ...more });
  const none = await policyIn(directory, "export default 5", "none");
  const broken = await policyIn(directory, "export default (", "broken");
  await Promise.all([
    assertRejects(run(none), PolicyError, "its default export is no function"),
    assertRejects(run(broken), PolicyError, "cannot be used"),
    assertRejects(run(`${directory}/missing.js`), PolicyError, "cannot be used"),
    assertRejects(run("relative.js"), PolicyError, "neither a URL nor an absolute path"),
    assertRejects(run(none, { onRequest: () => "allow" }), PolicyError, "give one of them"),
    assertRejects(run(none, { trace: "learn" }), PolicyError, "Learning"),
  ]);
});

test("a function of the host is asked, with what the kernel has resolved, and may take its time", async (directory) => {
  await Deno.mkdir(`${directory}/folder`);
  await Deno.writeTextFile(`${directory}/folder/file`, "text");
  await Deno.symlink("folder", `${directory}/link`);
  const requests: PolicyRequest[] = [];
  const { stdout, code } = await inBox(shell("cat ./link/../link/file; cat folder/file"), {
    cwd: directory,
    permissions: everything,
    async onRequest(request): Promise<Verdict> {
      if (request.path?.startsWith(directory)) requests.push(request);
      await Promise.resolve();
      return requests.length > 1 ? "deny" : "allow";
    },
  });
  assertEquals([stdout, code], ["text", 1]);
  const cat = await Deno.realPath("/bin/cat");
  assertEquals(
    requests.map((
      { call, path, read, write, create, program },
    ) => [call, path, read, write, create, program]),
    Array(2).fill(["open", `${directory}/folder/file`, true, false, false, cat]),
  );
});

test("what a policy has begun goes on, also while it is asked all the time", async (directory) => {
  await Deno.writeTextFile(`${directory}/file`, "text\n");
  const policy = await policyIn(
    directory,
    `let isOpen = true;
     export default ({ path }) => {
       if (!path?.endsWith("/file")) return "allow";
       setTimeout(() => isOpen = false, 50);
       for (const end = performance.now() + 5; performance.now() < end;); // the next ones are there
       return isOpen ? "allow" : "deny";
     };`,
  );
  const { stdout } = await inBox(
    shell("for i in 1 2 3 4; do while read line < file; do :; done 2> /dev/null & done; wait; echo end"),
    {
      cwd: directory,
      permissions: everything,
      policy,
      limits: { timeout: 5000 },
    },
  );
  assertEquals(stdout, "end\n");
});

test("events tell of calls, with their results if a policy judges them", async (directory) => {
  await Deno.writeTextFile(`${directory}/file`, "text");
  const seen = async (onRequest?: () => Verdict) => {
    await using box = await sandbox(await boxScheduler(), {
      command: ["cat", "file", "none"],
      cwd: directory,
      permissions: { read: [directory] },
      stdout: "null",
      stderr: "null",
      events: true,
      onRequest,
    });
    const events = await Array.fromAsync(box.events);
    return events.filter(({ call, subject }) => call === "openat" && /file"|none"/.test(subject))
      .map(({ subject, result }) => [subject, result]);
  };
  assertEquals(await seen(), [['"file"', undefined], ['"none"', undefined]]);
  assertEquals(await seen(() => "allow"), [[`"${directory}/file"`, 3], ['"none"', "ENOENT"]]);
  await using silent = await sandbox(await boxScheduler(), { command: ["true"] });
  assertThrows(() => silent.events, TypeError, "give events: true");
});

test("a program is executed only if the policy lets it, and its interpreter as well", async (directory) => {
  await Deno.writeTextFile(`${directory}/script`, "#!/bin/dash\necho ran\n", { mode: 0o755 });
  await Deno.copyFile("/bin/echo", `${directory}/echo`);
  const deny = (name: string) =>
    policyIn(
      directory,
      `export default (r) => r.call === "exec" && r.path.endsWith("/${name}") ? "deny" : "allow"`,
      name,
    );
  const run = async (name: string, program: string) => {
    const policy = await deny(name);
    return await inBox(["bash", "-c", `${program} ran; true`], {
      cwd: directory,
      permissions: everything,
      policy,
    });
  };
  const [free, program, script, interpreter] = await Promise.all([
    run("none", "./script; ./echo"),
    run("echo", "./echo"),
    run("script", "./script"),
    run("dash", "./script"),
  ]);
  assertEquals([free.stdout, program.stdout, script.stdout, interpreter.stdout], ["ran\nran\n", "", "", ""]);
}, !await hasProgram("bash") || !await hasProgram("/bin/dash"));

test("a box can be ended while its policy computes", async (directory) => {
  const policy = await policyIn(directory, `export default () => { for (;;); }`);
  const box = await sandbox(await boxScheduler(), { command: ["true"], permissions: everything, policy });
  box.kill();
  assertEquals((await soon(box.status, "its end")).signal, 9);
  await soon(box[Symbol.asyncDispose](), "its policy is left to itself");
});

test("what it allows comes to the same as without it", async (directory) => {
  const program = await compiled(
    directory,
    await Deno.readTextFile(new URL("../support/emulated.c", import.meta.url)),
    "-w",
  );
  const policy = await policyIn(directory, `export default () => "allow";`);
  const [without, under] = await Promise.all([undefined, policy].map(async (policy, i) => {
    const cwd = `${directory}/${i}`;
    await Deno.mkdir(cwd);
    return await inBox([program], {
      cwd,
      permissions: { read: true, write: [cwd], run: true },
      policy,
      limits: { timeout: 20_000 },
    });
  }));
  assertEquals([without.code, without.stderr], [0, ""]);
  assertEquals(under, without);
}, !hasCompiler);

test("a path, a link and an address that others rewrite meanwhile are what was judged", async (directory) => {
  const source = await Deno.readTextFile(new URL("../escapes/escapes.c", import.meta.url));
  const program = await compiled(directory, source, "-DTRIES=200", "-w");
  await Deno.mkdir(`${directory}/closed`);
  await Deno.writeTextFile(`${directory}/closed/secret`, "secret");
  const policy = new URL("../escapes/policy.ts", import.meta.url);
  policy.searchParams.append("closed", `${directory}/closed`);
  const tricks = [
    "other_addresses",
    "path_race",
    "link_race",
    "directory_race",
    "connect_race",
    "datagram_race",
  ];
  await Promise.all(tricks.map(async (trick) => {
    const cwd = `${directory}/${trick}`;
    await Deno.mkdir(cwd);
    const command = [program, trick, `${directory}/closed/secret`, "/none", "0", "none"];
    const permissions = { read: true, write: [directory], run: true };
    const { code, stdout, stderr } = await inBox(command, { cwd, permissions, policy });
    assertEquals([trick, code, stdout, stderr], [trick, 0, "", ""]);
  }));
}, !hasCompiler);

Deno.test("sandbox policy: the scheduler can be closed, although a policy computes", closeBoxes);

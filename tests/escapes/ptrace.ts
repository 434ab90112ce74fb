/** The platform ptrace of the sandbox: what a tracer has to get right that follows programs of all kinds. `deno task ptrace`. */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type CallEvent,
  CannotEnforce,
  PermissionError,
  PolicyError,
  sandbox,
  type SandboxOptions,
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
import { soon } from "../support/deadline.ts";

const reason = await obstacle();
if (reason) console.log(`The platform ptrace is not tested: ${reason}`);
const hasCompiler = await hasProgram("gcc");
if (!hasCompiler) {
  console.log("Not tested, as gcc is not on PATH: what only C calls, on the platform ptrace.");
}

const test = testsOfBoxes("ptrace", reason);

const shell = (script: string): [string, ...string[]] => ["/bin/sh", "-c", script];
const traced = { platform: "ptrace", permissions: { read: true, run: true, env: true } } satisfies Partial<
  SandboxOptions
>;

async function sameAsOutside(command: [string, ...string[]], directory: string): Promise<void> {
  const outside = await bare(command, { cwd: directory });
  const { flags: _, ...inside } = await inBox(command, {
    ...traced,
    permissions: { ...traced.permissions, write: [directory] },
    cwd: directory,
    env: {},
  });
  assertEquals(inside, outside);
}

test("a pipeline of 50 processes", (directory) =>
  sameAsOutside(
    ["/bin/bash", "-c", `seq 1000 ${"| cat ".repeat(50)} | tail -1; exit 5`],
    directory,
  ));

test("500 short processes, some at once", (directory) =>
  sameAsOutside(
    shell(`i=0; while [ $i -lt 400 ]; do /bin/true || echo bad; i=$((i + 1)); done
      i=0; while [ $i -lt 100 ]; do (/bin/echo $i > file$i)& i=$((i + 1)); done; wait; cat file* | sort -n`),
    directory,
  ));

test("python3 with threads, children and a server", async (directory) => {
  if (!await hasProgram("/usr/bin/python3")) return console.log("Not tested: there is no /usr/bin/python3.");
  await sameAsOutside(
    [
      "/usr/bin/python3",
      "-c",
      `
import socket, subprocess, threading
threads = [threading.Thread(target=lambda: open("/etc/hostname").read()) for _ in range(200)]
[t.start() for t in threads]; [t.join() for t in threads]
server = socket.create_server(("127.0.0.1", 0))
client = threading.Thread(target=lambda: socket.create_connection(server.getsockname()).sendall(b"over loopback"))
client.start(); print(server.accept()[0].recv(100)); client.join()
print(subprocess.run(["/bin/echo", "from a child"], capture_output=True))`,
    ],
    directory,
  );
});

test("signals get to their handlers, and end those that have none", (directory) =>
  sameAsOutside(
    shell(`trap 'echo heard' USR1; kill -USR1 $$; sleep 1000 & kill $!; wait $!; echo $?
      (kill -SEGV $(exec sh -c 'echo $PPID')); echo $?; ulimit -c 0; kill -TRAP $$`),
    directory,
  ));

test("who is stopped stays so until it is continued", async (directory) => {
  const source = `
    #include <signal.h>
    #include <stdio.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void) {
      int status, go[2];
      if (pipe(go) < 0) return 1;
      pid_t child = fork();
      // It ends only when that it goes on has been heard of.
      if (child == 0) raise(SIGSTOP), _exit(read(go[0], &status, 1) == 1 ? 7 : 1);
      waitpid(child, &status, WUNTRACED);
      printf("%d\\n", WIFSTOPPED(status) && waitpid(child, &status, WNOHANG) == 0);
      kill(child, SIGCONT);
      waitpid(child, &status, WCONTINUED);
      printf("%d\\n", WIFCONTINUED(status));
      if (write(go[1], "", 1) != 1) return 1;
      waitpid(child, &status, 0);
      printf("%d\\n", WEXITSTATUS(status));
    }`;
  await sameAsOutside([await compiled(directory, source)], directory);
}, !hasCompiler);

test("a thread that is not the first executes", async (directory) => {
  const source = `
    #include <pthread.h>
    #include <unistd.h>
    static void *execute(void *unused) { execl("/bin/echo", "echo", "from a thread", NULL); return unused; }
    static void *sleeping(void *unused) { pause(); return unused; }
    int main(void) {
      pthread_t one;
      for (int i = 0; i < 20; i++) pthread_create(&one, NULL, sleeping, NULL);
      pthread_create(&one, NULL, execute, NULL);
      pthread_join(one, NULL);
    }`;
  await sameAsOutside([await compiled(directory, source)], directory);
}, !hasCompiler);

test("a child that asks not to be traced can open nothing", async (directory) => {
  const source = `
    #define _GNU_SOURCE
    #include <errno.h>
    #include <fcntl.h>
    #include <sched.h>
    #include <stdio.h>
    #include <signal.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>
    int main(void) {
      if (syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0) == 0) {
        int file = open("/etc/hostname", O_RDONLY);
        dprintf(1, "%d\\n", file < 0 ? errno : 0);
        _exit(0);
      }
      wait(NULL);
    }`;
  const { stdout } = await inBox([await compiled(directory, source)], { ...traced, cwd: directory });
  assertEquals(stdout, "38\n"); // ENOSYS
}, !hasCompiler);

test("what is not allowed fails, whatever way it is asked for", async (directory) => {
  await Deno.mkdir(`${directory}/closed`);
  await Deno.writeTextFile(`${directory}/closed/secret`, "secret");
  await Deno.mkdir(`${directory}/scripts`);
  await Deno.writeTextFile(`${directory}/scripts/script`, `#!${directory}/closed/sh\necho ran\n`, {
    mode: 0o755,
  });
  await Deno.copyFile("/bin/sh", `${directory}/closed/sh`);
  await Deno.mkdir(`${directory}/open`);
  await Deno.symlink("../closed/secret", `${directory}/open/link`);
  const script = `cat ../closed/secret; cat link; cat /proc/self/cwd/../closed/secret; cat < link
    mv ../closed/secret .; ln ../closed/secret new; ln -s ../closed/secret new && cat new; echo x > ../closed/new
    ../closed/sh -c 'echo ran'; ../scripts/script; echo $?`;
  const { stdout, stderr } = await inBox(shell(script), {
    ...traced,
    cwd: `${directory}/open`,
    permissions: {
      read: ["/usr", "/bin", "/lib", "/proc", `${directory}/open`, `${directory}/scripts`],
      write: [`${directory}/open`],
      run: ["cat", "mv", "ln", `${directory}/scripts`],
    },
  });
  assertEquals(stdout, "137\n"); // nobody is asked about the interpreter of a script: it is ended before it does anything
  assertEquals(stderr.match(/Permission denied|cannot stat|Read-only/g)?.length, 9, stderr);
});

test("no file can be read by another name that it gets", async (directory) => {
  for (const name of ["pub", "pub/inner", "other", "other/inner"]) await Deno.mkdir(`${directory}/${name}`);
  await Deno.writeTextFile(`${directory}/secret`, "secret");
  await Deno.writeTextFile(`${directory}/other/inner/secret`, "secret");
  const source = `
    #define _GNU_SOURCE
    #include <fcntl.h>
    #include <stdio.h>
    #include <unistd.h>
    static void show(const char *path) {
      char bytes[64];
      int file = open(path, O_RDONLY);
      ssize_t count = read(file, bytes, sizeof bytes);
      if (count > 0) write(1, bytes, count);
    }
    int main(void) {
      link("secret", "pub/a"), show("pub/a");
      symlink("../secret", "pub/link"), show("pub/link");
      linkat(AT_FDCWD, "pub/link", AT_FDCWD, "pub/b", AT_SYMLINK_FOLLOW), show("pub/b");
      int file = open("secret", O_PATH);
      char path[32];
      snprintf(path, sizeof path, "/proc/self/fd/%d", file);
      show(path);
      linkat(AT_FDCWD, path, AT_FDCWD, "pub/c", AT_SYMLINK_FOLLOW), show("pub/c");
      linkat(file, "", AT_FDCWD, "pub/d", AT_EMPTY_PATH), show("pub/d");
      renameat2(AT_FDCWD, "secret", AT_FDCWD, "pub/link", RENAME_EXCHANGE), show("pub/link"), show("secret");
      rename("secret", "pub/e"), show("pub/e");
      rename("pub", "gone"), rename("other", "pub"), show("pub/inner/secret");
      rename("pub/link", "pub/f"), link("pub/f", "pub/inner/g"); // this is allowed
    }`;
  const program = await compiled(directory, source);
  const { stdout } = await inBox([program], {
    platform: "ptrace",
    cwd: directory,
    permissions: { read: [`${directory}/pub`, "/proc"], write: [directory] },
  });
  assertEquals(stdout, "");
  const names = (path: string) =>
    [...Deno.readDirSync(`${directory}/${path}`)].map(({ name }) => name).sort();
  assertEquals([names("pub"), names("pub/inner")], [["f", "inner"], ["g"]]);
}, !hasCompiler);

test("ports are what --allow-net=:PORT says", async (directory) => {
  if (!await hasProgram("/usr/bin/python3")) return console.log("Not tested: there is no /usr/bin/python3.");
  const server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (listener: Deno.TcpListener) => listener.addr.port;
  const code = `
import socket
for port in ${port(server)}, ${port(other)}:
  try: socket.create_connection(("127.0.0.1", port)); print("connected")
  except OSError as error: print(error.errno)`;
  const { stdout } = await inBox(["/usr/bin/python3", "-c", code], {
    ...traced,
    cwd: directory,
    permissions: { ...traced.permissions, net: [`:${port(server)}`] },
  });
  assertEquals(stdout, "connected\n13\n");
  server.close();
  other.close();
});

test("a trace has the results of calls, and the flags that they lack", async () => {
  await using box = await sandbox(await boxScheduler(), {
    command: shell("cat /etc/hostname < /nowhere; cat /etc/hostname"),
    platform: "ptrace",
    permissions: { run: ["cat"] },
    stderr: "null",
    events: true,
  });
  const seen: CallEvent[] = await Array.fromAsync(box.events);
  const about = (path: string) =>
    seen.filter(({ subject }) => subject.includes(path)).map(({ call, result, needs = [] }) => [
      call,
      result,
      ...needs,
    ]);
  assertEquals(about("/nowhere"), [["openat", "ENOENT"]]);
  assertEquals(about("/etc/hostname"), [["openat", "EACCES", "--allow-read=/etc/hostname"]]);
  assertEquals(about("/cat")[0].slice(0, 2), ["execve", 0]);
  assertEquals((await box.status).code, 1);
});

test("kill() and the timeout end all of a tree", async () => {
  const script = "sleep 1000 & (sleep 1000 & sleep 1000) & echo ready; exec sleep 1000";
  await using killed = await sandbox(await boxScheduler(), {
    ...traced,
    command: shell(script),
    stdout: "piped",
  });
  await killed.stdout.getReader().read();
  killed.kill();
  assertEquals((await soon(killed.status, "the status of a killed box")).signal, 9);
  const { code } = await soon(
    inBox(shell(script), { ...traced, limits: { timeout: 300 } }),
    "a box with a timeout",
  );
  assertEquals(code, 128 + 9);
});

test("signals that the box is sent get to the program", async () => {
  await using box = await sandbox(await boxScheduler(), {
    ...traced,
    command: shell("trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done"),
    stdout: "piped",
  });
  await box.stdout.getReader().read();
  assert(box.signal(15));
  assertEquals((await box.status).code, 9);
});

test("the death of the supervisor ends the tree", async (directory) => {
  const main = new URL("../../examples/sandbox/main.ts", import.meta.url).pathname;
  await using child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", main, "--platform=ptrace", "--allow-run", "--allow-read=/usr"]
      .concat("sh", "-c", "sleep 1000 & echo ready; exec sleep 1000"),
    cwd: directory,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  assertStringIncludes(new TextDecoder().decode((await reader.read()).value), "ready");
  child.kill("SIGKILL");
  // The end of the pipe that all of them hold.
  assertEquals((await soon(reader.read(), "the end of the program")).done, true);
});

test("what it cannot do is refused, with what would do", async () => {
  const scheduler = await boxScheduler();
  const started = (options: Partial<SandboxOptions>) =>
    sandbox(scheduler, { command: ["/bin/true"], platform: "ptrace", ...options });
  const refusal = await assertRejects(() => started({ permissions: { net: true } }), CannotEnforce);
  assertMatch(refusal.message, /abstract Unix sockets.*--best-effort accepts that/);
  await assertRejects(() => started({ onRequest: () => "allow" }), PolicyError, `a policy takes "landlock"`);
  await assertRejects(() => started({ trace: "learn" }), PolicyError, `learning takes "landlock"`);
  await assertRejects(
    () => started({ platform: "kvm" as "ptrace" }),
    PermissionError,
    'There is no platform "kvm"',
  );
});

test("the scheduler of the boxes can be closed", closeBoxes);

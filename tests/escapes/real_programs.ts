/**
 * Real programs with the permissions that learning names, also traced, under a policy that lets them and on the platform
 * ptrace: their output, their files and their status are what they are outside, byte for byte. `deno task real-programs`.
 */
import { assertEquals } from "@std/assert";
import { kinds, type PermissionOptions } from "../../examples/sandbox/permissions.ts";
import type { SandboxOptions } from "../../examples/sandbox/sandbox.ts";
import { bare, closeBoxes, hasProgram, inBox, obstacle } from "../support/boxes.ts";

const reason = await obstacle();
if (reason) console.log(`Real programs are not tested in a box: ${reason}`);

interface Case {
  readonly name: string;
  /** What has to be on PATH. */
  readonly needs: readonly string[];
  /** Run by bash in an empty directory before each run, outside. */
  readonly prepare?: string;
  /** Run by bash, in the box. */
  readonly script: string;
  /** Files that are different each time, also outside. */
  readonly ignored?: RegExp;
  /** With these beyond what was learnt, and why. */
  readonly more?: PermissionOptions;
}

const cFile = `cat > main.c <<'END'
#include <stdio.h>
int main(void) { puts("hello from C"); return 7; }
END`;

/** One for all builds, as an empty one takes half a minute. */
const goCache = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(goCache, { recursive: true }));

const cases: Case[] = [
  {
    name: "git clone and log",
    needs: ["git"],
    prepare: `git init -q -b main origin && cd origin && for i in 1 2 3; do
      echo $i > file$i; git add .; git -c user.name=A -c user.email=a@b commit -qm "change $i"; done`,
    script: "git clone --no-hardlinks origin copy && cd copy && git log --stat && git status && cat file*",
    ignored: /\.git\/(index|logs\/|packed-refs)/,
  },
  {
    name: "python3",
    needs: ["/usr/bin/python3"],
    script: `/usr/bin/python3 -c '
import json, os, subprocess, tempfile, threading, hashlib, sqlite3, socket
print(json.dumps({"sum": sum(range(1000)), "hash": hashlib.sha256(b"x").hexdigest()}))
threads = [threading.Thread(target=lambda: None) for _ in range(20)]
[t.start() for t in threads]; [t.join() for t in threads]
print(subprocess.run(["/bin/echo", "from a child"], capture_output=True))
with tempfile.TemporaryDirectory(dir=".") as d: open(d + "/x", "w").write("x")
open("out", "w").write("written")'`,
  },
  { name: "gcc", needs: ["gcc"], prepare: cFile, script: "gcc -O2 -o program main.c && ./program" },
  {
    name: "make -j4",
    needs: ["make", "gcc"],
    prepare: `for i in 1 2 3 4 5 6; do echo "int f$i(void) { return $i; }" > f$i.c; done
      printf 'OBJECTS = f1.o f2.o f3.o f4.o f5.o f6.o\\nall.a: $(OBJECTS)\\n\\tar rcD $@ $^\\n' > Makefile`,
    script: "make -s -j4 && ls && make -q",
  },
  {
    name: "tar",
    needs: ["tar", "gzip"],
    prepare:
      "mkdir tree && for i in $(seq 50); do echo $i > tree/$i; done; ln -s 1 tree/link; chmod 640 tree/2",
    script:
      "tar czf tree.tgz --mtime=@0 tree && mkdir out && tar xzf tree.tgz -C out && tar tvzf tree.tgz && cat out/tree/*",
  },
  {
    name: "sqlite3",
    needs: ["sqlite3"],
    script: `sqlite3 data.db 'create table t(a, b); begin; ${
      Array.from({ length: 50 }, (_, i) => `insert into t values(${i}, "row ${i}");`).join(" ")
    } commit; select count(*), sum(a) from t; pragma journal_mode=wal; insert into t values(1,2); select max(a) from t;'`,
  },
  {
    name: "node with http",
    needs: ["/usr/bin/node"],
    script: `/usr/bin/node -e '
const http = require("node:http");
const server = http.createServer((request, response) => response.end("hello " + request.url)).listen(0, "127.0.0.1", () =>
  http.get({ port: server.address().port, host: "127.0.0.1", path: "/x" }, (response) => {
    response.on("data", (data) => console.log(String(data)));
    response.on("end", () => server.close());
  }));'`,
  },
  {
    name: "curl to a loopback server in the box",
    needs: ["curl", "/usr/bin/python3"],
    prepare: "mkdir site && echo served > site/index.html",
    script: `/usr/bin/python3 -c '
import functools, http.server, subprocess, threading
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="site")
handler.func.log_message = lambda *rest: None
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(subprocess.run(["curl", "-s", "http://127.0.0.1:%d/" % server.server_port], capture_output=True).stdout)
server.shutdown()'`,
  },
  {
    name: "a Go program",
    needs: ["go"],
    prepare: `cat > main.go <<'END'
package main
import ("fmt"; "os"; "os/exec"; "sync")
func main() {
  var group sync.WaitGroup
  sums := make([]int, 100)
  for i := range sums { group.Add(1); go func() { defer group.Done(); sums[i] = i * i }() }
  group.Wait()
  out, err := exec.Command("/bin/echo", "child").CombinedOutput()
  fmt.Println(sums[99], string(out), err)
  fmt.Println(os.WriteFile("go.out", []byte("written"), 0o644))
}
END
GOCACHE=${goCache} HOME=/tmp go build -o program main.go`,
    script: "./program",
    ignored: /^program$/,
  },
  {
    name: "a Rust program",
    needs: ["rustc"],
    prepare: `cat > main.rs <<'END'
use std::{fs, process::Command, thread};
fn main() {
    let sum: u64 = (0..8).map(|i| thread::spawn(move || i * i)).map(|t| t.join().unwrap()).sum();
    println!("{} {:?}", sum, Command::new("/bin/echo").arg("child").output().unwrap());
    fs::write("rust.out", "written").unwrap();
    std::process::exit(3);
}
END
rustc -O -o program main.rs`,
    script: "./program",
    ignored: /^program$/,
  },
  {
    name: "a pipeline of 50 processes",
    needs: ["cat", "seq"],
    script: `seq 20000 ${"| cat ".repeat(48)}| sort -rn | head -3; echo \${PIPESTATUS[@]}`,
  },
  {
    name: "1,000 short processes",
    needs: ["true"],
    script: "for i in {1..1000}; do /bin/true || echo failed; done; echo done",
  },
  {
    name: "200 threads",
    needs: ["gcc"],
    prepare: `cat > main.c <<'END'
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *run(void *at) { int f = open("main.c", O_RDONLY); char c; long r = read(f, &c, 1); close(f); return (void *)(r + (long)at); }
int main(void) {
  pthread_t all[200]; long sum = 0; void *one;
  for (long i = 0; i < 200; i++) if (pthread_create(&all[i], 0, run, (void *)i)) return 1;
  for (int i = 0; i < 200; i++) { pthread_join(all[i], &one); sum += (long)one; }
  printf("%ld\\n", sum);
}
END
gcc -pthread -o program main.c`,
    script: "./program",
  },
  {
    name: "vim",
    needs: ["vim"],
    prepare: "printf 'one\\ntwo\\nthree\\n' > text",
    script: `vim -es -u NONE -i NONE -c '%s/two/2/' -c 'wq' text; cat text; ls`,
  },
  {
    name: "tmux",
    needs: ["tmux"],
    script: `export TMUX_TMPDIR=$PWD
tmux -f /dev/null new-session -d -x 80 -y 24 'echo in tmux > out; tmux wait-for -S done; read x'; tmux wait-for done; cat out
tmux kill-server 2> /dev/null; rm -rf tmux-*`,
    // Its server and its clients meet in a socket.
    more: { net: ["unix"] },
  },
];

/** Every file by its name, mode and content. */
async function filesIn(directory: string, ignored?: RegExp, prefix = ""): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`, relative = prefix + name;
    if (ignored?.test(relative)) continue;
    const { isDirectory, isSymlink, mode } = await Deno.lstat(path);
    if (isDirectory) Object.assign(files, await filesIn(path, ignored, `${relative}/`));
    const content = isDirectory
      ? ""
      : isSymlink
      ? await Deno.readLink(path)
      : new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
    files[relative] = `${(mode! & 0o7777).toString(8)} ${content}`;
  }
  return files;
}

/** Flags as permissions; see `SandboxStatus.flags`. */
function permissionsIn(flags: readonly string[], more: PermissionOptions = {}): PermissionOptions {
  const permissions: Record<string, unknown> = { env: true };
  for (const flag of flags) {
    const [, kind, list] = /^--allow-(\w+)=(.*)$/.exec(flag)!;
    permissions[kind] = list.split(",");
  }
  for (const kind of kinds) {
    if (more[kind]) {
      permissions[kind] = [...(permissions[kind] as string[] ?? []), ...(more[kind] as string[])];
    }
  }
  return permissions as PermissionOptions;
}

for (const { name, needs, prepare = "", script, ignored, more } of cases) {
  const missing: string[] = [];
  for (const program of needs) if (!await hasProgram(program)) missing.push(program);
  if (missing.length > 0) console.log(`Not tested, as ${missing.join(" and ")} is not here: ${name}`);
  Deno.test({
    name: `in a box as outside: ${name}`,
    ignore: reason !== undefined || missing.length > 0,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const directory = await Deno.realPath(await Deno.makeTempDir());
      const env = {
        PATH: Deno.env.get("PATH")!,
        HOME: directory,
        LC_ALL: "C",
        TERM: "xterm",
        SOURCE_DATE_EPOCH: "0",
        GIT_AUTHOR_DATE: "2001-01-01T00:00:00Z",
        GIT_COMMITTER_DATE: "2001-01-01T00:00:00Z",
      };
      const command = ["/bin/bash", "-c", script];
      const options = { cwd: directory, env };
      const fresh = async () => {
        for await (const { name } of Deno.readDir(directory)) {
          await Deno.remove(`${directory}/${name}`, { recursive: true });
        }
        const realHome = { HOME: Deno.env.get("HOME") ?? directory };
        const { code, stderr } = await bare(["/bin/bash", "-ec", prepare], {
          cwd: directory,
          env: { ...env, ...realHome },
        });
        assertEquals([code, code === 0 ? "" : stderr], [0, ""]);
      };
      try {
        await fresh();
        const outside = await bare(command, options);
        const outsideFiles = await filesIn(directory, ignored);
        await fresh();
        const learnt = await inBox(command, { ...options, permissions: { env: true }, trace: "learn" });
        assertEquals({ ...learnt, flags: undefined }, { ...outside, flags: undefined });
        const permissions = permissionsIn(learnt.flags, more);
        const accepted = () => {}; // the platform ptrace takes that for Unix sockets
        const ways: Record<string, Partial<SandboxOptions>> = {
          "": {},
          "with a trace of results": { trace: "results" },
          "under a policy": { policy: new URL("policy.ts", import.meta.url) },
          "traced by ptrace": { platform: "ptrace", bestEffort: accepted },
        };
        for (const [way, more] of Object.entries(ways)) {
          await fresh();
          const { flags: _, ...inside } = await inBox(command, { ...options, permissions, ...more });
          const how = `${learnt.flags.join(" ")} ${way}`;
          assertEquals(inside, outside, how);
          assertEquals(await filesIn(directory, ignored), outsideFiles, how);
        }
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    },
  });
}

Deno.test("the scheduler of the boxes can be closed", closeBoxes);

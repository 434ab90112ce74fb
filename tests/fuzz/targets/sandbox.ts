/** What a program in the sandbox says in its calls: it is hostile. */
import { assert, assertEquals } from "@std/assert";
import { addressText, decode, intercepted } from "../../../examples/sandbox/intercepted_call.ts";
import { linked } from "../../../examples/sandbox/linked.ts";
import { toBytes } from "../../../examples/sandbox/plan.ts";
import type { RemoteMemory } from "../../../examples/sandbox/remote_memory.ts";
import { AT_FDCWD, PathResolver } from "../../../examples/sandbox/remote_path.ts";
import type { Notification } from "../../../examples/sandbox/seccomp.ts";
import { Choices, type Target } from "../target.ts";

/** A struct sockaddr, of any length. */
export const addresses: Target = {
  name: "sandbox_addresses",
  modules: ["sandbox/intercepted_call"],
  tokens: ["\x01\0/path\0", "\x01\0\0abstract", "\x02\0\0\x50\x7f\0\0\x01"],
  seeds: [Uint8Array.of(10, 0, 0, 80, ...new Uint8Array(20)), Uint8Array.of(1, 0, 47, 0)],
  run(input) {
    assert(typeof addressText(input) === "string");
  },
};

const numbers = Object.values(intercepted);

/** Any call with any arguments, over a memory of the same making. */
export const interceptedCalls: Target = {
  name: "sandbox_calls",
  modules: ["sandbox/intercepted_call"],
  seeds: numbers.map((_, i) => Uint8Array.from([i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])),
  run(input) {
    const choices = new Choices(input);
    const number = choices.of(numbers);
    const int = () => choices.byte() << 24 | choices.byte() << 16 | choices.byte();
    const notification = { thread: Deno.pid, number, argument: () => BigInt(choices.byte()), int };
    const memory = {
      read: (_thread: number, _at: bigint, length: number) => {
        assert(length >= 0 && length <= 128, `it reads ${length} bytes`);
        return choices.below(4) === 0 ? undefined : new Uint8Array(length).map(() => choices.byte());
      },
      readPath: () => choices.below(4) === 0 ? 14 : toBytes(choices.text(choices.below(20))),
    };
    const call = decode(notification as unknown as Notification, memory as unknown as RemoteMemory);
    assertEquals(intercepted[call.name], number);
    assert(typeof call.subject === "string");
  },
};

const object = Deno.makeTempFileSync({ prefix: "heddle-fuzz-" });
addEventListener("unload", () => Deno.removeSync(object));

/** A program of which the first bytes are those of a real one. */
export const objects: Target = {
  name: "sandbox_objects",
  modules: ["sandbox/linked"],
  tokens: ["\x7fELF\x02\x01", "#!/bin/sh\n", "libc.so.6\0", "$ORIGIN/../lib"],
  seeds: [Deno.readFileSync("/bin/true").subarray(0, 1024), new TextEncoder().encode("#! /bin/sh x\n")],
  run(input) {
    Deno.writeFileSync(object, input);
    const { execute, read } = linked(object);
    assert(execute.has(object) && read.has(object));
  },
};

/** A tree with links of all kinds, in which paths are looked up. */
const tree = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "heddle-fuzz-" }));
addEventListener("unload", () => Deno.removeSync(tree, { recursive: true }));
for (const folder of ["a", "a/b", "a/b/c", "d"]) Deno.mkdirSync(`${tree}/${folder}`);
Deno.writeTextFileSync(`${tree}/a/file`, "");
const links: Record<string, string> = {
  "a/up": "..",
  "a/b/top": tree,
  "d/loop": "loop",
  "d/ping": "../d/pong",
  "d/pong": "ping",
  "d/far": "../a/./b//c/../../up/a/b",
  "d/gone": "nowhere/else",
  "d/slash": "../a/",
  "a/b/c/file": "../../file",
  "a/b/c/self": "/proc/self/cwd",
  "d/é": "../a",
};
for (const [name, target] of Object.entries(links)) Deno.symlinkSync(target, `${tree}/${name}`);
const resolver = new PathResolver();
const pieces = [
  "a",
  "b",
  "c",
  "d",
  "up",
  "top",
  "loop",
  "ping",
  "far",
  "gone",
  "slash",
  "file",
  "self",
  "é",
  ".",
  "..",
  "",
  "x",
];

/** Where the kernel finds a file, the resolver finds the same one. */
export const paths: Target = {
  name: "sandbox_paths",
  modules: ["sandbox/remote_path"],
  seeds: pieces.map((_, i) => Uint8Array.from([i, 0, i + 1, 3, i + 2, 4, 1, 15, 2])),
  run(input) {
    const parts = [...input].slice(0, 60).map((byte) => pieces[byte % pieces.length]);
    const path = `${tree}/${parts.join("/")}`;
    const location = resolver.resolve(Deno.pid, { path: toBytes(path), directory: AT_FDCWD, follow: true });
    let kernels: string | undefined;
    try {
      kernels = Deno.realPathSync(path);
    } catch {
      // Not there, or a loop: what the resolver says then only has to be something.
    }
    if (kernels === undefined) assert(typeof location === "number" || location.name.startsWith("/"));
    else assertEquals(typeof location === "number" ? location : location.name, toBytes(kernels), path);
  },
};

/** What a program in the sandbox says in its calls: it is hostile. */
import { assert, assertEquals } from "@std/assert";
import { addressText, decode, intercepted } from "../../../examples/sandbox/intercepted_call.ts";
import { asked as askedCalls, copyCall } from "../../../examples/sandbox/copied_call.ts";
import { linked } from "../../../examples/sandbox/linked.ts";
import { bytesOf, fromBytes, toBytes } from "../../../examples/sandbox/plan.ts";
import { destinationOf, requested, socksHost } from "../../../examples/sandbox/proxy.ts";
import type { RemoteMemory } from "../../../examples/sandbox/remote_memory.ts";
import { AT_FDCWD, PathResolver } from "../../../examples/sandbox/remote_path.ts";
import type { Notification } from "../../../examples/sandbox/seccomp.ts";
import { close, loadSystemCalls } from "../../../examples/sandbox/system_call.ts";
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
    assert(typeof call.subject() === "string");
  },
};

const copied = Object.values(askedCalls);

/** The same for what a policy is asked about, by a process that is this one. */
export const copiedCalls: Target = {
  name: "sandbox_copies",
  modules: ["sandbox/copied_call"],
  tokens: ["/proc/self/fd/1", "/dev/stdin", "/proc/thread-self/exe", "//etc//mtab", "..", "\x01\0/path\0"],
  seeds: copied.map((_, i) => Uint8Array.from([i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])),
  run(input) {
    const choices = new Choices(input);
    const number = choices.of(copied);
    const notification = {
      id: 1n,
      thread: Deno.pid,
      number,
      argument: () => choices.below(3) * (choices.below(2) === 0 ? 1 : 2 ** 20 + choices.byte()),
      int: () =>
        choices.below(4) === 0 ? -100 : choices.below(2) === 0 ? choices.below(3) : choices.byte() << 20,
    };
    const memory = {
      copy: (_thread: number, _at: number, length: number) => {
        assert(length >= 0 && length <= 1 << 18, `it reads ${length} bytes`);
        if (choices.below(4) === 0) return undefined;
        const bytes = new Uint8Array(length);
        bytes.set(choices.take(Math.min(length, 100)));
        return bytes;
      },
      readPath: () =>
        choices.below(4) === 0 ? 14 : fromBytes(choices.take(choices.below(40))).replaceAll("\0", "/"),
    };
    loadSystemCalls(); // which keeps a descriptor
    const before = descriptors();
    const copy = copyCall(
      notification as unknown as Notification,
      memory as unknown as RemoteMemory,
      0,
    );
    if (typeof copy === "number") assert(copy < 0, `an error of ${copy}`);
    else for (const fd of copy.descriptors) close(fd);
    assertEquals(descriptors(), before, "descriptors");
  },
};

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** What a program says to the proxy: a head of HTTP, or an address of SOCKS5. */
export const proxied: Target = {
  name: "sandbox_proxy",
  modules: ["sandbox/proxy"],
  tokens: [
    "CONNECT ",
    "GET http://",
    " HTTP/1.1\r\n",
    "\r\nHost: ",
    "\r\nConnection: ",
    "\r\n\r\n",
    "[::1]:",
    "@",
    "\n",
  ],
  seeds: [
    "HCONNECT example.org:443 HTTP/1.1\r\nA: b",
    "HGET http://a@b:1/c?d HTTP/1.0\r\nHost: e\r\nProxy-A: b",
    "HGET http://./ HTTP/1.1\r\nA: b",
    "Sname",
    "4\x7f\0\0\x01",
    "6" + "\0".repeat(15) + "\x01",
  ].map(bytesOf),
  run(input) {
    const [kind, rest] = [input[0] ?? 0, input.subarray(1)];
    if (kind === "S".charCodeAt(0)) {
      return void assert(typeof socksHost(3, rest.subarray(0, 255)) === "string");
    }
    if (kind === "4".charCodeAt(0) && rest.length >= 4) {
      return void assert(/^(\d+\.){3}\d+$/.test(socksHost(1, rest.subarray(0, 4))));
    }
    if (kind === "6".charCodeAt(0) && rest.length >= 16) {
      return void assert(/^[0-9a-f:]+$/.test(socksHost(4, rest.subarray(0, 16))));
    }
    const text = fromBytes(rest);
    const found = destinationOf(text);
    assert(found?.host !== "" && (found?.port ?? 0) <= 65535, text);
    const head = text.split("\r\n\r\n")[0] + "\r\n\r\n"; // as it is read
    const request = requested(head);
    if (!request) return;
    assert(request.host !== "" && request.host === request.host.toLowerCase(), request.host);
    assert(Number.isInteger(request.port) && request.port >= 0 && request.port <= 65535);
    if (request.forwarded === undefined) return;
    const [line, host, connection, ...fields] = request.forwarded.split("\r\n");
    assert(/^\S+ \/\S* HTTP\/1\.[01]$/.test(line), line);
    assert(host.toLowerCase().includes(request.host), host);
    assertEquals(connection, "Connection: close");
    assertEquals(fields.slice(-2), ["", ""]);
    for (const field of fields.slice(0, -2)) {
      assert(/^[^\s:]+:[^\r\n]*$/.test(field) && !/^(host|connection|proxy-.*)\s*:/i.test(field), field);
    }
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

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { destinationOf, Proxy, requested } from "../../examples/sandbox/proxy.ts";
import { closeBoxes, hasProgram, inBox, obstacle } from "../support/boxes.ts";

const reason = await obstacle();
if (reason) console.log(`Networks of the sandbox are not tested: ${reason}`);
const hasCurl = await hasProgram("curl");
if (!hasCurl) console.log("Not tested, as curl is not on PATH: the proxy of a sandbox.");
const isImpossible = reason !== undefined || !hasCurl;

/** A server on the host's loopback device, that a box cannot reach but by the proxy. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    return new Response(`${request.method} ${pathname} ${await request.text()}`);
  });
}

Deno.test({
  name:
    "sandbox network: hosts are reached by name, by HTTP, through a tunnel and by SOCKS, and no other ones",
  ignore: isImpossible,
  fn: async () => {
    await using server = serve();
    const { port } = server.addr;
    const curl = async (url: string, ...options: string[]) => {
      const { stdout, stderr, flags } = await inBox(
        ["curl", "--silent", "--show-error", "--noproxy", "", ...options, url],
        { permissions: { read: true, net: [`localhost:${port}`, "unreachable.invalid"] }, trace: "refused" },
      );
      return { text: stdout, stderr, net: flags.filter((flag) => flag.startsWith("--allow-net")) };
    };
    const body = "x".repeat(100_000);
    const socks = ["--socks5-hostname", "127.0.0.1:3128"];
    const [plain, tunnel, bySocks, posted, refused, refusedSocks, missing, direct] = await Promise.all([
      curl(`http://localhost:${port}/plain`),
      curl(`http://LOCALHOST:${port}/tunnel`, "--proxytunnel"),
      curl(`http://localhost:${port}/socks`, ...socks),
      curl(`http://localhost:${port}/post`, "--data", body),
      curl(`http://127.0.0.1:${port}/`),
      curl(`http://127.0.0.1:${port}/`, ...socks),
      curl("http://unreachable.invalid/"),
      curl(`http://127.0.0.1:${port}/`, "--noproxy", "*"),
    ]);
    assertEquals([plain.text, tunnel.text, bySocks.text], ["GET /plain ", "GET /tunnel ", "GET /socks "]);
    assert(posted.text === `POST /post ${body}`, `${posted.text.length} characters, ${posted.stderr}`);
    assertEquals([plain.net, refused.net, refusedSocks.net], [
      [],
      [`--allow-net=127.0.0.1:${port}`],
      [`--allow-net=127.0.0.1:${port}`],
    ]);
    assertEquals(refused.text, `sandbox: this takes --allow-net=127.0.0.1:${port}\n`);
    assertEquals(missing.text, "sandbox: unreachable.invalid:80 cannot be reached\n");
    assertEquals([refusedSocks.text, direct.text], ["", ""]);
    assertStringIncludes(direct.stderr, "connect");
  },
  sanitizeOps: false,
  sanitizeResources: false,
});

Deno.test({
  name: "sandbox network: a box with a proxy serves and reaches itself, and what is denied stays so",
  ignore: isImpossible || !await hasProgram("/usr/bin/python3"),
  fn: async () => {
    await using server = serve();
    const { port } = server.addr;
    const program = `
import os, socket
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname()).close()
print("own works")
proxy = socket.create_connection(("127.0.0.1", 3128))
proxy.sendall(b"CONNECT localhost:${port} HTTP/1.1\\r\\n\\r\\n")
print(proxy.recv(100).split(b"\\r")[0].decode())
print(os.environ["HTTPS_PROXY"], os.environ["all_proxy"], len(os.environ))`;
    const { stdout } = await inBox(["/usr/bin/python3", "-c", program], {
      permissions: { read: true, net: { allow: ["localhost"], deny: [`localhost:${port}`] } },
    });
    const [own, status, variables] = stdout.trim().split("\n");
    assertEquals([own, status], ["own works", "HTTP/1.1 403 Forbidden"]);
    assertEquals(variables.split(" ").slice(0, 2), ["http://127.0.0.1:3128", "socks5h://127.0.0.1:3128"]);
  },
  sanitizeOps: false,
  sanitizeResources: false,
});

Deno.test("sandbox network: a client that says what no client should is refused, byte by byte or at once", async () => {
  await using proxy = new Proxy([{ host: "localhost", port: 1 }], []);
  const text = new TextDecoder("latin1");
  const answerTo = async (said: string | number[], byByte: boolean): Promise<string> => {
    using client = await Deno.connect({ transport: "unix", path: proxy.path });
    const bytes = typeof said === "string" ? new TextEncoder().encode(said) : Uint8Array.from(said);
    try {
      for (let i = 0; i < bytes.length; i += byByte ? 1 : bytes.length) {
        await client.write(byByte ? bytes.subarray(i, i + 1) : bytes);
      }
      await client.closeWrite();
    } catch { /* it has heard enough */ }
    const answer = new Uint8Array(1000);
    let length = 0;
    for (let count: number | null = 0; count !== null; length += count) {
      count = await client.read(answer.subarray(length)).catch(() => null);
      if (count === null) break;
    }
    return text.decode(answer.subarray(0, length));
  };
  const socks = (command: number, ...address: number[]) => [5, 1, 0, 5, command, 0, ...address];
  // How the answer begins, or what is in it.
  const cases: [string | number[], RegExp | number[]][] = [
    ["", /^$/],
    ["GET / HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["nonsense\r\n\r\n", /^HTTP\/1.1 400 /],
    ["CONNECT localhost HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["CONNECT :1 HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["CONNECT .:1 HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET http://./ HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["CONNECT localhost:99999 HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET https://localhost:1/ HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET http://localhost:1/ HTTP/1.1\r\nA: b\r\n c\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET http://localhost:1/ HTTP/1.1\r\nA : b\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET http://localhost:1/ HTTP/1.1\r\nA: b\nC: d\r\n\r\n", /^HTTP\/1.1 400 /],
    ["GET http://user@localhost:2/ HTTP/1.1\r\n\r\n", /^HTTP\/1.1 403 [^]*--allow-net=localhost:2/],
    ["CONNECT [::1]:1 HTTP/1.1\r\n\r\n", /^HTTP\/1.1 403 [^]*--allow-net=\[::1\]:1/],
    ["CONNECT LocalHost.:1 HTTP/1.0\r\n\r\n", /^HTTP\/1.1 502 /],
    [[5, 1, 2], [5, 255]],
    [[5, 0], [5, 255]],
    [socks(1, 1, 127, 0, 0, 1, 0, 1), [5, 0, 5, 2]],
    [socks(1, 4, ...Array(15).fill(0), 1, 0, 1), [5, 0, 5, 2]],
    [socks(1, 3, 9, ..."localhost".split("").map((c) => c.charCodeAt(0)), 0, 1), [5, 0, 5, 5]],
    [socks(1, 3, 1, 46, 0, 1), [5, 0, 5, 4]],
    [socks(2, 1, 127, 0, 0, 1, 0, 1), [5, 0, 5, 7]],
    [socks(1, 9), [5, 0, 5, 8]],
    [socks(1, 3, 200, 0), [5, 0]],
  ];
  for (const [said, expected] of cases) {
    for (const byByte of [false, true]) {
      const answer = await answerTo(said, byByte);
      const isExpected = expected instanceof RegExp
        ? expected.test(answer)
        : answer.startsWith(String.fromCharCode(...expected));
      assert(isExpected, `${JSON.stringify(said)}: ${JSON.stringify(answer)}`);
    }
  }
  assertEquals(await answerTo("x".repeat(100_000), false), "");
});

Deno.test("sandbox network: a server is asked for the host that is allowed, whatever else the client says of it", () => {
  const head =
    "GET http://Example.org:80/path?x#y HTTP/1.1\r\nhost: other.example\r\nProxy-Connection: x\r\nA: \xfc\r\n\r\n";
  assertEquals(requested(head), {
    host: "example.org",
    port: 80,
    forwarded: "GET /path?x HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\nA: \xfc\r\n\r\n",
  });
});

Deno.test("sandbox network: destinations are hosts, ports or both", () => {
  assertEquals(destinationOf("Example.org:443"), { host: "example.org", port: 443 });
  assertEquals(destinationOf("example.org."), { host: "example.org" });
  assertEquals(destinationOf(":80"), { port: 80 });
  assertEquals(destinationOf("*:80"), { port: 80 });
  assertEquals(destinationOf("[2001:DB8::1]:443"), { host: "2001:db8::1", port: 443 });
  assertEquals(destinationOf("127.0.0.1"), { host: "127.0.0.1" });
  for (const wrong of ["", ":", "a:b", "a:65536", "a b:1", "http://a", "::1", "a/b:1"]) {
    assertEquals(destinationOf(wrong), undefined, wrong);
  }
});

Deno.test("sandbox network: the scheduler can be closed", closeBoxes);

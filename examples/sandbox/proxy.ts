/**
 * What a box reaches by name: a proxy on the host, for HTTP (CONNECT and plain requests) and SOCKS5, on one Unix socket.
 * The box itself has an empty network; a relay of the launcher carries bytes from its loopback device to here. So nothing
 * leaves but by a name that is allowed, and names are looked up here.
 */

import { bytesOf, type ByteString, fromBytes } from "./plan.ts";

/** Where the program finds it: as in launcher.c. */
const address = "127.0.0.1:3128";
export const proxyAddress = ":3128";

/** What programs look at; most know one of these. */
export const proxyEnvironment: ReadonlyMap<string, string> = new Map(
  Object.entries({
    HTTP_PROXY: `http://${address}`,
    HTTPS_PROXY: `http://${address}`,
    ALL_PROXY: `socks5h://${address}`,
    NO_PROXY: "localhost,127.0.0.1,::1",
  }).flatMap(([name, value]) => [[name, value], [name.toLowerCase(), value]]),
);

/** A host, a port, or both. */
export interface Destination {
  readonly host?: string;
  readonly port?: number;
}

/** `host:port`, `host`, `:port`, `[address]:port`; undefined for what is none of them. */
export function destinationOf(entry: string): Destination | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]/\s]*)(?::(\d+))?$/i.exec(entry);
  if (!match) return undefined;
  const [, host, digits] = match;
  const port = digits === undefined ? undefined : Number(digits);
  if (host === "" && port === undefined || port !== undefined && port > 65535) return undefined;
  const name = plain(host);
  if (name === "" && host !== "") return undefined; // the root of all names
  return { ...(name !== "" && name !== "*" && { host: name }), ...(port !== undefined && { port }) };
}

/** As names are compared. */
function plain(host: string): string {
  return host.toLowerCase().replace(/^\[|\]$/g, "").replace(/\.$/, "");
}

/** What the head of a request asks for. */
export interface Requested {
  readonly host: string;
  readonly port: number;
  /** What goes to the server instead of the head; nothing does for a tunnel. */
  readonly forwarded?: ByteString;
}

/** RFC 9112: what servers read in different ways, as lines that go on or blanks before a colon, is no request. */
const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]+) (\S+) (HTTP\/1\.[01])$/;
const FIELD = /^[\w!#$%&'*+.^`|~-]+:[^\0\r\n]*$/;

/** Of CONNECT and of requests for `http:` URLs, with the empty line that ends them; undefined for all else. */
export function requested(head: ByteString): Requested | undefined {
  const [first, ...fields] = head.split("\r\n").slice(0, -2);
  const [, method, target, version] = REQUEST_LINE.exec(first) ?? [];
  if (version === undefined || !fields.every((field) => FIELD.test(field))) return undefined;
  if (method === "CONNECT") {
    const { host, port } = destinationOf(target) ?? {};
    return host === undefined || port === undefined ? undefined : { host, port };
  }
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url?.protocol !== "http:") return undefined;
  const host = plain(url.hostname);
  if (host === "") return undefined;
  // One request for each connection: the next one may be for another host, and comes here. What the client says of the host
  // is replaced by that of the URL (RFC 9112, 3.2.2): else a server of many would be asked for another than is allowed.
  const kept = fields.filter((field) => !/^(host|proxy-[^:]*|connection|keep-alive):/i.test(field));
  const line = `${method} ${url.pathname}${url.search} ${version}`;
  return {
    host,
    port: Number(url.port || 80),
    forwarded: [line, `Host: ${url.host}`, "Connection: close", ...kept, "", ""].join("\r\n"),
  };
}

const IPV4 = 1, NAME = 3, IPV6 = 4;

/** The host of an address as SOCKS5 has it, of one of these kinds. */
export function socksHost(kind: number, address: Uint8Array): string {
  if (kind === NAME) return plain(new TextDecoder().decode(address));
  if (kind === IPV4) return address.join(".");
  const view = new DataView(address.slice().buffer);
  const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(":");
  return plain(new URL(`http://[${groups}]`).hostname);
}

/** Bytes of the longest head of a request. */
const MOST_HEAD = 1 << 16;

export class Proxy implements AsyncDisposable {
  /** The Unix socket. */
  readonly path: string;
  readonly #directory: string;
  readonly #listener: Deno.Listener;
  readonly #allowed: readonly Destination[];
  readonly #denied: readonly Destination[];
  readonly #open = new Set<Deno.Conn>();
  readonly #refused = new Set<string>();

  constructor(allowed: readonly Destination[], denied: readonly Destination[]) {
    this.#directory = Deno.makeTempDirSync({ prefix: "heddle-sandbox-" }); // nobody else may look into it
    this.path = `${this.#directory}/proxy`;
    this.#listener = Deno.listen({ transport: "unix", path: this.path });
    this.#allowed = allowed;
    this.#denied = denied;
    this.#serveAll();
  }

  /** Flags that would allow what was refused. */
  get refused(): string[] {
    return [...this.#refused];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #serveAll(): Promise<void> {
    for await (const client of this.#listener) {
      this.#open.add(client);
      this.#serve(client)
        .catch(() => {}) // one of both has gone
        .finally(() => {
          this.#open.delete(client);
          close(client);
        });
    }
  }

  async #serve(client: Deno.Conn): Promise<void> {
    const reader = new Reader(client);
    const SOCKS5 = 5;
    if (await reader.peek() === SOCKS5) await this.#serveSocks(client, reader);
    else await this.#serveHttp(client, reader);
  }

  async #serveHttp(client: Deno.Conn, reader: Reader): Promise<void> {
    const wanted = requested(await reader.head());
    const reply = (status: string, text = "") =>
      writeAll(
        client,
        `HTTP/1.1 ${status}\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
      );
    if (!wanted) return await reply("400 Bad Request");
    const { host, port, forwarded } = wanted;
    const flag = this.#refusal(host, port);
    if (flag) return await reply("403 Forbidden", `sandbox: this takes ${flag}\n`);
    const server = await connected(host, port);
    if (!server) return await reply("502 Bad Gateway", `sandbox: ${host}:${port} cannot be reached\n`);
    try {
      if (forwarded === undefined) await writeAll(client, "HTTP/1.1 200 Connection established\r\n\r\n");
      else await writeAll(server, bytesOf(forwarded));
      await this.#both(client, server, reader);
    } finally {
      close(server);
    }
  }

  /** RFC 1928. */
  async #serveSocks(client: Deno.Conn, reader: Reader): Promise<void> {
    const NO_AUTHENTICATION = 0, CONNECT = 1;
    const [, count] = await reader.bytes(2);
    const methods = await reader.bytes(count);
    const isOpen = methods.includes(NO_AUTHENTICATION);
    await writeAll(client, Uint8Array.of(5, isOpen ? NO_AUTHENTICATION : 0xff));
    if (!isOpen) return;
    const [, command, , kind] = await reader.bytes(4);
    const reply = (status: number) => writeAll(client, Uint8Array.of(5, status, 0, IPV4, 0, 0, 0, 0, 0, 0));
    const lengths: Record<number, number> = { [IPV4]: 4, [IPV6]: 16 };
    const length = kind === NAME ? (await reader.bytes(1))[0] : lengths[kind];
    if (length === undefined) return await reply(8);
    const host = socksHost(kind, await reader.bytes(length));
    const [high, low] = await reader.bytes(2);
    const port = high << 8 | low;
    if (command !== CONNECT) return await reply(7);
    if (host === "") return await reply(4);
    if (this.#refusal(host, port)) return await reply(2);
    const server = await connected(host, port);
    if (!server) return await reply(5);
    try {
      await reply(0);
      await this.#both(client, server, reader);
    } finally {
      close(server);
    }
  }

  /** The flag that it would take, if that is not there. */
  #refusal(host: string, port: number): string | undefined {
    const matches = (rule: Destination) =>
      (rule.host === undefined || rule.host === host) && (rule.port === undefined || rule.port === port);
    if (this.#allowed.some(matches) && !this.#denied.some(matches)) return undefined;
    const flag = `--allow-net=${host.includes(":") ? `[${host}]` : host}:${port}`;
    if (this.#refused.size < 1000) this.#refused.add(flag);
    return flag;
  }

  async #both(client: Deno.Conn, server: Deno.Conn, reader: Reader): Promise<void> {
    this.#open.add(server);
    try {
      await writeAll(server, reader.rest());
      await Promise.all([
        server.readable.pipeTo(client.writable),
        client.readable.pipeTo(server.writable, { preventClose: true }).then(() => server.closeWrite()),
      ]);
    } finally {
      this.#open.delete(server);
    }
  }
}

async function connected(hostname: string, port: number): Promise<Deno.Conn | undefined> {
  try {
    return await Deno.connect({ hostname, port });
  } catch {
    return undefined;
  }
}

async function writeAll(to: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // a stream of it has closed it
  }
}

/** What a client says before bytes only pass through. Its end is an error. */
class Reader {
  readonly #from: Deno.Conn;
  #have = new Uint8Array();

  constructor(from: Deno.Conn) {
    this.#from = from;
  }

  async #more(): Promise<void> {
    const bytes = new Uint8Array(4096);
    const count = await this.#from.read(bytes);
    if (count === null) throw new Error("the client has gone");
    const all = new Uint8Array(this.#have.length + count);
    all.set(this.#have);
    all.set(bytes.subarray(0, count), this.#have.length);
    this.#have = all;
  }

  async peek(): Promise<number> {
    while (this.#have.length < 1) await this.#more();
    return this.#have[0];
  }

  async bytes(count: number): Promise<Uint8Array> {
    while (this.#have.length < count) await this.#more();
    const bytes = this.#have.subarray(0, count);
    this.#have = this.#have.subarray(count);
    return bytes;
  }

  /** The head of a request, with the empty line that ends it. */
  async head(): Promise<ByteString> {
    for (;;) {
      const text = fromBytes(this.#have);
      const end = text.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.#have = this.#have.subarray(end + 4);
        return text.slice(0, end + 4);
      }
      if (text.length > MOST_HEAD) throw new Error("the head of the request is too long");
      await this.#more();
    }
  }

  /** What was read beyond. */
  rest(): Uint8Array {
    return this.#have;
  }
}

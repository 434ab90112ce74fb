/**
 * Who gets in. Whoever may see a program's tasks could be any page that is open in the same browser, or anybody on the same machine:
 *
 *   token   in the path, random, new for each inspector: another user of the machine does not know it.
 *   Host    is the one that was listened on: a name that was made to point here (DNS rebinding) is another one.
 *   Origin  if there is one, is the page's own: other pages get nothing, and no header says that they may (CORS).
 */

export class Gate {
  readonly #token: Uint8Array;
  readonly #hosts: readonly string[];

  constructor(token: string, port: number) {
    this.#token = new TextEncoder().encode(token);
    this.#hosts = ["127.0.0.1", "localhost"].map((name) => new URL(`http://${name}:${port}`).host);
  }

  /** What is behind the token in the path, without a slash in front; or why the request is refused. */
  admit(request: Request): { readonly path: string } | { readonly refusal: string } {
    const { host, pathname } = new URL(request.url);
    const named = request.headers.get("host") ?? host;
    if (!this.#hosts.includes(host) || !this.#hosts.includes(named)) {
      return { refusal: "The Host header is not this inspector's." };
    }
    const origin = request.headers.get("origin");
    if (origin !== null && origin !== `http://${named}`) return { refusal: "Another origin asks." };
    const [, token, ...rest] = pathname.split("/");
    if (!this.#isToken(token)) {
      return { refusal: "The token is not this inspector's: take the whole URL that it has printed." };
    }
    // What the page loads is named from there.
    if (rest.length === 0) return { refusal: "The URL ends with a slash." };
    return { path: rest.join("/") };
  }

  /** How long it takes says nothing of how much was right. */
  #isToken(given: string): boolean {
    const bytes = new TextEncoder().encode(given);
    let difference = bytes.length ^ this.#token.length;
    for (const [i, byte] of this.#token.entries()) difference |= byte ^ (bytes[i] ?? 0);
    return difference === 0;
  }
}

export function newToken(): string {
  return crypto.getRandomValues(new Uint8Array(16)).toHex();
}

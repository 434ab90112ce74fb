// What cannot be cloned, said so that its user finds it: where in the value, what it is, and what would do.

/** Thrown inside the codec; each level that it passes through puts its own step before the path. */
export class Refusal {
  #path = "";
  constructor(readonly reason: string) {}

  inside(step: string): this {
    this.#path = step + this.#path;
    return this;
  }

  toError(root: string): DOMException {
    return new DOMException(`${root}${this.#path}: ${this.reason}`, "DataCloneError");
  }
}

/** `error` with `step` put before its path, if it is a Refusal; to be thrown on. */
export function inside(step: string, error: unknown): unknown {
  return error instanceof Refusal ? error.inside(step) : error;
}

export function keyStep(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** The step to what a Map has under `key`. */
export function getStep(key: unknown): string {
  if (typeof key === "string") return `.get(${JSON.stringify(key)})`;
  if (typeof key === "object" && key !== null) return ".get(an object)";
  return `.get(${String(key)})`;
}

const INSTEAD: Record<string, string> = {
  Arguments: "pass [...arguments]",
  AsyncGenerator: "pass an array of what it yields, or send that through a Channel",
  FinalizationRegistry: "make it where it is used",
  Generator: "pass an array of what it yields",
  Headers: "pass [...headers]",
  Memory: "make it with { shared: true }",
  Promise: "await it first",
  Request: "pass its URL and what else is needed of it",
  Response: "pass its status and its body's bytes",
  URL: "pass its href",
  URLSearchParams: "pass its toString()",
  WeakMap: "pass a Map of what the task needs",
  WeakRef: "pass what it refers to",
  WeakSet: "pass a Set of what the task needs",
};

export function refuse(value: unknown): never {
  if (typeof value === "function") {
    throw new Refusal(
      `a function (${
        value.name || "anonymous"
      }) cannot be cloned; define it in a module that the task imports`,
    );
  }
  if (typeof value === "symbol") {
    throw new Refusal(`a symbol (${String(value)}) cannot be cloned; pass a string`);
  }
  const tag = Object.prototype.toString.call(value).slice("[object ".length, -1).replace(
    /^WebAssembly\./,
    "",
  );
  const instead = Object.hasOwn(INSTEAD, tag) ? INSTEAD[tag] : "pass plain data that it can be made from";
  throw new Refusal(`${/^[AEIOU](?!R)/.test(tag) ? "an" : "a"} ${tag} cannot be cloned; ${instead}`);
}

export function refuseProxy(): never {
  throw new Refusal("a Proxy cannot be cloned; pass a plain copy of it, such as { ...it } or [...it]");
}

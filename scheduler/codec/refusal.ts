// What cannot be cloned, said so that its user finds it: where in the value, what it is, and what would do.

import { madeForCaller } from "./trace.ts";

/** Thrown inside the codec; each level that it passes through puts its own step before the path. */
export class Refusal {
  #path = "";
  constructor(readonly reason: string) {}

  inside(step: string): this {
    this.#path = step + this.#path;
    return this;
  }

  toError(root: string): DOMException {
    return madeForCaller(() => new DOMException(`${root}${this.#path}: ${this.reason}`, "DataCloneError"));
  }
}

/**
 * `error` with the step put before its path, if it is a Refusal; to be thrown on. Of anything else the step is not asked
 * for: the stack may have ended here.
 */
export function inside<T>(stepOf: (at: T) => string, at: T, error: unknown): unknown {
  return error instanceof Refusal ? error.inside(stepOf(at)) : error;
}

export function indexStep(index: number | string): string {
  return `[${index}]`;
}

/** The step to what an array has under `key`, which may be an index. */
export function elementStep(key: string): string {
  return /^\d+$/.test(key) ? indexStep(key) : keyStep(key);
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

const PASS_ADDRESS =
  "pass its address, a bigint: Deno.UnsafePointer.value() gives it, and create() the pointer";

const INSTEAD: Record<string, string> = {
  AbortController: "pass its signal, as an argument of the task",
  AbortSignal: "a task can have it as an argument, and hears there",
  Arguments: "pass [...arguments]",
  AsyncGenerator: "pass an array of what it yields, or send that through a Channel",
  DynamicLibrary: "open the library where it is used",
  FinalizationRegistry: "make it where it is used",
  FormData: "pass [...formData]",
  FsFile: "pass its path, and open it where it is used",
  Generator: "pass an array of what it yields",
  Headers: "pass [...headers]",
  Memory: "make it with { shared: true }",
  Promise: "await it first",
  ReadableStream: "arguments, results and channels can have it",
  Request: "pass its URL and what else is needed of it",
  Response: "pass its status and its body's bytes",
  TransformStream: "arguments, results and channels can have it, as the pair of its ends",
  URL: "pass its href",
  URLSearchParams: "pass its toString()",
  UnsafeCallback: "make it where it is used",
  UnsafeFnPointer: PASS_ADDRESS,
  UnsafePointerView: PASS_ADDRESS,
  WeakMap: "pass a Map of what the task needs",
  WeakRef: "pass what it refers to",
  WeakSet: "pass a Set of what the task needs",
  WritableStream: "arguments, results and channels can have it",
  pointer: PASS_ADDRESS,
};

/** What a value says that it is. */
export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** `name`: what it is, if it does not say so itself. */
export function refuse(value: unknown, name: string = tagOf(value).replace(/^WebAssembly\./, "")): never {
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
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : "pass plain data that it can be made from";
  throw new Refusal(`${/^[AEIOU](?!R)/.test(name) ? "an" : "a"} ${name} cannot be cloned; ${instead}`);
}

export function refuseProxy(): never {
  throw new Refusal("a Proxy cannot be cloned; pass a plain copy of it, such as { ...it } or [...it]");
}

// Which objects are plain data: theirs are the properties that they own. Others hold what no copy of these would have.

import { refuse } from "./refusal.ts";

/** Prototypes from which an object that looks plain is; and the last one, which the next object mostly has, too. */
const plain = new WeakSet<object>();
let last: object = Object.prototype;

/**
 * Of an object that calls itself "[object Object]". False: it may be of a kind that a toStringTag hides. Refuses a pointer,
 * and an instance of one of Deno's own classes.
 */
export function isPlain(object: object): boolean {
  const prototype = Object.getPrototypeOf(object);
  return prototype === Object.prototype || prototype === last || isPlainBy(prototype, object);
}

function isPlainBy(prototype: object | null, object: object): boolean {
  if (prototype === null) {
    // A pointer, or a program has called preventExtensions().
    if (!Object.isExtensible(object) && Reflect.ownKeys(object).length === 0) refuseUncloneable(object);
    return true;
  }
  if (plain.has(prototype)) {
    last = prototype;
    return true;
  }
  if (Symbol.toStringTag in object) return false;
  const platform = classOfDeno(prototype);
  if (platform !== undefined) refuse(object, platform);
  plain.add(prototype);
  return true;
}

function refuseUncloneable(object: object): void {
  try {
    structuredClone(object);
  } catch {
    refuse(object, "pointer");
  }
}

/** structuredClone (Deno 2.9) makes an empty object of a Deno.FsFile and its like. */
function classOfDeno(prototype: object): string | undefined {
  for (let at = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const constructor = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (typeof constructor !== "function") continue;
    const { name } = constructor;
    if (isOwn(Deno, name, constructor)) return name;
  }
}

/**
 * Is it an instance of a class of the platform, by its toStringTag? structuredClone (Deno 2.9) makes an empty object of an
 * AbortSignal, an EventTarget, a Worker, and more; browsers refuse them.
 */
export function isOfPlatform(object: object, tag: string): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, tag);
  // A program's own globals are enumerable.
  if (descriptor === undefined || descriptor.enumerable) return false;
  const platform = (globalThis as unknown as Record<string, unknown>)[tag];
  return typeof platform === "function" && object instanceof platform;
}

function isOwn(namespace: object, name: unknown, value: unknown): boolean {
  if (typeof name !== "string" || !Object.hasOwn(namespace, name)) return false;
  try {
    return (namespace as Record<string, unknown>)[name] === value;
  } catch {
    // Some of Deno's say so where they are not available.
    return false;
  }
}

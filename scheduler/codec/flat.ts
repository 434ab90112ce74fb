// The copy of a small record without a detour by words: most of what tasks of one thread send to each other.

import * as is from "node:util/types";
import { isHandle } from "./handle.ts";
import { isMarked } from "./moves.ts";

const { toString } = Object.prototype;

/**
 * The copy of a plain object that holds primitives and handles alone; undefined for anything else, which the writer copies or
 * refuses. A spread defines the properties, whatever `Object.prototype` has. Its getters have run then, as in the writer.
 */
export function copyFlat(value: object): object | undefined {
  if (Array.isArray(value) || is.isProxy(value)) return undefined;
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  if (toString.call(value) !== "[object Object]" || isMarked(value)) return undefined;
  const copied: Record<string, unknown> = { ...value };
  for (const key in copied) {
    const part = copied[key];
    if (typeof part === "object" ? part !== null && !isHandle(part) : isNoPrimitive(part)) return undefined;
  }
  return Object.getOwnPropertySymbols(copied).length === 0 ? copied : undefined;
}

function isNoPrimitive(part: unknown): boolean {
  return typeof part === "function" || typeof part === "symbol";
}

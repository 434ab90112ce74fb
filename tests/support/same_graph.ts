/** What a copy has to be. */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { isPrimitive } from "../../scheduler/codec/codec.ts";

// deno-lint-ignore no-explicit-any -- whatever a decoder gives is looked into freely
type Any = any;

/**
 * Is `actual` a clone of `expected`: same kinds, same primitives by Object.is, same keys in the same order, and
 * the same object wherever that has the same?
 */
export function assertSameGraph(
  actual: unknown,
  expected: unknown,
  path = "value",
  pairs = new Map<object, object>(),
) {
  if (isPrimitive(expected)) {
    assert(Object.is(actual, expected), `${path}: ${String(actual)} is not ${String(expected)}`);
    return;
  }
  const [a, e] = [actual, expected] as [Any, Any];
  if (pairs.has(e)) {
    assertStrictEquals(a, pairs.get(e), `${path}: not the object that it was elsewhere`);
    return;
  }
  pairs.set(e, a);
  const kind = Object.prototype.toString.call(e);
  assertEquals(Object.prototype.toString.call(a), kind, path);
  assertStrictEquals(Object.getPrototypeOf(a), Object.getPrototypeOf(e), `${path}: prototype`);

  if (e instanceof Map) {
    assertSameGraph([...a], [...e], `${path}.entries`, pairs);
  } else if (e instanceof Set) {
    assertSameGraph([...a], [...e], `${path}.members`, pairs);
  } else if (e instanceof Date || e instanceof Number || e instanceof Boolean || e instanceof BigInt) {
    assertSameGraph(a.valueOf(), e.valueOf(), path, pairs);
  } else if (e instanceof RegExp) {
    assertEquals([a.source, a.flags, a.lastIndex], [e.source, e.flags, 0], path);
  } else if (e instanceof ArrayBuffer) {
    assertEquals([a.resizable, a.maxByteLength], [e.resizable, e.maxByteLength], path);
    assertEquals(new Uint8Array(a), new Uint8Array(e), path);
  } else if (ArrayBuffer.isView(e)) {
    assertEquals([a.byteOffset, a.byteLength], [e.byteOffset, e.byteLength], path);
    assertSameGraph(a.buffer, e.buffer, `${path}.buffer`, pairs);
  } else {
    if (e instanceof Error) {
      assertEquals([a.name, a.message, a.stack], [e.name, e.message, e.stack], path);
      assertEquals(Object.hasOwn(a, "message"), Object.hasOwn(e, "message"), path);
      assertEquals(Object.hasOwn(a, "cause"), Object.hasOwn(e, "cause"), path);
      assertSameGraph(a.cause, e.cause, `${path}.cause`, pairs);
    }
    if (Array.isArray(e)) assertEquals(a.length, e.length, path);
    assertEquals(Object.keys(a), Object.keys(e), path);
    for (const key of Object.keys(e)) assertSameGraph(a[key], e[key], `${path}[${key}]`, pairs);
  }
}

/**
 * The symbols of a library for somebody else to call: functions as addresses, static variables as `Deno.dlopen` reads
 * them. Deno resolves them all, so it finds the library, and names what is missing, in its own words. What it would
 * take for a static "pointer" is the address of the symbol itself.
 */
import { open } from "./load.ts";
import type { Shim } from "./shim.ts";

export interface NativeSymbols {
  /** By the name in the definitions; null for an optional function that the library has not. */
  readonly addresses: Map<string, number | null>;
  readonly statics: Map<string, unknown>;
  close(): void;
}

export function openNativeSymbols(
  shim: Shim,
  path: string | URL,
  definitions: Deno.ForeignLibraryInterface,
): NativeSymbols {
  const asStatics: Record<string, Deno.ForeignStatic> = {};
  for (const [key, definition] of Object.entries(definitions)) {
    const { name = key, optional = false } = definition;
    asStatics[key] = "type" in definition ? definition : { name, optional, type: "pointer" };
  }
  const library = open(path, asStatics);
  const addresses = new Map<string, number | null>();
  const statics = new Map<string, unknown>();
  for (const [key, definition] of Object.entries(definitions)) {
    const value = library.symbols[key] as unknown;
    if ("type" in definition) statics.set(key, value);
    else addresses.set(key, value === null ? null : Number(shim.pointerAddress(value)));
  }
  return { addresses, statics, close: () => library.close() };
}

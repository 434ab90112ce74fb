/** Libraries whose functions native Ms call: `Deno.dlopen`, with promises. */
import { openNativeSymbols } from "../../ffi/native_symbols.ts";
import type { Callee, NativeCall, NativeCalls } from "./calls.ts";
import type { NativeQueue } from "./queue.ts";
import { compile, type Signature } from "./signature.ts";

/** A foreign function as {@linkcode NativeLibrary} has it: every call is a promise, `nonblocking` or not. */
export type NativeFunction<F extends Deno.ForeignFunction> = F["parameters"] extends readonly []
  ? () => NativeCall<Deno.FromNativeResultType<F["result"]>>
  : (
    ...args: Deno.ToNativeParameterTypes<F["parameters"]>
  ) => NativeCall<Deno.FromNativeResultType<F["result"]>>;

/** A symbol of a {@linkcode NativeLibrary}: a function, or what a static variable was when the library was opened. */
export type NativeSymbol<T extends Deno.ForeignFunction | Deno.ForeignStatic> = T extends Deno.ForeignFunction
  ? NativeFunction<T>
  : T extends Deno.ForeignStatic ? Deno.FromNativeType<T["type"]>
  : never;

/** The symbols of a {@linkcode NativeLibrary}, by their definitions. What is `optional` may be null. */
export type NativeSymbols<S extends Deno.ForeignLibraryInterface> = {
  [K in keyof S]: S[K]["optional"] extends true ? NativeSymbol<S[K]> | null : NativeSymbol<S[K]>;
};

/** A library that was opened by {@linkcode Scheduler.dlopen} or {@linkcode NativeThread.dlopen}. */
export interface NativeLibrary<S extends Deno.ForeignLibraryInterface> extends Disposable {
  /** Its functions and static variables. */
  readonly symbols: NativeSymbols<S>;
  /** No more calls from here on. Those under way go on, and the last one's end unloads the library. */
  close(): void;
}

/** `what` says for messages who is asked. `requireOpen` throws if calls are not taken any more. */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  what: string,
  calls: NativeCalls,
  queue: NativeQueue,
  path: string | URL,
  definitions: S,
  requireOpen: () => void = () => {},
): NativeLibrary<S> {
  requireDefinitions(what, path, definitions);
  const { words, shim } = calls;
  const signatures = new Map<string, Signature>();
  for (const [key, definition] of Object.entries(definitions)) {
    if (!("type" in definition)) signatures.set(key, compile(key, definition, words, shim));
  }
  const { addresses, statics, close } = openNativeSymbols(shim, path, definitions);
  const uses = new Uses(path, close);
  const symbols: Record<string, unknown> = Object.fromEntries(statics);
  for (const [key, address] of addresses) {
    if (address === null) {
      symbols[key] = null;
      continue;
    }
    const callee: Callee = {
      name: key,
      queue,
      signature: signatures.get(key)!,
      address,
      ended: () => uses.end(),
    };
    symbols[key] = (...args: unknown[]) => {
      uses.begin(key);
      try {
        requireOpen();
        return calls.start(callee, args);
      } catch (error) {
        uses.end();
        throw error;
      }
    };
  }
  return {
    symbols: symbols as NativeSymbols<S>,
    close: () => uses.close(),
    [Symbol.dispose]: () => uses.close(),
  };
}

/** Calls under way: the last one's end unloads a library that was closed. */
class Uses {
  #inFlight = 0;
  #isClosed = false;
  readonly #path: string | URL;
  readonly #unload: () => void;

  constructor(path: string | URL, unload: () => void) {
    this.#path = path;
    this.#unload = unload;
  }

  begin(name: string): void {
    if (this.#isClosed) throw new TypeError(`${name}(): its library, ${this.#path}, was closed.`);
    this.#inFlight++;
  }

  end(): void {
    if (--this.#inFlight === 0 && this.#isClosed) this.#unload();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#inFlight === 0) this.#unload();
  }
}

function requireDefinitions(what: string, path: unknown, definitions: unknown): void {
  if (typeof path !== "string" && !(path instanceof URL)) {
    throw new TypeError(`${what}(${Deno.inspect(path)}, …): give the library's path or file URL.`);
  }
  if (typeof definitions !== "object" || definitions === null) {
    throw new TypeError(
      `${what}("${path}", ${Deno.inspect(definitions)}): give definitions, as to Deno.dlopen.`,
    );
  }
  for (const [key, definition] of Object.entries(definitions)) {
    if (typeof definition === "object" && definition !== null) {
      if ("type" in definition || "parameters" in definition) continue;
    }
    throw new TypeError(
      `${what}("${path}"): ${key} is ${
        Deno.inspect(definition)
      }: give { parameters, result }, or { type } for a variable.`,
    );
  }
}

/** Libraries whose functions native Ms call: `Deno.dlopen`, with promises. */
import { openNativeSymbols } from "../../ffi/native_symbols.ts";
import type { Callee, NativeCall, NativeCalls } from "./calls.ts";
import type { NativeQueue } from "./queue.ts";
import { compile } from "./signature.ts";

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
  const signatures = new Map(
    Object.entries(definitions).flatMap(([key, definition]) =>
      "type" in definition ? [] : [[key, compile(key, definition, words, shim)] as const]
    ),
  );
  const { addresses, statics, close } = openNativeSymbols(shim, path, definitions);
  let inFlight = 0;
  let isClosed = false;
  const ended = () => {
    if (--inFlight === 0 && isClosed) close();
  };
  const symbols: Record<string, unknown> = Object.fromEntries(statics);
  for (const [key, address] of addresses) {
    if (address === null) {
      symbols[key] = null;
      continue;
    }
    const callee: Callee = { queue, signature: signatures.get(key)!, address, ended };
    symbols[key] = (...args: unknown[]) => {
      if (isClosed) throw new TypeError(`${key}(): its library, ${path}, was closed.`);
      requireOpen();
      inFlight++;
      try {
        return calls.start(callee, args);
      } catch (error) {
        ended();
        throw error;
      }
    };
  }
  const library = {
    symbols: symbols as NativeSymbols<S>,
    close() {
      if (isClosed) return;
      isClosed = true;
      if (inFlight === 0) close();
    },
    [Symbol.dispose]: () => library.close(),
  };
  return library;
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

/** Evaluates rewritten modules, as CommonJS: their imports find the model in place of atomics.ts. */
import { createRequire } from "node:module";
import { $async, $await, $sleepInEventLoop, globals, process } from "./promises.ts";
import * as scenario from "./scenario.ts";
import type { Sources } from "./transform.ts";
import {
  $change,
  $do,
  $fill,
  $get,
  $iterate,
  $maybe,
  $notify,
  $now,
  $op,
  $pause,
  $postfix,
  $read,
  $set,
  $setAll,
  $slice,
  $sync,
  $uninterrupted,
  Futex,
} from "./world.ts";

const inserted: Record<string, unknown> = {
  $async,
  $await,
  $change,
  $do,
  $fill,
  $get,
  $iterate,
  $maybe,
  $notify,
  $now,
  $op,
  $pause,
  $postfix,
  $read,
  $set,
  $setAll,
  $sleepInEventLoop,
  $slice,
  $sync,
  $uninterrupted,
  ...globals,
};

const requireBuiltIn = createRequire(import.meta.url);

/** In place of what the product's modules have on the global object, nothing yet. */
function withoutRegistries(): PropertyDescriptorMap {
  const ours = Object.getOwnPropertySymbols(globalThis).filter((key) =>
    Symbol.keyFor(key)?.startsWith("heddle.")
  );
  return Object.fromEntries(ours.map((key) => [key, { value: undefined, writable: true }]));
}

/** A set of module instances. */
export class Modules {
  readonly #sources: Sources;
  /** Registries hang on it: these modules have their own, whatever else is loaded in this isolate. */
  readonly #inserted = { ...inserted, globalThis: Object.create(globalThis, withoutRegistries()) };
  readonly #loaded = new Map<string, Record<string, unknown>>();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  load(path: string): Record<string, unknown> {
    const known = this.#loaded.get(path);
    if (known !== undefined) return known;
    const source = this.#sources.modules.get(path);
    if (source === undefined) throw new Error(`${path} is not among the modules under test.`);
    const exports: Record<string, unknown> = {};
    this.#loaded.set(path, exports);
    const require = (from: string) => this.#require(from, path);
    const code = `${source}\n//# sourceURL=model:${path}`;
    new Function("require", "exports", ...Object.keys(this.#inserted), code)(
      require,
      exports,
      ...Object.values(this.#inserted),
    );
    return exports;
  }

  #require(from: string, by: string): unknown {
    if (from === "node:process") return { default: process };
    if (!from.startsWith(".")) return requireBuiltIn(from);
    const path = new URL(from, "file://" + by).pathname;
    if (path.endsWith("/scheduler/arena/atomics.ts")) return { Futex };
    return path.endsWith("/tests/model/scenario.ts") ? scenario : this.load(path);
  }
}

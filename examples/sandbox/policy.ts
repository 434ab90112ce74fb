/** What the program may not open for reading, or execute. */

import { AT_FDCWD, type Location, type PathResolver, toBytes } from "./remote_path.ts";

export class Policy {
  readonly #resolver: PathResolver;
  readonly #names: string[] = [];
  readonly #identities = new Set<string>();

  /**
   * `denied` are paths as the user writes them, relative to the working directory; they need not exist. A directory
   * stands for everything below it. What exists now is denied under its other names too: by device and inode.
   */
  constructor(denied: readonly string[], resolver: PathResolver) {
    this.#resolver = resolver;
    for (const path of denied) {
      const location = resolver.resolve(Deno.pid, { path: toBytes(path), directory: AT_FDCWD, follow: true });
      if (typeof location === "number") throw new Error(`--deny-read=${path}: too many symbolic links`);
      this.#names.push(location.name === "/" ? "" : location.name);
      const identity = resolver.identity(location);
      if (identity !== undefined) this.#identities.add(identity);
    }
  }

  /** False when nothing is denied, so that no path needs to be resolved. */
  get deniesAnything(): boolean {
    return this.#names.length > 0;
  }

  denies({ name, view }: Location): boolean {
    if (this.#names.some((denied) => name === denied || name.startsWith(`${denied}/`))) return true;
    for (let path = name; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
      const identity = this.#resolver.identity({ name: path, view });
      if (identity !== undefined && this.#identities.has(identity)) return true;
    }
    return false;
  }
}

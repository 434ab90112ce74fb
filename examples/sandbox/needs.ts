/** The permissions that calls would have needed, as flags. */

import { EXECUTE, READ_DIR, READ_FILE, WRITE_FILE } from "./landlock.ts";
import type { NetNeed, Use } from "./intercepted_call.ts";
import type { MountKind } from "./plan.ts";
import { proxyAddress } from "./proxy.ts";

/** What a wall lets through, to tell what it has refused. */
export interface Granted {
  readonly rights: ReadonlyMap<string, number>;
  readonly mounts: readonly { readonly path: string; readonly kind: MountKind }[];
  /** `true` for every address; `proxy` stands for what the proxy decides. */
  readonly net: true | readonly string[];
}

type Flag = "read" | "write" | "run" | "net";

/** So many files of one directory stand for the directory: temporary names differ from run to run. */
const MANY = 4;
/** A guess at what is enough: a program that opens more is slower. */
export const MOST_KNOWN = 10_000;

export class Needs {
  readonly #paths: Record<Exclude<Flag, "net">, Set<string>> = {
    read: new Set(),
    write: new Set(),
    run: new Set(),
  };
  readonly #net = new Set<string>();
  /** Names that were looked at: nothing more comes of them. */
  readonly #known: Record<Exclude<Flag, "net">, Set<string>> = {
    read: new Set(),
    write: new Set(),
    run: new Set(),
  };
  /** Files that were made by the program: their names may be others next time. */
  readonly #made = new Set<string>();
  readonly #granted: Granted;
  #serves = false;

  /** Only what is not granted is noted. */
  constructor(granted: Granted) {
    this.#granted = granted;
  }

  /**
   * Notes what the use of a file takes, and returns the flag when it is new and not granted. `name` is absolute and free
   * of links, and `exists` says whether there is such a file.
   */
  file(use: Use, name: string, exists: boolean): string | undefined {
    if (use === "entry" || use === "write" && !exists) {
      this.#made.add(name);
      return this.#note("write", parentOf(name));
    }
    if (!exists) return undefined; // it fails anyway
    return this.#note(use, this.#made.has(name) ? parentOf(name) : name);
  }

  /** As `file`. What a program without a network serves to itself, on its own loopback device, takes nothing. */
  net({ address, isLoopback, serves }: NetNeed): string | undefined {
    const { net } = this.#granted;
    const hasOwnNetwork = this.#hasOwnNetwork();
    if (hasOwnNetwork && serves && (isLoopback || address === ":0")) this.#serves = true;
    if (hasOwnNetwork && this.#serves && isLoopback) return undefined;
    if (isLoopback && address === proxyAddress && net !== true && net.includes("proxy")) return undefined;
    if (net === true || net.includes(address) || this.#net.has(address)) return undefined;
    this.#net.add(address);
    return `--allow-net=${address}`;
  }

  /** Whether the use of a file is granted; arguments as for `file`. */
  permits(use: Use, name: string, exists: boolean): boolean {
    if (use === "entry" || use === "write" && !exists) return this.#isGranted("write", parentOf(name));
    return !exists || this.#isGranted(use, name); // what does not exist is looked for everywhere, and fails anyway
  }

  /** Whether an address is granted. What there is in a network of its own is. */
  permitsNet({ address }: NetNeed): boolean {
    const { net } = this.#granted;
    return net === true || this.#hasOwnNetwork() || net.includes(address);
  }

  /** Whether a file can be read and executed under both names, or under neither; so with all that is in it. */
  sameRights(name: string, other: string): boolean {
    const isSame = (flag: "read" | "run") => this.#isGranted(flag, name) === this.#isGranted(flag, other);
    const containsRule = (directory: string) =>
      [...this.#granted.rights.keys()].some((path) => path !== directory && isWithin(path, directory));
    return isSame("read") && isSame("run") && !containsRule(name) && !containsRule(other);
  }

  #hasOwnNetwork(): boolean {
    const { net } = this.#granted;
    return net !== true && !net.some((granted) => granted.startsWith(":"));
  }

  #note(flag: Exclude<Flag, "net">, name: string): string | undefined {
    const known = this.#known[flag];
    if (known.has(name)) return undefined;
    if (known.size < MOST_KNOWN) known.add(name);
    const path = /^(\/proc|\/dev\/pts)(?=\/|$)/.exec(name)?.[1] ?? name; // numbers that are others each time
    if (this.#isGranted(flag, path) || this.#paths[flag].has(path)) return undefined;
    this.#paths[flag].add(path);
    return `--allow-${flag}=${path}`;
  }

  #isGranted(flag: Exclude<Flag, "net">, path: string): boolean {
    const { rights, mounts } = this.#granted;
    const wanted = { read: READ_FILE | READ_DIR, write: WRITE_FILE, run: EXECUTE }[flag];
    const hides = mounts.some(({ path: mounted, kind }) =>
      isWithin(path, mounted) && (kind === "covered" || kind === "protected" && flag === "write")
    );
    return !hides &&
      [...rights].some(([directory, given]) => (given & wanted) !== 0 && isWithin(path, directory));
  }

  /** All that was noted, as short as it can be said without allowing much more. */
  flags(): string[] {
    const write = shortened(this.#paths.write);
    const lists: [Flag, string[]][] = [
      ["read", shortened(this.#paths.read)],
      ["write", write],
      ["run", [...this.#paths.run].sort()],
      ["net", [...this.#net].sort()],
    ];
    return lists.filter(([, list]) => list.length > 0).map(([flag, list]) =>
      `--allow-${flag}=${list.join(",")}`
    );
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}

function parentOf(name: string): string {
  return name.slice(0, name.lastIndexOf("/")) || "/";
}

function shortened(names: ReadonlySet<string>): string[] {
  const paths = new Set(names);
  for (;;) {
    const siblings = Map.groupBy(paths, parentOf);
    const crowded = [...siblings].find(([parent, own]) => parent !== "/" && own.length >= MANY);
    if (!crowded) break;
    for (const path of crowded[1]) paths.delete(path);
    paths.add(crowded[0]);
  }
  return [...paths].filter((path) => ![...paths].some((other) => other !== path && isWithin(path, other)))
    .sort();
}

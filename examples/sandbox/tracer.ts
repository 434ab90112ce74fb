/** Looks up what traced calls reach, shows them, and notes which flags they take. */

import {
  type CallName,
  decode,
  type FileNeed,
  type InterceptedCall,
  type NetNeed,
  type Use,
} from "./intercepted_call.ts";
import { type Showing, Shown } from "./log.ts";
import { type Granted, MOST_KNOWN, Needs } from "./needs.ts";
import { type ByteString, toText } from "./plan.ts";
import type { RemoteMemory } from "./remote_memory.ts";
import { PathResolver, type RemotePath } from "./remote_path.ts";
import type { Notification } from "./seccomp.ts";
import {
  AT_FDCWD,
  close,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  openAt,
  openAt2,
  readLink,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from "./system_call.ts";

export interface Tracing {
  readonly showing: Showing;
  /** What the wall lets through. What goes beyond it is noted as needed. */
  readonly granted: Granted;
  /** The program may do everything, also change its root. */
  readonly learns: boolean;
  /** Whether its lookups decide, and not the kernel: then each is made anew. */
  readonly decides?: boolean;
  /** Whether it counts how long that takes, for a summary. */
  readonly isTimed: boolean;
}

export interface CallCount {
  times: number;
  /** Milliseconds that the supervisor took for all of them, if that is timed. */
  spent: number;
}

/** What was read of a call, and looked up, before it goes on. */
export interface Seen {
  readonly thread: number;
  readonly call: InterceptedCall;
  /** Those that were found and not known. */
  readonly files: readonly (FileNeed & { readonly name: string; readonly exists: boolean })[];
  readonly net: NetNeed | undefined;
  /** Milliseconds that this took. */
  readonly spent: number;
}

export class Tracer {
  readonly counts: Partial<Record<CallName, CallCount>> = {};
  readonly needs: Needs;
  readonly #memory: RemoteMemory;
  readonly #resolver = new PathResolver();
  readonly #shown: Shown;
  readonly #learns: boolean;
  readonly #isTimed: boolean;
  /** Else the wall does. */
  readonly decides: boolean;
  /**
   * Paths, as the program writes them, that were found to be files: nothing more comes of them, and most calls are of such.
   * Until a name of the box changes. A name that changes from outside, or while a second thread uses it, may be missed:
   * that is a flag less, and no verdict.
   */
  readonly #known: Record<Exclude<Use, "entry">, Set<ByteString>> = {
    read: new Set(),
    write: new Set(),
    run: new Set(),
  };
  /** The root of all processes of the box. */
  #root: number | undefined;

  constructor({ granted, showing, learns, isTimed, decides = false }: Tracing, memory: RemoteMemory) {
    this.#memory = memory;
    this.#learns = learns;
    this.#isTimed = isTimed;
    this.decides = decides;
    this.needs = new Needs(granted);
    this.#shown = new Shown(showing);
  }

  get isShowing(): boolean {
    return this.#shown.isOn;
  }

  look(notification: Notification): Seen {
    const start = this.#now();
    const { thread } = notification;
    const call = decode(notification, this.#memory);
    const files = call.files.flatMap(({ use, at }) => {
      if (use !== "entry" && at.follow && !at.scoped && this.#known[use].has(at.path)) return [];
      const file = this.#found(thread, at);
      return file ? [{ use, at, ...file }] : [];
    });
    const { net } = call;
    // Many libraries ask for a service that is not there: nothing is needed for that.
    const isThere = net?.path === undefined || net.serves ||
      this.#found(thread, { path: net.path, directory: AT_FDCWD, follow: true })?.exists;
    return { thread, call, files, net: isThere ? net : undefined, spent: this.#now() - start };
  }

  /** Whether all that the call reaches is granted. Only if the tracer decides: else it has not looked up all of it. */
  permits({ files, net }: Seen): boolean {
    return files.every(({ use, name, exists }) => this.needs.permits(use, name, exists)) &&
      (net === undefined || this.needs.permitsNet(net));
  }

  #now(): number {
    return this.#isTimed ? performance.now() : 0;
  }

  /** Returns the flags that it takes, of those that are new and not granted. */
  count({ call, files, net, spent }: Seen): string[] {
    const count = this.counts[call.name] ??= { times: 0, spent: 0 };
    count.times++;
    count.spent += spent;
    const flags = files.map(({ use, at, name, exists }) => {
      if (use === "entry") this.#forget();
      else if (exists && at.follow && this.#isPlain(at)) this.#remember(use, at.path);
      return this.needs.file(use, name, exists);
    });
    if (net) flags.push(this.needs.net(net));
    return flags.filter((flag) => flag !== undefined);
  }

  show({ thread, call }: Seen, needs: readonly string[], result?: number | string): void {
    this.#shown.show({
      thread,
      call: call.name,
      subject: call.subject(),
      ...(needs.length > 0 && { needs }),
      ...(result !== undefined && { result }),
    });
  }

  /** When nobody of the box is left. */
  end(): void {
    if (this.#root !== undefined) close(this.#root);
  }

  #remember(use: Exclude<Use, "entry">, path: ByteString): void {
    if (!this.decides && this.#known[use].size < MOST_KNOWN) this.#known[use].add(path);
  }

  #forget(): void {
    for (const known of Object.values(this.#known)) known.clear();
  }

  #found(thread: number, at: RemotePath): { name: string; exists: boolean } | undefined {
    const name = this.#existing(thread, at);
    if (name !== undefined) return { name: toText(name), exists: true };
    const location = this.#resolver.resolve(thread, at);
    if (typeof location === "number" || !location.name.startsWith("/")) return undefined;
    return { name: toText(location.name), exists: this.#resolver.identity(location) !== undefined };
  }

  /** The short way, for most files that are there: one lookup by the kernel. */
  #existing(thread: number, at: RemotePath): ByteString | undefined {
    if (!this.#isPlain(at)) return undefined;
    this.#root ??= openAt(AT_FDCWD, `/proc/${thread}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const flags = O_PATH | O_CLOEXEC | (at.follow ? 0 : O_NOFOLLOW);
    const file = openAt2(this.#root, at.path, flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (file < 0) return undefined;
    const name = readLink(`/proc/self/fd/${file}`);
    close(file);
    return name?.startsWith("/") ? name : undefined;
  }

  /** Whether it means the same file for every process of the box, and for who looks: not so in /proc and /dev. */
  #isPlain({ path, scoped }: RemotePath): boolean {
    return !this.#learns && !scoped && path.startsWith("/") && !/^\/+(proc|dev)(\/|$)/.test(path);
  }
}

/** A policy: a function that is asked about each call of a box that opens, changes names, executes, connects or sends. */

/** What a program asks for. All of it is a copy: nothing that the program changes afterwards changes what is done. */
export interface PolicyRequest {
  /** The kind of call; `remove` is of a file or an empty directory. */
  readonly call:
    | "open"
    | "truncate"
    | "mkdir"
    | "mknod"
    | "symlink"
    | "link"
    | "rename"
    | "remove"
    | "exec"
    | "connect"
    | "send";
  /**
   * The file, as the kernel has resolved it: absolute, without links and dots. The last part of a name that is about to
   * be made, renamed or removed is as the program wrote it.
   */
  readonly path?: string;
  /** Of `link` and `rename`: the new name. */
  readonly to?: string;
  /** Of `open`: what the descriptor is for. */
  readonly read?: boolean;
  /** Of `open`: what the descriptor is for. */
  readonly write?: boolean;
  /** Of `open`: whether a new file is made. */
  readonly create?: boolean;
  /**
   * Of `connect` and `send`: `127.0.0.1:80`, `[::1]:80`, or a Unix socket's `unix "/path"`. An IPv4 address is shown as such
   * also where it is part of an IPv6 one; `0.0.0.0` and `[::]` are this machine, too.
   */
  readonly address?: string;
  /** The thread that asks, by its number outside of the box. */
  readonly thread: number;
  /** The file that its process executes. */
  readonly program: string;
}

/**
 * `"allow"` goes no further than the permissions. `errno` is an error number, of 1 to 4095. `open` is another file than the
 * one asked for, by its absolute path in the box: an answer to `open` alone, and within the permissions as well.
 */
export type Verdict = "allow" | "deny" | { readonly errno: number } | { readonly open: string };

/** What the module of a policy exports as its default. It may be asked about one call while it still awaits another. */
export type Policy = (request: PolicyRequest) => Verdict | Promise<Verdict>;

/** A policy that cannot be used, in words for who gave it. */
export class PolicyError extends Error {
  /** `"PolicyError"` */
  override readonly name = "PolicyError";
}

/** Milliseconds that a policy may take for a verdict. */
export const LONGEST_VERDICT = 1000;

/** Throws unless it is a verdict on this request. */
export function checkVerdict(verdict: unknown, { call }: PolicyRequest): Verdict {
  if (verdict === "allow" || verdict === "deny") return verdict;
  if (typeof verdict === "object" && verdict !== null) {
    const { errno, open } = verdict as { errno?: unknown; open?: unknown };
    if (Number.isInteger(errno) && Number(errno) > 0 && Number(errno) < 4096) return { errno: Number(errno) };
    const isPath = typeof open === "string" && open.startsWith("/") && !open.includes("\0");
    if (isPath && call === "open") return { open };
  }
  throw new TypeError(
    `the verdict on ${call} is ${JSON.stringify(verdict) ?? String(verdict)}: give "allow", "deny", ` +
      `{ errno: 1 to 4095 }` + (call === "open" ? ` or { open: "/absolute/path" }` : ""),
  );
}

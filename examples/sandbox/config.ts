/** Permission sets from a file: as in deno.json, or the same in TOML. */

import { parse as parseJson } from "@std/jsonc";
import { parse as parseToml } from "@std/toml";
import { type Allowance, kinds, PermissionError, type PermissionOptions } from "./permissions.ts";

/**
 * The set of this name below `permissions`. Paths in it are relative to the file. Throws when there is no such set, or the
 * file is in neither format.
 */
export function permissionSet(file: string, name: string): PermissionOptions {
  let config: unknown;
  try {
    const text = Deno.readTextFileSync(file);
    config = file.endsWith(".toml") ? parseToml(text) : parseJson(text);
  } catch (error) {
    throw new PermissionError(`--config=${file}: ${(error as Error).message}`);
  }
  const sets = (config as { permissions?: Record<string, PermissionOptions> } | null)?.permissions;
  const set = isObject(sets) && Object.hasOwn(sets, name) ? sets[name] : undefined;
  if (!isObject(set)) {
    const known = isObject(sets) ? Object.keys(sets).join(", ") : "";
    throw new PermissionError(
      `--config=${file} has no permission set ${JSON.stringify(name)}` + (known && `: there is ${known}.`),
    );
  }
  const directory = Deno.realPathSync(file).replace(/\/[^/]*$/, "");
  return Object.fromEntries(
    Object.entries(set).map(([kind, value]) => [kind, fromDirectory(directory, kind, value)]),
  );
}

function isObject(value: unknown): value is Record<string, never> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists of files with absolute paths; everything else as it is: it is checked where permissions are. */
function fromDirectory(directory: string, kind: string, value: unknown): unknown {
  if (isObject(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([which, list]) => [which, fromDirectory(directory, kind, list)]),
    );
  }
  const hasPaths = kinds.includes(kind as never) && kind !== "net" && kind !== "env";
  if (!Array.isArray(value) || !hasPaths) return value;
  return (value as Allowance[]).map((path: unknown) => {
    const isName = typeof path !== "string" || path === "" || path.startsWith("/") ||
      kind === "run" && !path.includes("/");
    return isName ? path : `${directory}/${path}`;
  });
}

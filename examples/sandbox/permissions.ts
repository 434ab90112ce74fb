/** What a program may do, in the words of Deno's own permissions. */

/** Everything, nothing, or what is listed. */
export type Allowance = boolean | readonly string[];

/** What there are permissions for. */
export const kinds: readonly Kind[] = ["read", "write", "run", "net", "env"];
/** What a permission is for. */
export type Kind = "read" | "write" | "run" | "net" | "env";

/** As in a permission set of deno.json: what is allowed, or that and what is denied of it. */
export type PermissionOptions =
  & { readonly [kind in Kind]?: Allowance | { readonly allow?: Allowance; readonly deny?: Allowance } }
  & { readonly all?: boolean };

export interface Permission {
  readonly allow: Allowance;
  /** Wins over what is allowed. */
  readonly deny: Allowance;
}

export type Permissions = Readonly<Record<Kind, Permission>>;

/** A wrong permission, in words for who gave it. */
export class PermissionError extends Error {
  /** `"PermissionError"` */
  override readonly name = "PermissionError";
}

/** Checks them, and fills in what is not given: nothing is allowed, and nothing denied. */
export function permissionsOf(options: PermissionOptions): Permissions {
  for (const key of Object.keys(options)) {
    if (key !== "all" && !kinds.includes(key as Kind)) {
      throw new PermissionError(
        `${JSON.stringify(key)} is no permission: there are ${kinds.join(", ")} and all.`,
      );
    }
  }
  const entries = kinds.map((kind): [Kind, Permission] => {
    const given = options[kind] ?? (options.all === true);
    const isPlain = typeof given === "boolean" || Array.isArray(given);
    const { allow = false, deny = false } = isPlain
      ? { allow: given as Allowance }
      : given as { allow?: Allowance; deny?: Allowance };
    for (const value of [allow, deny]) checkAllowance(kind, value);
    return [kind, { allow: deny === true ? false : allow, deny }];
  });
  return Object.fromEntries(entries) as Record<Kind, Permission>;
}

function checkAllowance(kind: Kind, value: unknown): void {
  if (typeof value === "boolean") return;
  if (Array.isArray(value) && value.every((entry) => typeof entry === "string" && entry !== "")) return;
  throw new PermissionError(
    `The permission ${kind} is ${
      JSON.stringify(value)
    }: it takes true, false or a list of names that are not empty.`,
  );
}

/** Both together: what one of them allows is allowed, what one denies is denied. */
export function union(a: Permissions, b: Permissions): Permissions {
  const both = (x: Allowance, y: Allowance): Allowance =>
    x === true || y === true ? true : [...(x || []), ...(y || [])];
  const entries = kinds.map((kind): [Kind, Permission] => [kind, {
    allow: both(a[kind].allow, b[kind].allow),
    deny: both(a[kind].deny, b[kind].deny),
  }]);
  return Object.fromEntries(entries) as Record<Kind, Permission>;
}

/** The variables of `environment` that the program gets. */
export function allowedEnvironment(
  { allow, deny }: Permission,
  environment: ReadonlyMap<string, string>,
): Map<string, string> {
  const isIn = (list: Allowance, name: string) => list === true || list !== false && list.includes(name);
  return new Map([...environment].filter(([name]) => isIn(allow, name) && !isIn(deny, name)));
}

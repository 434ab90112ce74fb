/** What users pass in: bags of options, and values in messages about them. */

/**
 * The names that a bag of options may have: `{ name: true, … } satisfies Names<GoOptions>`, so that the compiler misses none.
 */
export type Names<O> = { readonly [Name in keyof Required<O>]: true };

/** Throws a TypeError unless it is an object that has none but these names: a misspelt option would be none at all. */
export function requireOptions(what: string, options: unknown, names: Readonly<Record<string, true>>): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${what}: the options are ${shown(options)}: give an object with ${listed(names)}.`);
  }
  for (const name in options) {
    if (Object.hasOwn(names, name) || !Object.hasOwn(options, name)) continue;
    const nearest = nearestOf(name, Object.keys(names));
    throw new TypeError(
      `${what}: there is no option ${JSON.stringify(name)}${
        nearest === undefined ? `: there is ${listed(names)}` : `: did you mean "${nearest}"?`
      }`,
    );
  }
}

function listed(names: Readonly<Record<string, true>>): string {
  return Object.keys(names).join(", ");
}

/** The one that is fewest edits away, if that is a misspelling. */
function nearestOf(name: string, names: string[]): string | undefined {
  let [nearest, least]: [string | undefined, number] = [undefined, Math.max(2, name.length >> 1)];
  for (const each of names) {
    const edits = editsBetween(name.toLowerCase(), each.toLowerCase());
    if (edits < least || (edits === least && nearest === undefined)) [nearest, least] = [each, edits];
  }
  return nearest;
}

/** Levenshtein's distance. */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[to.length];
}

/** A value in a message. `String` calls what the value has for that, which may throw. */
export function shown(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** Throws a RangeError unless it is such an integer. `why`: what decides the least. */
export function requireInteger(what: string, n: unknown, least: number, most = Infinity, why = ""): number {
  if (typeof n === "number" && Number.isInteger(n) && n >= least && n <= most) return n;
  const range = `${least}${why && ` (${why})`} ${most === Infinity ? "up" : `to ${most}`}`;
  throw new RangeError(`${what} is ${shown(n)}: give an integer from ${range}.`);
}

/** Throws a TypeError unless it is a signal, or nothing. */
export function requireSignal(what: string, signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`${what}: signal is ${shown(signal)}: give an AbortSignal.`);
}

/** Options of an operation that may have to wait. */
export interface WaitOptions {
  /** Aborting it takes the operation back: it rejects with the signal's reason. A task passes its `ctx.signal`. */
  signal?: AbortSignal;
}

const WAIT_OPTIONS = { signal: true } satisfies Names<WaitOptions>;

/** Looked at before anything is parked: what waits without a promise would take a value that nobody gets. */
export function signalOf(options: WaitOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  requireOptions("an operation that waits", options, WAIT_OPTIONS);
  const { signal } = options;
  requireSignal("an operation that waits", signal);
  return signal;
}

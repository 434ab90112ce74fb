/** Layers: modules lie in rooms, and a room imports only from those before it. What breaks that, in words. */

/** A module imports another one: a value or a type. */
export type Edge = readonly [from: string, to: string];

/**
 * All edges that run up in `order`, and a shortest circle of each knot of modules that import each other. `roomOf` may name a
 * room that is not in `order`: that is told, too.
 */
export function violations(
  edges: readonly Edge[],
  order: readonly string[],
  roomOf: (file: string) => string,
): string[] {
  const files = [...new Set(edges.flat())].sort();
  const lost = files.filter((file) => !order.includes(roomOf(file)))
    .map((file) => `${file} is in "${roomOf(file)}", which is no room`);
  const up = edges.filter(([from, to]) => order.indexOf(roomOf(from)) < order.indexOf(roomOf(to)))
    .map(([from, to]) => `${from} imports ${to}, which is above it`);
  return [...lost, ...up.sort(), ...circles(files, edges)];
}

function circles(files: readonly string[], edges: readonly Edge[]): string[] {
  const imports = new Map(files.map((file) => [file, [] as string[]]));
  for (const [from, to] of edges) imports.get(from)!.push(to);
  const found: string[] = [];
  const told = new Set<string>();
  for (const file of files) {
    if (told.has(file)) continue;
    const reached = reachableFrom(file, imports);
    if (!reached.has(file)) continue;
    const knot = [...reached].filter((other) => reachableFrom(other, imports).has(file)).sort();
    for (const other of knot) told.add(other);
    const way = knot.map((each) => wayBack(each, imports)).reduce((a, b) => b.length < a.length ? b : a);
    found.push(`a circle, in a knot of ${knot.length}: ${way.join(" imports ")}`);
  }
  return found;
}

function reachableFrom(file: string, imports: Map<string, string[]>): Set<string> {
  const reached = new Set<string>();
  const next = [file];
  for (let each = next.pop(); each !== undefined; each = next.pop()) {
    for (const to of imports.get(each)!) {
      if (reached.has(to)) continue;
      reached.add(to);
      next.push(to);
    }
  }
  return reached;
}

/** Breadth first, from a file that is in a circle: it is the first and the last. */
function wayBack(file: string, imports: Map<string, string[]>): string[] {
  const ways = [[file]];
  const seen = new Set<string>();
  for (const way of ways) {
    for (const to of imports.get(way.at(-1)!)!) {
      if (to === file) return [...way, to];
      if (seen.has(to)) continue;
      seen.add(to);
      ways.push([...way, to]);
    }
  }
  throw new Error(`${file} is in no circle.`);
}

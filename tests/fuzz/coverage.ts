/** V8's own count of what ran, by block, between two looks. */
import inspector from "node:inspector";

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}

interface Taken {
  result: { url: string; functions: { ranges: Range[] }[] }[];
}

export class Coverage {
  readonly #session = new inspector.Session();
  /** Of each function: where its blocks begin and end. */
  readonly #begins = new Map<string, Set<number>>();

  private constructor() {
    this.#session.connect();
  }

  /** One for the whole process: what was compiled under an earlier one is not counted by block again. */
  static async start(): Promise<Coverage> {
    const coverage = new Coverage();
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /**
   * What ran in these modules since the last time: where blocks begin, and how often they ran, in powers of two. V8 does not list a block
   * that ran as often as what is around it. So what it ever listed of a function is looked up in later lists.
   */
  async take(modules: readonly string[]): Promise<string[]> {
    const { result } = await this.#post("Profiler.takePreciseCoverage") as Taken;
    const features: string[] = [];
    for (const { url, functions } of result) {
      if (!modules.some((module) => url.includes(module))) continue;
      for (const { ranges } of functions) {
        const name = `${url} ${ranges[0].startOffset}`;
        const begins = getOrInsert(this.#begins, name, () => new Set());
        for (const { startOffset, endOffset } of ranges) begins.add(startOffset).add(endOffset);
        for (const at of begins) {
          // The innermost one comes last.
          const count = ranges.findLast((range) => range.startOffset <= at && at < range.endOffset)?.count ??
            0;
          if (count > 0) features.push(`${name} ${at} ${Math.log2(count) | 0}`);
        }
      }
    }
    return features;
  }

  #post(method: string, parameters: Record<string, unknown> = {}): Promise<unknown> {
    return new Promise((resolve, reject) =>
      this.#session.post(method, parameters, (error, result) => error ? reject(error) : resolve(result))
    );
  }
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

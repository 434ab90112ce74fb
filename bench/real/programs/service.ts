import { type Crew, everyone, footprint, head, percentile, type Program } from "../program.ts";

/** When requests come, in ms, however late those before are. */
const EVERY = { answer: 4, hog: 400, block: 50 } as const;
/** How long they come, and how long before what is counted: the threads have started by then. */
const MS = { full: 6_000, quick: 2_000 };
export const WARM_UP = 1_000;

type Kind = keyof typeof EVERY;

interface Request {
  readonly kind: Kind;
  readonly at: number;
}

/** So many times as many. */
export function requests(ms: number, times = 1): Request[] {
  const kinds = Object.keys(EVERY) as Kind[];
  return kinds.flatMap((kind) => {
    const every = EVERY[kind] / times;
    return Array.from({ length: Math.ceil(ms / every) }, (_, i) => ({ kind, at: i * every }));
  }).sort((a, b) => a.at - b.at);
}

/** Sends each when it is due. Returns the answers by request, and how long those of a kind took that were counted. */
export async function serve(
  crew: Crew,
  due: readonly Request[],
): Promise<[number[], Record<Kind, number[]>]> {
  const taken: Record<Kind, number[]> = { answer: [], hog: [], block: [] };
  const answers: Promise<number>[] = [];
  const start = performance.now();
  for (const [i, { kind, at }] of due.entries()) {
    const wait = start + at - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    answers.push(
      Promise.resolve(crew.run<number>(kind, i)).then((answer) => {
        if (at >= WARM_UP) taken[kind].push(performance.now() - start - at);
        return answer;
      }),
    );
  }
  return [await Promise.all(answers), taken];
}

export function summed(answers: readonly number[]): string {
  return `${answers.length} answers, ${answers.reduce((sum, each, i) => sum + each * (i % 7), 0)}`;
}

export const service: Program = {
  name: "service",
  sides: everyone,
  measures: [
    {
      ...head(
        "service",
        "service, 1 ms tasks beside 100 ms hogs and blocked calls: p50 of 1 ms",
        "ms",
        "p50",
      ),
      comparisons: [
        { against: ["loop: 1"] },
        { against: ["piscina: 2"], atLeast: 1 },
        { against: ["tinypool: 2"] },
        { against: ["cooperative: 2"], atLeast: 0.95 },
        { ours: "heddle: 1", against: ["loop: 1"] },
      ],
    },
    {
      ...head("service", "service: p99 of 1 ms", "ms", "p99"),
      comparisons: [
        { atMost: 50 },
        { against: ["loop: 1"] },
        { against: ["piscina: 2"], atLeast: 1 },
        { against: ["tinypool: 2"] },
        { against: ["cooperative: 2"], atLeast: 0.95 },
        { ours: "heddle: 1", against: ["loop: 1"] },
      ],
    },
    {
      ...head("service", "service: p99 of a blocked call of 20 ms", "ms", "block"),
      comparisons: [{ against: ["piscina: 2"] }, { against: ["cooperative: 2"] }],
    },
    ...footprint("service"),
  ],
  async run(crew, { quick }) {
    const due = requests(quick ? MS.quick : MS.full);
    const [answers, { answer, block }] = await serve(crew, due);
    return {
      readings: {
        p50: percentile(answer, 0.5),
        p99: percentile(answer, 0.99),
        block: percentile(block, 0.99),
      },
      answer: summed(answers),
    };
  },
};

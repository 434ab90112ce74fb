/**
 * A queueing model of the cluster: `deno run examples/cluster/model.ts [--ms=1,10 --procs=2 --redis=8000 …]`. It prints for 1, 10, 100
 * and 1,000 machines how many jobs a second they get done, what limits them, and how long a job waits. docs/scale.md says what it
 * assumes and where its numbers were measured. `--from=FILE` takes them from what `deno task bench cluster --json=FILE` measured.
 *
 * Two stations, one behind the other (an open Jackson network): the queue's server, which does one thing at a time (M/M/1: Redis runs
 * scripts one by one), and all Ps of all machines together (M/M/c: whoever has room takes the next job).
 */
import { parseArgs } from "@std/cli/parse-args";
import Table from "cli-table3";

export interface Cluster {
  readonly machines: number;
  /** Ps of each. */
  readonly procs: number;
  /** Milliseconds of computing that a job takes. */
  readonly jobMs: number;
  /** Milliseconds of a P that go with each job besides: its start, its result, its share of the host. */
  readonly overheadMs: number;
  /** Jobs a second that one server of the queue hands out and takes back when it does nothing else. */
  readonly queueRate: number;
  /** Servers, each with a queue of its own, between which clients choose at random. */
  readonly queues: number;
}

export interface Prediction {
  /** Jobs a second at the most. */
  readonly capacity: number;
  readonly limit: "computing" | "the queue";
  /** Of the Ps, at `load` times the capacity. */
  readonly utilisation: number;
  /** Mean milliseconds that a job waits for the queue's server, and for a P. */
  readonly waitQueueMs: number;
  readonly waitProcMs: number;
}

/** Erlang's C: the share of jobs that have to wait for one of `servers` when `offered` of them are busy on average. */
export function erlangC(servers: number, offered: number): number {
  if (offered >= servers) return 1;
  // Erlang's B by its recursion, which needs no factorials.
  let blocked = 1;
  for (let n = 1; n <= servers; n++) blocked = offered * blocked / (n + offered * blocked);
  return blocked / (1 - offered / servers * (1 - blocked));
}

/** What it does when so large a share of what it can do at the most is asked of it. */
export function predict(cluster: Cluster, load: number): Prediction {
  const { machines, procs, jobMs, overheadMs, queueRate, queues } = cluster;
  const servers = machines * procs;
  const serviceMs = jobMs + overheadMs;
  const computing = servers / serviceMs * 1000;
  const handing = queueRate * queues;
  const capacity = Math.min(computing, handing);
  const rate = capacity * load;
  const busy = rate * serviceMs / 1000;
  return {
    capacity,
    limit: computing <= handing ? "computing" : "the queue",
    utilisation: busy / servers,
    waitQueueMs: 1000 * (rate / handing) / (handing - rate) * queues,
    waitProcMs: erlangC(servers, busy) * serviceMs / (servers - busy),
  };
}

/** What the bench's report says of this side of the cluster, as far as the model asks. */
interface Report {
  readonly rows?: readonly { readonly name: string; readonly samples: Readonly<Record<string, number[]>> }[];
}

/** The two numbers of a machine and of Redis, as options: medians of the rounds. */
export function measured({ rows }: Report): { overhead: string; redis: string } {
  const median = (name: string): number => {
    const values = rows?.find((row) => row.name === name)?.samples.heddle?.toSorted((a, b) => a - b);
    if (values === undefined) {
      throw new Error(`There is no row "${name}": write the file by deno task bench cluster --json=FILE`);
    }
    return values[values.length >> 1];
  };
  const overheadMs = Math.max(0, median("cluster overhead"));
  return { overhead: overheadMs.toFixed(3), redis: (1000 / median("cluster redis")).toFixed(0) };
}

if (import.meta.main) {
  const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
    string: ["ms", "procs", "overhead", "redis", "queues", "load", "from"],
    // As measured: docs/scale.md.
    default: { ms: "1,10,100", procs: "2", overhead: "0.09", redis: "5900", queues: "1", load: "0.8" },
    unknown(argument: string) {
      console.error(`${argument} is unknown: --ms= --procs= --overhead= --redis= --queues= --load= --from=`);
      Deno.exit(2);
    },
  });
  if (options.from !== undefined) {
    Object.assign(options, measured(JSON.parse(Deno.readTextFileSync(options.from))));
  }
  const table = new Table({
    head: ["job", "machines", "jobs/s at most", "limit", "Ps busy", "wait for the queue", "wait for a P"],
    colAligns: ["right", "right", "right", "left", "right", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const [procs, overheadMs, queueRate, queues, load] = ["procs", "overhead", "redis", "queues", "load"]
    .map((name) => Number((options as Record<string, unknown>)[name]));
  for (const jobMs of options.ms.split(",").map(Number)) {
    for (const machines of [1, 10, 100, 1000]) {
      const found = predict({ machines, procs, jobMs, overheadMs, queueRate, queues }, load);
      table.push([
        `${jobMs} ms`,
        machines,
        Math.round(found.capacity).toLocaleString("en-US"),
        found.limit,
        `${(found.utilisation * 100).toFixed(0)} %`,
        `${found.waitQueueMs.toFixed(2)} ms`,
        `${found.waitProcMs.toFixed(2)} ms`,
      ]);
    }
  }
  console.log(table.toString());
  console.log(
    `at ${load * 100} % of the most; ${procs} Ps a machine, ${overheadMs} ms of one beside each job, ` +
      `${queues} Redis of ${queueRate} jobs/s`,
  );
}

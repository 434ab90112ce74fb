/**
 * Torture with real threads: random schedules, and random operations of the whole public API against a model.
 *
 *   deno task stress [--minutes N] [--seed S] [--plain]
 *
 * Each seed is a round (round.ts): one scheduler, some acts, deaths, close(). The rounds are played in processes of some
 * seconds, mostly by the disturbed variant (variant.ts), each fourth process by the product as it is; `--plain`: all.
 * The first failure ends it. With `--seed` that round is played again and again.
 */
import { parseArgs } from "@std/cli/parse-args";
import { makeVariant } from "./variant.ts";

/** Milliseconds of one process. Long enough to see what grows with the rounds. */
const SLICE = 15_000;
/** A round gives up by itself before, with the first thing that does not happen within a minute. */
const PATIENCE = 240_000;

// `deno task` passes the `--` on that npm's runner takes for itself.
const options = parseArgs(Deno.args.filter((arg) => arg !== "--"), {
  string: ["minutes", "seed"],
  boolean: ["plain"],
});
const minutes = Number(options.minutes ?? 1);
const only = options.seed === undefined ? undefined : Number(options.seed);
if (!(minutes > 0) || (only !== undefined && !Number.isInteger(only)) || options._.length > 0) {
  console.error("deno task stress [--minutes N] [--seed S] [--plain]: N is a number above 0, S an integer.");
  Deno.exit(2);
}

const product = new URL("../../", import.meta.url);
const variant = options.plain ? product : await makeVariant();
const end = performance.now() + minutes * 60_000;
let seed = only ?? Date.now() % 1_000_000_000;
let rounds = 0;
let failed = false;
try {
  for (let process = 1; performance.now() < end && !failed; process++) {
    const isPlain = process % 4 === 0;
    const ms = Math.min(SLICE, end - performance.now());
    const { played, output, success } = await play(
      isPlain ? product : variant,
      seed,
      only === undefined ? ms : 0,
    );
    console.log(`${isPlain || options.plain ? "plain" : "disturbed"}, seeds ${seed} to ${seed + played - 1}`);
    if (!success) {
      console.error(output.slice(Math.max(0, output.lastIndexOf("\nseed "))));
      console.error(
        `Failed. Again: deno task stress --seed ${seed + played - 1}${isPlain ? " --plain" : ""}`,
      );
      failed = true;
    }
    rounds += played;
    if (only === undefined) seed += played;
  }
} finally {
  if (variant !== product) await Deno.remove(variant, { recursive: true });
}
console.log(`${rounds} rounds${failed ? "" : ", no failure"}`);
Deno.exit(failed ? 1 : 0);

async function play(root: URL, seed: number, ms: number) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--v8-flags=--expose-gc",
      "tests/stress/rounds.ts",
      String(seed),
      String(ms || PATIENCE),
      ...ms === 0 ? ["1"] : [],
    ],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  let threads = "";
  const timer = setTimeout(() => {
    threads = threadsOf(child.pid);
    child.kill("SIGKILL");
  }, ms + PATIENCE);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = new TextDecoder();
  const end = signal === null ? "" : `ended by ${signal}\n${threads}`;
  const output = text.decode(stdout) + text.decode(stderr) + end;
  return { played: output.match(/^seed \d+$/gm)?.length ?? 0, output, success: code === 0 };
}

/** What the threads of a process do that does not end: whether they run, and else in which system call they are. */
function threadsOf(pid: number): string {
  const read = (tid: string, file: string) => {
    try {
      return Deno.readTextFileSync(`/proc/${pid}/task/${tid}/${file}`).trim();
    } catch (error) {
      return (error as Error).message;
    }
  };
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name: tid }) => {
    const [, state, cpu] = read(tid, "stat").match(/\) (\w) (?:\S+ ){10}(\d+)/) ?? [];
    return `${read(tid, "comm")} ${tid}: ${state}, ${cpu} ticks, ${read(tid, "syscall")}\n`;
  }).join("");
}

import { fileURLToPath } from "node:url";
import { head, type Program, type Readings } from "../program.ts";

const sides = [
  "heddle: 2",
  "heddle: 1",
  "cooperative: 2",
  "loop: 1",
  "worker: 1",
  "piscina: 2",
  "tinypool: 2",
];

const compared = [{ against: ["worker: 1"] }, { against: ["piscina: 2"], atLeast: 1 }, {
  against: ["tinypool: 2"],
}];

/** A program of one task: from the start of its process until its result is there, and until its end. */
export const start: Program = {
  name: "start",
  sides,
  measures: [
    {
      ...head("start", "start: until the first result", "ms", "result", sides),
      comparisons: [{ atMost: 60 }, { against: ["loop: 1"] }, ...compared],
    },
    {
      ...head("start", "start: until the end of the process", "ms", "exit", sides),
      comparisons: [{ atMost: 90 }, { against: ["loop: 1"] }, ...compared],
    },
  ],
  async sample(side): Promise<Readings> {
    const [crew, threads] = side.split(": ");
    const script = fileURLToPath(new URL(`../start/${crew}.ts`, import.meta.url));
    const begun = performance.now();
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", script, threads],
      env: { HEDDLE_PROCS: threads },
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    let [said, result] = ["", NaN];
    for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.endsWith("\n")) result = performance.now() - begun;
    }
    const { success } = await process.status;
    const exit = performance.now() - begun;
    if (!success || said !== "42\n") throw new Error(`start: ${side} said ${JSON.stringify(said)}`);
    return { result, exit };
  },
};

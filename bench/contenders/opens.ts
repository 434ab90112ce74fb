import { sandbox, type SandboxOptions } from "../../examples/sandbox/sandbox.ts";
import { Scheduler } from "@heddle/heddle";
import type { Contender } from "../contender.ts";
import { compiled } from "./compiled.ts";

/** Runs a command of its own, and returns the number that it prints. */
export function commandMode(command: (program: string, times: string) => [string, ...string[]]) {
  return async () => {
    const program = await compiled("opens");
    return {
      threads: 1,
      async run(_work: string, times: number) {
        const [file, ...args] = command(program, String(times));
        const { success, stdout } = await new Deno.Command(file, { args, stderr: "inherit" }).output();
        if (!success) throw new Error(`${[file, ...args].join(" ")} has failed`);
        return Number(new TextDecoder().decode(stdout));
      },
    };
  };
}

function boxMode(options: Omit<SandboxOptions, "command">) {
  return async () => {
    const program = await compiled("opens");
    const scheduler = await Scheduler.start({ procs: 1 });
    return {
      threads: 1,
      async run(_work: string, times: number) {
        await using box = await sandbox(scheduler, {
          command: [program, "alone", String(times)],
          stdout: "piped",
          ...options,
        });
        const [text, { success }] = await Promise.all([new Response(box.stdout).text(), box.status]);
        if (!success) throw new Error("the program has failed in its box");
        return Number(text);
      },
    };
  };
}

/** A program that opens and closes a file: in a box, alone, and under a supervisor in C. */
export const contender: Contender = {
  version: "of the system",
  modes: {
    box: boxMode({}),
    traced: boxMode({ trace: "refused" }),
    results: boxMode({ trace: "results" }),
    policy: boxMode({ policy: new URL("allowing.ts", import.meta.url) }),
    ptrace: boxMode({ platform: "ptrace" }),
    alone: commandMode((program, times) => [program, "alone", times]),
    "landlocked in C": commandMode((program, times) => [program, "landlocked", times]),
    "filtered in C": commandMode((program, times) => [program, "filtered", times]),
    "traced in C": commandMode((program, times) => [program, "traced", times]),
    "traced in C as ours": commandMode((program, times) => [program, "polled", times]),
    "emulated in C": commandMode((program, times) => [program, "emulated", times]),
  },
};

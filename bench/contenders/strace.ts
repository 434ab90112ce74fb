import type { Contender } from "../contender.ts";
import { Missing } from "../side.ts";
import { commandMode } from "./opens.ts";

async function version(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("strace", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).split("\n")[0].split(" ").at(-1)!;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Missing("strace is not on the PATH: apt-get install strace");
  }
}

/** The same program, opens.c, as strace sees it. */
export const contender: Contender = {
  version: await version(),
  modes: {
    default: commandMode((program, times) => [
      "strace",
      "--seccomp-bpf",
      "-f",
      "-e",
      "trace=open,openat,execve,connect",
      "-o",
      "/dev/null",
      program,
      "alone",
      times,
    ]),
  },
};

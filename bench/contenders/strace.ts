import type { Contender } from "../contender.ts";
import { output } from "../sides/program.ts";
import { commandMode } from "./opens.ts";

const version = await output("strace", ["--version"], { whereFrom: "apt-get install strace" });

const strace = (...options: string[]) => (program: string, times: string): [string, ...string[]] => [
  "strace",
  ...options,
  "-f",
  "-e",
  "trace=open,openat,execve,connect",
  "-o",
  "/dev/null",
  program,
  "alone",
  times,
];

/** The same program, opens.c, as strace sees it. */
export const contender: Contender = {
  version: version.split("\n")[0].split(" ").at(-1)!,
  modes: {
    default: commandMode(strace("--seccomp-bpf")),
    ptrace: commandMode(strace()), // stops at each call, to look whether it is one of those
  },
};

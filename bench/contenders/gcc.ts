import { output } from "../sides/program.ts";

/** By those contenders that have a part in C: without a compiler they are missing as they are loaded. */
export function requireGcc(): Promise<string> {
  return output("gcc", ["--version"], { whereFrom: "apt-get install gcc" });
}

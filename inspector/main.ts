/**
 * Runs a program with an inspector for each of its schedulers: `deno task inspect -- PROGRAM [ARGUMENT]…`. It prints where they are
 * to standard error, as does the program itself with `HEDDLE_INSPECT=1`.
 */

const args = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args;
if (args.length === 0 || args[0].startsWith("-")) {
  console.error("Usage: deno task inspect -- PROGRAM [ARGUMENT]…\n\nPROGRAM runs with all permissions.");
  Deno.exit(2);
}
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", ...args],
  // A task runs in the folder of its deno.json, and PROGRAM was named where it was started.
  cwd: Deno.env.get("INIT_CWD") ?? Deno.cwd(),
  env: { HEDDLE_INSPECT: "1" },
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).spawn();
// Ctrl-C goes to both, and the program decides.
Deno.addSignalListener("SIGINT", () => {});
if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
Deno.exit((await child.status).code);

import { Missing, type Side } from "../side.ts";

/** What a command prints. One that is not there throws `Missing`, with what would be. */
export async function output(
  command: string,
  args: string[],
  { env = {}, whereFrom = "" }: { env?: Record<string, string>; whereFrom?: string } = {},
): Promise<string> {
  let ended: Deno.CommandOutput;
  try {
    ended = await new Deno.Command(command, { args, env, stderr: "inherit" }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Missing(`${command} is not on the PATH${whereFrom && `: ${whereFrom}`}`);
  }
  if (!ended.success) throw new Error(`${command} ${args.join(" ")} failed`);
  return new TextDecoder().decode(ended.stdout).trim();
}

/**
 * A program in another language, started for every measurement: its last arguments are the row, and the size of one that
 * has sizes. It prints the value, and what came out of the work. `threads` is there for a row that says itself how many.
 */
export function programSide(
  label: string,
  run: (args: string[], threads?: number) => Promise<string>,
  stop: () => Promise<void>,
): Side {
  return {
    label,
    async sample({ name, program = name, size, expected, fresh }, quick) {
      const wanted = size?.[quick ? "quick" : "full"];
      const args = wanted === undefined ? [program] : [program, String(wanted)];
      const [value, answer] = (await run(args, fresh?.threads[0])).split(" ");
      const right = wanted === undefined ? undefined : expected?.(wanted);
      if (right !== undefined && Number(answer) !== right) {
        throw new Error(`${name}: ${label} answered ${answer} instead of ${right}`);
      }
      return Number(value);
    },
    stop,
  };
}

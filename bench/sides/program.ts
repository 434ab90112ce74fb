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
 * has sizes. It prints the value, and what came out of the work.
 */
export function programSide(
  label: string,
  run: (args: string[]) => Promise<string>,
  stop: () => Promise<void>,
): Side {
  return {
    label,
    async sample({ name, size, expected }, quick) {
      const wanted = size?.[quick ? "quick" : "full"];
      const [value, answer] = (await run(wanted === undefined ? [name] : [name, String(wanted)])).split(" ");
      const right = wanted === undefined ? undefined : expected?.(wanted);
      if (right !== undefined && Number(answer) !== right) {
        throw new Error(`${name}: ${label} answered ${answer} instead of ${right}`);
      }
      return Number(value);
    },
    stop,
  };
}

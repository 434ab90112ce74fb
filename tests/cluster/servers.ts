/** The engines' servers for tests, and who is not installed here. */
import { startRedis } from "../../examples/cluster/redis.ts";

export interface Server extends AsyncDisposable {
  readonly url: string;
}

async function lacks(program: string): Promise<string | undefined> {
  const { success } = await new Deno.Command("which", { args: [program], stdout: "null" }).output();
  return success ? undefined : `${program} is not on the PATH`;
}

async function lacksPostgres(): Promise<string | undefined> {
  const { postgresPrograms } = await import("../../examples/cluster/postgres.ts");
  return await postgresPrograms() === undefined ? "PostgreSQL is not installed" : undefined;
}

/** By their URLs' names. `missing`: why there is none. */
export const servers = {
  redis: { missing: await lacks("redis-server"), start: (): Promise<Server> => startRedis() },
  postgres: {
    missing: await lacksPostgres(),
    start: async (): Promise<Server> => (await import("../../examples/cluster/postgres.ts")).startPostgres(),
  },
};

/** A test that is skipped, with a line that says why, where there is no such server. */
export function testWith(
  kind: keyof typeof servers,
  name: string,
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const { missing } = servers[kind];
  if (missing !== undefined) console.log(`skipped: "${name}": ${missing}`);
  Deno.test({ name, ignore: missing !== undefined, fn });
}

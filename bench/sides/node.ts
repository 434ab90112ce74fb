import { fileURLToPath } from "node:url";
import { Missing, type Side } from "../side.ts";
import { hostedSide } from "./deno.ts";
import { output } from "./program.ts";

const directory = fileURLToPath(new URL("../node", import.meta.url));
const node = `${directory}/node_modules/.bin/node`;

/** Kept for later runs: npm knows what is there. */
let installed: Promise<string> | undefined;

/** Node itself comes from npm, in the version of package-lock.json. */
async function install(): Promise<string> {
  const args = ["install", "--prefix", directory, "--no-audit", "--no-fund", "--silent"];
  await output("npm", args, { whereFrom: "https://nodejs.org" }).catch((error) => {
    throw error instanceof Missing ? error : new Missing("npm cannot install bench/node");
  });
  return await output(node, ["--version"]);
}

/** A library that Node runs. */
export async function nodeSide(name: string): Promise<Side> {
  const version = await (installed ??= install());
  const command = [node, "--expose-gc", "--import", `${directory}/resolve.mjs`];
  return await hostedSide(command, name, undefined, `, Node ${version}`);
}

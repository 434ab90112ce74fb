/** The policy that the escapes are tried under: nothing at or below its `closed` directories, and not port 4711 here. */
import type { PolicyRequest, Verdict } from "../../examples/sandbox/sandbox.ts";

const closed = new URL(import.meta.url).searchParams.getAll("closed");

const deniedAddresses = ["127.0.0.1:4711", "0.0.0.0:4711"];

function isClosed(path: string | undefined): boolean {
  return path !== undefined &&
    closed.some((directory) => path === directory || path.startsWith(`${directory}/`));
}

export default function ({ path, to, address, call }: PolicyRequest): Verdict {
  if (isClosed(path) || isClosed(to) || deniedAddresses.includes(address ?? "")) return "deny";
  // What a directory is in cannot be moved, or the directory would have another name.
  const isAbove = closed.some((directory) => path !== undefined && directory.startsWith(`${path}/`));
  return call === "rename" && isAbove ? { errno: 16 } : "allow";
}

import { fileURLToPath } from "node:url";
import { threads } from "../row.ts";
import { Missing, type Side } from "../side.ts";
import { output, programSide } from "./program.ts";

const manifest = fileURLToPath(new URL("../rust/Cargo.toml", import.meta.url));
const program = fileURLToPath(new URL("../rust/target/release/bench", import.meta.url));

/** Kept for later runs: cargo knows what has changed. */
let built: Promise<Map<string, string>> | undefined;

/** The versions of what it was built with. */
async function build(): Promise<Map<string, string>> {
  const cargo = (...args: string[]) => {
    return output("cargo", [...args, "--manifest-path", manifest], { whereFrom: "https://rustup.rs" });
  };
  await cargo("build", "--quiet", "--release", "--locked").catch((error) => {
    // It has said why: perhaps crates.io is out of reach.
    throw error instanceof Missing ? error : new Missing("cargo cannot build bench/rust");
  });
  const tree = await cargo("tree", "--depth=1", "--prefix=none", "--format={p}");
  return new Map(tree.split("\n").map((line) => line.split(" ") as [string, string]));
}

/** `mode` is the number of threads, if not that of the other rows. */
export async function rustSide(engine: "tokio" | "rayon", mode = String(threads)): Promise<Side> {
  const version = (await (built ??= build())).get(engine);
  return programSide(
    `${engine} ${version} (${mode} threads)`,
    ([row, ...size], threads = Number(mode)) => output(program, [engine, row, String(threads), ...size]),
    () => Promise.resolve(),
  );
}

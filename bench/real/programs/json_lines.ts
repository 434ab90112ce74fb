import { everyone, type Program, throughput } from "../program.ts";
import { randomOf } from "../random.ts";
import type { Chunk, Total } from "../work/json_lines.ts";

const MB = { full: 200, quick: 20 };
const CHUNK = 4e6;
const PATHS = 40;

async function write(path: string, bytes: number): Promise<void> {
  const random = randomOf(1);
  const line = (n: number) =>
    JSON.stringify({
      time: 1.7e12 + n,
      path: `/api/v1/things/${random(PATHS)}`,
      status: [200, 200, 200, 304, 404, 500][random(6)],
      bytes: random(100_000),
      user: { id: random(1e6), name: `user ${random(1000)}`, roles: ["reader", "writer"].slice(random(2)) },
      ms: random(1e6) / 1000,
    });
  using file = await Deno.open(path, { write: true, create: true });
  const encoder = new TextEncoder();
  for (let written = 0, n = 0; written < bytes;) {
    const lines = Array.from({ length: 10_000 }, () => `${line(n++)}\n`);
    written += await file.write(encoder.encode(lines.join("")));
  }
}

export const jsonLines: Program = {
  name: "json-lines",
  sides: everyone,
  measures: throughput("json-lines", "json-lines: summed up by a key, in chunks of 4 MB"),
  prepare: ({ directory, quick }) => write(`${directory}/lines`, (quick ? MB.quick : MB.full) * 1e6),
  async run(crew, { directory }) {
    const path = `${directory}/lines`;
    const { size } = await Deno.stat(path);
    const chunks: Chunk[] = [];
    for (let from = 0; from < size; from += CHUNK) {
      chunks.push({ path, from, to: Math.min(size, from + CHUNK) });
    }
    const totals = new Map<string, Total>();
    for (const part of await Promise.all(chunks.map((chunk) => crew.run<Total[]>("sumUp", chunk)))) {
      for (const { path, requests, bytes, failures } of part) {
        const total = totals.get(path) ?? { path, requests: 0, bytes: 0, failures: 0 };
        total.requests += requests;
        total.bytes += bytes;
        total.failures += failures;
        totals.set(path, total);
      }
    }
    const lines = [...totals.values()].map(({ path, requests, bytes, failures }) => {
      return `${path} ${requests} ${bytes} ${failures}`;
    });
    return { readings: {}, answer: lines.sort().join(", ") };
  },
};

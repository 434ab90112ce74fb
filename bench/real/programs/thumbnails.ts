import { createHash } from "node:crypto";
import { everyone, fastest, footprint, head, percentile, type Program } from "../program.ts";
import { randomOf } from "../random.ts";

const IMAGES = 4;
const [WIDTH, HEIGHT] = [640, 480];
/** Requests that have not been answered. */
const IN_FLIGHT = 50;
const REQUESTS = { full: 240, quick: 24 };
/** The first quarter is not counted: threads start, and code is compiled. */
const COLD = 1 / 4;

/** A photograph of sorts: slow gradients, and the noise that makes about 425 KB of them. */
function pixels(data: Uint8Array, seed: number): void {
  const random = randomOf(seed);
  for (let i = 0; i < data.length; i += 4) {
    const [x, y] = [i / 4 % WIDTH, i / 4 / WIDTH | 0];
    data[i] = x * 255 / WIDTH + random(5);
    data[i + 1] = y * 255 / HEIGHT + random(5);
    data[i + 2] = (x + y * seed) / 8 + random(5);
    data[i + 3] = 255;
  }
}

export const thumbnails: Program = {
  name: "thumbnails",
  sides: everyone,
  measures: [
    {
      ...head("thumbnails", "thumbnails of PNGs of 425 KB with npm:pngjs, 50 in flight", "images/s", "rate"),
      better: "higher",
      comparisons: fastest(1.7),
    },
    {
      ...head("thumbnails", "thumbnails: p99 of one", "ms", "p99"),
      comparisons: [
        { against: ["piscina: 2"], atLeast: 1 },
        { against: ["cooperative: 2"], atLeast: 0.95 },
      ],
    },
    ...footprint("thumbnails"),
  ],
  async prepare({ directory }) {
    const { PNG } = await import("pngjs");
    for (let i = 0; i < IMAGES; i++) {
      const image = new PNG({ width: WIDTH, height: HEIGHT });
      pixels(image.data, i + 1);
      await Deno.writeFile(`${directory}/${i}.png`, PNG.sync.write(image));
    }
  },
  async run(crew, { directory, quick }) {
    const images = Array.from({ length: IMAGES }, (_, i) => Deno.readFileSync(`${directory}/${i}.png`));
    const requests = quick ? REQUESTS.quick : REQUESTS.full;
    const hashes: string[] = [];
    const taken: number[] = [];
    const ends: number[] = [];
    let next = 0;
    const ask = async () => {
      while (next < requests) {
        const i = next++;
        const start = performance.now();
        const small = await crew.run<Uint8Array>("shrink", images[i % IMAGES]);
        const end = performance.now();
        ends.push(end);
        taken.push(end - start);
        hashes[i] = createHash("sha256").update(small).digest("hex");
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, ask));
    const hash = createHash("sha256").update(hashes.join()).digest("hex");
    const cold = requests * COLD;
    const rate = (requests - cold) / (ends[requests - 1] - ends[cold - 1]) * 1e3;
    return { readings: { rate, p99: percentile(taken, 0.99) }, answer: `${hashes.length} images, ${hash}` };
  },
};

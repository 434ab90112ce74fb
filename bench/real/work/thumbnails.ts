import { Buffer } from "node:buffer";
// @ts-types="@types/pngjs"
import { PNG } from "pngjs";

/** How many times smaller each side gets. */
const SHRINK = 4;

/** Decodes a PNG, makes each pixel the mean of a square of pixels, and encodes it again. */
export function shrink(png: Uint8Array): Uint8Array {
  const image = PNG.sync.read(Buffer.from(png.buffer, png.byteOffset, png.byteLength));
  const small = new PNG({ width: image.width / SHRINK | 0, height: image.height / SHRINK | 0 });
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      for (let channel = 0; channel < 4; channel++) {
        let sum = 0;
        for (let dy = 0; dy < SHRINK; dy++) {
          const row = ((y * SHRINK + dy) * image.width + x * SHRINK) * 4 + channel;
          for (let dx = 0; dx < SHRINK; dx++) sum += image.data[row + dx * 4];
        }
        small.data[(y * small.width + x) * 4 + channel] = sum / SHRINK ** 2;
      }
    }
  }
  return new Uint8Array(PNG.sync.write(small));
}

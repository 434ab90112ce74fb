import process from "node:process";

/** The lines of stdin. The other end sends one short line and then waits, so what one read takes is a line. */
export async function* requests(): AsyncGenerator<string> {
  const text = new TextDecoder();
  if ("Deno" in globalThis) {
    // Not by a stream: that would read ahead while a row is measured.
    const chunk = new Uint8Array(256);
    for (let length; (length = await Deno.stdin.read(chunk)) !== null;) {
      yield text.decode(chunk.subarray(0, length)).trimEnd();
    }
  } else {
    for await (const chunk of process.stdin) yield text.decode(chunk).trimEnd();
  }
}

/**
 * A thread that finds HEAVY in the environment fills its heap before it gets as far as to its machine. To be imported before the
 * scheduler is, which makes the address that threads start at as it loads.
 */
const heavy = `if (Deno.env.has("HEAVY")) for (const kept = [];;) kept.push(Array(1e4).fill(kept.length));`;

globalThis.URL = class extends URL {
  constructor(url: string | URL, base?: string | URL) {
    const isEntry = typeof url === "string" && url.startsWith("data:") && url.includes("workerData.bundle");
    super(isEntry ? url.replace(",", `,${heavy}`) : url, base);
  }
};

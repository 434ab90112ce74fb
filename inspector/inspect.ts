/**
 * A live page of what a scheduler does: threads and Ps over time, who waits for whom, tasks, channels and locks, latency, CPU, heaps.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 * import { inspect } from "@heddle/heddle/inspector";
 *
 * await using sched = await Scheduler.start({ procs: 2 });
 * await using page = await inspect(sched);
 * console.error(`Open ${page.url}`);
 * assertEquals((await fetch(page.url)).status, 200);
 * ```
 *
 * Without a change of the program: `HEDDLE_INSPECT=1 deno run -A main.ts`, which prints the URL.
 *
 * @module
 */
import { Gate, newToken } from "./gate.ts";
import { type Inspected, Sampler } from "./sampler.ts";
import { script, style } from "./page_bundle.ts";

export type { Inspected };

/** Options of {@linkcode inspect}. */
export interface InspectOptions {
  /** Of 127.0.0.1, from 0 to 65535. Default: 0, any that is free. */
  port?: number;
}

/** An inspector that is open: {@linkcode inspect}. */
export interface Inspector extends AsyncDisposable {
  /** For a browser on this machine. Whoever has it can see everything, so it has a secret in it. */
  readonly url: string;
  /** Ends it: pages that are open show what they had last. */
  close(): Promise<void>;
}

/** Seconds of a trace that the page may ask for. */
const LONGEST_TRACE = 60;

/**
 * Opens an inspector of a scheduler: a page on 127.0.0.1, which a token in its URL protects from other users of the machine, and
 * checks of `Host` and `Origin` from other pages in the browser. It loads nothing from anywhere else, and keeps no process alive.
 *
 * While somebody looks, the program's event loop looks at the scheduler eight times a second, for 2 ms each, or a tenth of its time if
 * there is more to see; the threads are not disturbed. While nobody does, it costs nothing. It takes the permission to listen, and for
 * traces (which the page can save, for https://ui.perfetto.dev) those to write and read a temporary file.
 *
 * The ideas are those of tokio's console and of Go's `net/http/pprof` and `go tool trace`.
 *
 * It rejects with a `TypeError` or a `RangeError` for other options, or a `Deno.errors` one if it may not or cannot listen.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { Scheduler } from "@heddle/heddle";
 * import { inspect } from "@heddle/heddle/inspector";
 *
 * await using sched = await Scheduler.start({ procs: 1 });
 * await using page = await inspect(sched, { port: 0 });
 * assert(page.url.startsWith("http://127.0.0.1:"));
 * ```
 */
// deno-lint-ignore require-await -- What is wrong rejects.
export async function inspect(sched: Inspected, options: InspectOptions = {}): Promise<Inspector> {
  requireScheduler(sched);
  const port = requirePort(options);
  const sampler = new Sampler(sched);
  const ending = new AbortController();
  const token = newToken();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    (request) => answer(request),
  );
  const gate = new Gate(token, server.addr.port);
  server.unref();

  async function answer(request: Request): Promise<Response> {
    const admitted = gate.admit(request);
    if ("refusal" in admitted) return failure(403, admitted.refusal);
    if (request.method !== "GET") return failure(405, "There is only GET.");
    const { searchParams: given } = new URL(request.url);
    switch (admitted.path) {
      case "":
        return respond(document, "text/html");
      case "page.js":
        return respond(script, "text/javascript");
      case "page.css":
        return respond(style, "text/css");
      case "look":
        return respond(sampler.look(), "application/json");
      case "tasks":
        return json(sampler.ask({
          search: given.get("search") ?? "",
          state: given.get("state") ?? "",
          at: given.has("at") ? Number(given.get("at")) : undefined,
          page: Number(given.get("page") ?? 0),
        }));
      case "task": {
        const life = sampler.life(Number(given.get("id")));
        return life === undefined ? failure(404, "No such task was seen.") : json(life);
      }
      case "trace":
        return await record(sched, Number(given.get("seconds")), ending.signal);
      default:
        return failure(404, "There is no such page.");
    }
  }

  let closed: Promise<void> | undefined;
  const close = () => {
    sampler.forget();
    ending.abort();
    return closed ??= server.shutdown();
  };
  return {
    url: `http://127.0.0.1:${server.addr.port}/${token}/`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function requireScheduler(sched: unknown): void {
  const given = sched as Partial<Inspected> | null | undefined;
  if (typeof given?.dump === "function" && typeof given.metrics === "function") return;
  throw new TypeError(`inspect got ${given === null ? "null" : typeof sched}: give a Scheduler.`);
}

function requirePort(options: unknown): number {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`inspect: the options are ${options}: give an object.`);
  }
  const { port = 0, ...others } = options as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new TypeError(`inspect has no option ${unknown}: there is port.`);
  if (Number.isInteger(port) && port as number >= 0 && port as number <= 65535) return port as number;
  throw new RangeError(`inspect: port is ${String(port)}: give an integer from 0 to 65535.`);
}

/** Traces for so long, or until the inspector ends. The file is gone when it is sent. */
async function record(sched: Inspected, seconds: number, ending: AbortSignal): Promise<Response> {
  if (!(seconds > 0 && seconds <= LONGEST_TRACE)) {
    return failure(400, `A trace takes up to ${LONGEST_TRACE} seconds: this is ${seconds}.`);
  }
  const path = await Deno.makeTempFile({ prefix: "heddle-", suffix: ".json" });
  try {
    const trace = await sched.trace({ file: path });
    await over(seconds * 1000, ending);
    await trace.stop();
    const { readable } = await Deno.open(path);
    const response = respond(readable, "application/json");
    const time = new Date().toISOString().replaceAll(":", "-");
    response.headers.set("content-disposition", `attachment; filename="heddle-${time}.json"`);
    return response;
  } catch (error) {
    return failure(409, error instanceof Error ? error.message : String(error));
  } finally {
    await Deno.remove(path);
  }
}

/** Resolves when the time is over, or with the inspector. It keeps no process alive. */
function over(ms: number, ending: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    Deno.unrefTimer(timer as unknown as number);
    ending.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const document = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heddle</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
<main id="page"><p>This page takes JavaScript.</p></main>
<script type="module" src="page.js"></script>
</html>
`;

function json(value: unknown): Response {
  return respond(JSON.stringify(value), "application/json");
}

function failure(status: number, text: string): Response {
  return respond(text + "\n", "text/plain", status);
}

/** The token is in the URL: nobody is told where a reader comes from, nothing is kept, and nobody else shows or loads it. */
function respond(body: BodyInit, type: string, status = 200): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": `${type}; charset=utf-8`,
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}

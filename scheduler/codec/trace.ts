/**
 * Stacks of failures: what a task threw on any thread says where, in the lines of users alone, and then where it is awaited. At
 * each hop, from child to parent and to the host, the lines of the async functions that await the task are added, as V8 adds them
 * where no thread is in between (https://v8.dev/docs/stack-trace-api, "Async stack traces").
 *
 * Nothing is captured when a task starts, which would take 3 us; a child's start and end take a fifth of one. V8 knows who
 * awaits a promise from the promise itself, so it is enough to ask in the microtask in which that rejects.
 */

/** Lines of an error beyond which no more are added: a deep tree of tasks would copy them at each level. Guess. */
const MOST_LINES = 50;
/** Of `cause`, one inside the other, which may go round. Guess. */
const MOST_CAUSES = 8;

/** What a thread's bundle is called in stacks (native/build.ts). */
export const THREAD = "heddle:thread";
/**
 * The file that this is in: the host's bundle, or a thread's. Not asked for before there is a stack to look at: for the first one V8
 * parses the bundle again, to know its lines, which would be 10 ms of each start.
 */
let ours: string | undefined;

/** Of an error that is nobody else's, in the microtask in which the promise rejects that it is for. */
export function follow(failure: unknown): void {
  try {
    let error = failure;
    for (let n = 0; n < MOST_CAUSES && error instanceof Error; n++, error = error.cause) {
      const before = error.stack;
      if (typeof before !== "string") continue;
      const lines = withoutOurs(before.split("\n"));
      if (n === 0 && lines.length < MOST_LINES) lines.push(...awaiting());
      const after = lines.join("\n");
      if (after !== before) setStack(error, after);
    }
  } catch {
    // A program's Error.prepareStackTrace, or a getter. The stack is as it was.
  }
}

/** What was made where users call, in lines of theirs alone. V8 would keep the ten last calls, which are ours. */
export function madeForCaller<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  // A program may want none, or have frozen it.
  const isMore = stackTraceLimit > 0 && Reflect.set(Error, "stackTraceLimit", stackTraceLimit + MOST_LINES);
  try {
    const error = make();
    setStack(error, withoutOurs(String(error.stack).split("\n")).join("\n"));
    return error;
  } finally {
    if (isMore) Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

/** Lines of the async functions that await the promise. */
function awaiting(): string[] {
  const at: { stack?: unknown } = {};
  Error.captureStackTrace(at);
  return withoutOurs(String(at.stack).split("\n")).filter((line) => line.startsWith("    at async "));
}

function setStack(error: Error, stack: string): void {
  Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true });
}

function withoutOurs(lines: string[]): string[] {
  const kept = lines.filter((line) => !line.startsWith("    at ") || !isOurs(line));
  // Whoever awaits that runs programs, or tests.
  const outer = kept.findIndex((line) => line.startsWith("    at async ") && line.includes("(ext:"));
  if (outer >= 0) kept.length = outer;
  // And at the end an event loop.
  while (kept.length > 1 && kept.at(-1)!.startsWith("    at ") && kept.at(-1)!.includes("ext:")) kept.pop();
  return kept;
}

function isOurs(line: string): boolean {
  ours ??= /\(?((?:[a-z]+:)[^()\s]*?)(?:, <anonymous>)?:\d+:\d+\)?$/.exec(
    String(new Error().stack).split("\n")[1] ?? "",
  )?.[1];
  return line.includes(THREAD) || (ours !== undefined && line.includes(ours));
}

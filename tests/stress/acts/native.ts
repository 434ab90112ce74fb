/** Native calls: by the pool and by native threads, with libraries and threads that are closed in the middle. */
import { SchedulerClosedError } from "@heddle/heddle";
import type { Act } from "../act.ts";

const definitions = {
  usleep: { parameters: ["u32"], result: "i32" },
  labs: { parameters: ["i64"], result: "i64" },
  abs: { parameters: ["i32"], result: "i32" },
  strlen: { parameters: ["buffer"], result: "usize" },
  memset: { parameters: ["buffer", "i32", "usize"], result: "pointer" },
  close: { parameters: ["i32"], result: "i32" },
  gettid: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const { labs } = Deno.dlopen("libc.so.6", { labs: { type: "pointer" } }).symbols;

async function someCalls(act: Act, library: Calls): Promise<void> {
  const { random } = act;
  const calls: Promise<unknown>[] = [];
  for (let i = random.below(30); i >= 0; i--) {
    const n = random.below(1000);
    const expect = (call: PromiseLike<unknown>, value: unknown) =>
      calls.push(
        act.outcome(call, "a native call").then((result) => {
          if (result !== undefined) {
            act.check(result === value, `a native call gave ${result} instead of ${value}`);
          }
        }),
      );
    const dice = random.below(6);
    if (dice === 0) expect(library.usleep(n), 0);
    else if (dice === 1) expect(library.labs(BigInt(-n)), BigInt(n));
    else if (dice === 2) expect(library.abs(-n), n);
    else if (dice === 3) expect(library.strlen(new TextEncoder().encode("x".repeat(n) + "\0")), BigInt(n));
    else if (dice === 4) {
      const bytes = new Uint8Array(1 + n);
      const call = library.memset(bytes, 7, BigInt(n));
      calls.push(
        act.outcome(call, "memset").then((result) => {
          if (result === undefined) return;
          act.check(bytes.every((byte, at) => byte === (at < n ? 7 : 0)), "memset wrote something else");
        }),
      );
    } else {
      const call = library.close(-1);
      calls.push(
        act.outcome(call, "close(-1)").then((result) => {
          if (result !== undefined) {
            act.check(result === -1 && call.errno === 9, `close(-1): ${result}, ${call.errno}`);
          }
        }),
      );
    }
    if (random.chance(10)) await new Promise((resolve) => setTimeout(resolve, random.below(3)));
  }
  await Promise.all(calls);
}

type Calls = ReturnType<typeof open>["symbols"];

function open(act: Act) {
  return act.sched.dlopen("libc.so.6", definitions);
}

/** Undefined if all is closed. */
function unlessClosed<T>(act: Act, start: () => T): T | undefined {
  try {
    return start();
  } catch (error) {
    if (act.stage.isClosing && error instanceof SchedulerClosedError) return undefined;
    throw error;
  }
}

export async function pool(act: Act): Promise<void> {
  const library = unlessClosed(act, () => open(act));
  if (library === undefined) return;
  const calls = someCalls(act, library.symbols).catch((error) => {
    // It is closed between two calls.
    const wasClosed = error instanceof TypeError ||
      (act.stage.isClosing && error instanceof SchedulerClosedError);
    act.check(wasClosed, `a native call threw ${Deno.inspect(error)}`);
  });
  if (act.random.chance(20)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    library.close();
  }
  await calls;
  library.close();
}

export async function nativeThread(act: Act): Promise<void> {
  const options = act.random.chance(30) ? { name: "torture", nice: 1 } : undefined;
  const thread = await act.outcome(unlessClosed(act, () => act.sched.thread(options)), "a native thread");
  if (thread === undefined) return;
  try {
    using library = thread.dlopen("libc.so.6", definitions);
    const asking = act.outcome(library.symbols.gettid(), "gettid");
    const byAddress = act.outcome(thread.call(labs, { parameters: ["i64"], result: "i64" }, -5n), "labs");
    const [tid, five] = await Promise.all([asking, byAddress, someCalls(act, library.symbols)]);
    act.check(five === undefined || five === 5n, `labs(-5) gave ${five} by its address`);
    if (tid !== undefined) act.check(tid === thread.tid, `native thread ${thread.tid} is ${tid}`);
  } catch (error) {
    if (!act.stage.isClosing || !(error instanceof SchedulerClosedError)) throw error;
  }
  await act.outcome(thread.close(), "close() of a native thread");
}

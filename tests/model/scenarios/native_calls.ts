/** The queue of native calls, whose TypeScript is the real one, against the threads of native/native_m.c (native_m.ts). */
import type { Shim } from "../../../ffi/shim.ts";
import { exchange, Futex, load, pause } from "../../../scheduler/arena/atomics.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import {
  CALL_INTS,
  CALL_NEXT,
  CALL_RESULT,
  CALL_WORDS,
  NATIVE_HOST_DONE,
  NATIVE_HOST_THREADS,
} from "../../../scheduler/arena/layout/native.ts";
import { NativeQueue } from "../../../scheduler/native/queue.ts";
import { check, checkEqual, type Scenario, type Setting } from "../scenario.ts";
import { shim as modelShim } from "./machines.ts";
import { NativeM } from "./native_m.ts";

function scenario(
  name: string,
  count: number,
  threads: number,
  bound: number,
  timeouts: number,
  isClosed: boolean,
): Scenario {
  return {
    name,
    bound,
    short: 1,
    rules: { timeouts },
    setUp(): Setting {
      const arena = new Arena({ maxTasks: 1, maxThreads: 1, bytes: leastArenaBytes(1, 1) });
      const futex = new Futex(modelShim, arena.i32);
      const ran: number[] = [];
      const at = (call: number) => arena.nativeCalls + call * CALL_WORDS;
      const native = new NativeM(arena, futex, timeouts > 0 ? 1 : -1, (call) => {
        ran.push(call);
        arena.i32[at(call) + CALL_RESULT] = arena.i32[at(call) + CALL_INTS] + 1;
      });
      const shim = {
        addressOf: () => 0,
        nativeWake: () => native.wake(),
        // Of the model's futex each wake ends one sleep.
        futexWake(address: number) {
          for (let i = 0; i < threads; i++) futex.wake(arena.nativeQueue + (address >> 2));
        },
      } as unknown as Shim;
      const queue = new NativeQueue(shim, arena.i32, arena.nativeQueue);
      queue.open({ host: 0, statuses: 0, stackBytes: 0, idleUs: 0, limit: threads, maxThreads: threads });
      const done: number[] = [];
      const read = () => {
        const entries = arena.nativeHost + NATIVE_HOST_DONE;
        for (let entry = exchange(arena.i32, entries, 0); entry !== 0;) {
          const call = entry - 1;
          checkEqual(arena.i32[at(call) + CALL_RESULT], 7 * call + 1, "the call's result");
          done.push(call);
          entry = arena.i32[at(call) + CALL_NEXT];
        }
      };
      const names = Array.from({ length: threads }, (_, i) => `native${i + 1}`);
      return {
        arena,
        threads: {
          ...Object.fromEntries(names.map((name) => [name, () => native.threads()])),
          host() {
            for (let call = 0; call < count; call++) {
              arena.i32[at(call) + CALL_INTS] = 7 * call;
              queue.push(call);
              queue.wake();
            }
            if (isClosed) return queue.close();
            while (done.length < count) {
              while (load(arena.i32, arena.nativeHost + NATIVE_HOST_DONE) === 0) pause();
              read();
            }
          },
        },
        first: names,
        sleepers: names,
        end() {
          if (isClosed) {
            checkEqual(load(arena.i32, arena.nativeHost + NATIVE_HOST_THREADS), 0, "threads that are left");
            check(ran.length === new Set(ran).size, "a call runs once");
          } else {
            const all = Array.from({ length: count }, (_, call) => call);
            checkEqual([ran.toSorted(), done.toSorted()], [all, all], "calls that ran, and were heard of");
            check(queue.isEmpty(), "no call is left");
          }
        },
      };
    },
  };
}

export const one = scenario("native calls: three for one thread", 3, 1, 3, 0, false);
export const two = scenario("native calls: three for two threads", 3, 2, 2, 0, false);
export const full = scenario("native calls: as many as there can be", 4, 1, 3, 0, false);
export const idle = scenario("native calls: two for threads that end when they are idle", 2, 1, 3, 2, false);
export const closing = scenario("native calls: close against one for each of two threads", 2, 2, 2, 0, true);

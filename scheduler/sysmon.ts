/** The watchdog thread: it holds no P, and looks after what nobody else can see. So far: native Ms. */
import type { Shim } from "../ffi/shim.ts";
import { type Futex, load, store } from "./atomics.ts";
import { type Arena, CLOSING, SYSMON } from "./memory_layout.ts";
import { NativeWatch } from "./native_watch.ts";
import { Parker } from "./parker.ts";

/** SYSMON: it ticks by itself. */
const TICKS = 0;
/** SYSMON: it sleeps until it is kicked. */
const ASLEEP = 1;
/** Microseconds between ticks: Go's. */
const TICK = 20;

/** The isolate number of sysmon's thread: it has no record. */
export const SYSMON_ISOLATE = -1;

/** By its own thread. Returns when the scheduler closes. */
export function runSysmon(arena: Arena, shim: Shim, futex: Futex): void {
  const watch = new NativeWatch(arena, shim, new Parker(arena, futex));
  shim.setTimerSlack(1);
  while (load(arena.i32, CLOSING) === 0) {
    if (watch.tick()) {
      futex.sleep(SYSMON, TICKS, TICK);
      continue;
    }
    // Announce, then look. Partner: kick_sysmon in native/native_m.c, and SysmonThread.kick.
    store(arena.i32, SYSMON, ASLEEP);
    if (!watch.tick() && load(arena.i32, CLOSING) === 0) futex.sleep(SYSMON, ASLEEP, -1);
    store(arena.i32, SYSMON, TICKS);
  }
}

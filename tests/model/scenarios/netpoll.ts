/**
 * The netpoller: an isolate's poll set (sync/poller.ts) and sysmon are the real ones. Modelled are the thread of native/poller.c,
 * line by line, so whoever changes that file changes this one; and the kernel, whose operations are one step each. It has one
 * descriptor, registered as one-shot, in one poll set.
 */
import type { Shim } from "../../../ffi/shim.ts";
import { cas, Futex, load, pause, store } from "../../../scheduler/arena/atomics.ts";
import type { Arena } from "../../../scheduler/arena/arena.ts";
import {
  CLOSING,
  DEADLOCK_REPORT,
  PROCS_FIXED,
  PROCS_SEEN,
  SYSMON,
} from "../../../scheduler/arena/layout/header.ts";
import { M_POLL, POLL_FIRED, POLL_NONE } from "../../../scheduler/arena/layout/m.ts";
import { POLLER_FIRED } from "../../../scheduler/arena/layout/native.ts";
import { Shared } from "../../../scheduler/parking/shared.ts";
import { Poller, READ } from "../../../scheduler/sync/poller.ts";
import { SLEEPS } from "../../../scheduler/parking/sysmon_sleep.ts";
import { Netpoll } from "../../../scheduler/sysmon/netpoll.ts";
import { Sysmon } from "../../../scheduler/sysmon/sysmon.ts";
import { check, checkEqual, type Scenario, shimWithTick } from "../scenario.ts";
import { Member, members } from "./isolates.ts";

/** A word that nobody else uses: what the kernel knows, in bits. */
const KERNEL = DEADLOCK_REPORT;
/** There is something to read. */
const DATA = 1;
/** The descriptor is registered, and was not told of. */
const REGISTERED = 2;
/** The poll set has it in its list of what may be ready. */
const LISTED = 4;
/** The poll set is armed in the poller's. */
const ARMED = 8;
/** The poller has an event. */
const EVENT = 16;

const DESCRIPTOR = 7;
const IN = 1;
/** Longer than a look in vain is followed by another one. */
const TICK = 30_000;

class Kernel {
  readonly words: Int32Array;
  readonly #futex: Futex;
  #generation = 0;

  constructor(arena: Arena, shim: Shim, before = 0) {
    this.words = arena.i32;
    this.words[KERNEL] = before;
    this.#futex = new Futex(shim, arena.i32);
  }

  /** What is listed in a set that is armed is told. */
  #settled(state: number): number {
    if ((state & (DATA | REGISTERED)) === (DATA | REGISTERED)) state |= LISTED;
    if ((state & (LISTED | ARMED)) === (LISTED | ARMED)) state = state & ~ARMED | EVENT;
    return state;
  }

  #change(set: number, clear = 0): void {
    for (;;) {
      const state = load(this.words, KERNEL);
      const next = this.#settled(state & ~clear | set);
      if (!cas(this.words, KERNEL, state, next)) continue;
      if ((next & ~state & EVENT) !== 0) this.#futex.wake(KERNEL);
      return;
    }
  }

  write(): void {
    this.#change(DATA);
  }

  read(): void {
    this.#change(0, DATA);
  }

  /** epoll_ctl. */
  register(generation: number): number {
    this.#generation = generation;
    this.#change(REGISTERED);
    return 0;
  }

  /** epoll_wait in the isolate: it looks once more whether what is listed is ready. */
  take(ready: Int32Array): number {
    for (;;) {
      const state = load(this.words, KERNEL);
      const isReady = (state & (LISTED | DATA | REGISTERED)) === (LISTED | DATA | REGISTERED);
      const next = state & ~(isReady ? LISTED | REGISTERED : LISTED);
      if (!cas(this.words, KERNEL, state, next)) continue;
      if (!isReady) return 0;
      ready[0] = DESCRIPTOR;
      ready[1] = this.#generation;
      ready[2] = IN;
      return 1;
    }
  }

  /** EPOLLIN | EPOLLONESHOT */
  arm(): number {
    this.#change(ARMED);
    return 0;
  }

  /** epoll_wait in the poller. */
  waitForEvent(): void {
    for (;;) {
      const state = load(this.words, KERNEL);
      if ((state & EVENT) === 0) this.#futex.sleep(KERNEL, state, -1);
      else if (cas(this.words, KERNEL, state, state & ~EVENT)) return;
    }
  }
}

/** native/poller.c, of a scheduler with one poll set. */
function runPoller(arena: Arena, futex: Futex, kernel: Kernel, word: number): void {
  const words = arena.i32;
  for (;;) {
    kernel.waitForEvent();
    if (cas(words, word, POLL_NONE, POLL_FIRED)) haveSysmonLook(arena, futex);
  }
}

/** There, and in heddle_poller_open. */
function haveSysmonLook(arena: Arena, futex: Futex): void {
  const words = arena.i32;
  store(words, arena.poller + POLLER_FIRED, 1);
  // heddle_kick_sysmon
  if (load(words, SYSMON) !== 0) store(words, SYSMON, 0);
  futex.wake(SYSMON);
}

/** What of sysmon's loop this is about: with all of it, and three threads besides, there are too many states. */
function runNetpoll(shared: Shared): void {
  const netpoll = new Netpoll(shared);
  const { sysmonSleep, words } = shared;
  while (load(words, CLOSING) === 0) {
    netpoll.tick();
    sysmonSleep.announce(SLEEPS);
    if (!netpoll.tick() && load(words, CLOSING) === 0) sysmonSleep.sleep(SLEEPS, -1);
    sysmonSleep.retract();
  }
}

/** `before`: what the kernel knows at the start. An event there is of the thread that had the number before, and is on its way. */
function scenario(name: string, times: number, bound: number, before = 0): Scenario {
  const isNext = before !== 0;
  return {
    name,
    bound,
    short: isNext ? 1 : 0,
    setUp() {
      const [{ home: { arena } }] = members(1);
      arena.i32[PROCS_SEEN] = PROCS_FIXED;
      const word = arena.isolate(1) + M_POLL;
      const plain = shimWithTick(TICK) as unknown as Shim;
      const futex = new Futex(plain, arena.i32);
      const kernel = new Kernel(arena, plain, before);
      const shim = {
        ...plain,
        capabilities: { poller: true },
        pollOpen: () => 1,
        pollerOpen() {
          haveSysmonLook(arena, futex);
          return 0;
        },
        pollControl: (
          _set: number,
          _operation: number,
          _descriptor: number,
          _events: number,
          generation: number,
        ) => kernel.register(generation),
        pollTake: (_set: number, ready: Int32Array) => kernel.take(ready),
        pollerArm: () => kernel.arm(),
        pollerClose() {},
        closeDescriptor: () => 0,
      } as unknown as Shim;
      const shared = new Shared(arena, shim);
      let heard = 0;
      const write = () => {
        for (let time = 0; time < times; time++) {
          while ((load(arena.i32, KERNEL) & DATA) !== 0) pause();
          kernel.write();
        }
      };
      return {
        arena,
        threads: {
          async M1() {
            const member = new Member(arena, 1, shim);
            if (isNext) {
              // As the host does, between the two threads.
              shared.mailbox.close(1, (record) => member.home.discard(record));
              shared.mailbox.open(1);
            }
            const poller = member.home.pollSet = new Poller(member.home, "a test");
            while (heard < times) {
              await member.settled(poller.wait(DESCRIPTOR, READ, undefined));
              heard++;
              kernel.read();
            }
            store(arena.i32, CLOSING, 1);
            shared.sysmonSleep.wake();
          },
          ...((before & DATA) === 0 && { writer: () => write() }),
          poller: () => runPoller(arena, futex, kernel, word),
          sysmon: isNext
            ? () => runNetpoll(shared)
            : () => new Sysmon(shared, shimWithTick(3e8) as unknown as Shim).run(),
        },
        sleepers: ["poller"],
        end() {
          checkEqual(heard, times, "times that it has heard");
          check(shared.mailbox.isEmpty(1) || load(arena.i32, word) !== POLL_NONE, "mail has its mark");
        },
      };
    },
  };
}

export const twice = scenario("netpoll: a task waits two times, and is told", 2, 1);
export const next = scenario(
  "netpoll: an event of the thread that had the number before",
  1,
  2,
  EVENT | DATA,
);
export const nextInVain = scenario(
  "netpoll: an event of the thread that had the number before, and nothing to read at first",
  1,
  1,
  EVENT,
);

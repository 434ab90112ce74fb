/** Whole Ms for scenarios: the real loop, with tasks that these files define. */
import { Shared } from "../../../scheduler/parking/shared.ts";
import type { Shim } from "../../../ffi/shim.ts";
import { load, pause, store } from "../../../scheduler/arena/atomics.ts";
import { Forwarder } from "../../../scheduler/slots/forwarder.ts";
import type { GTable } from "../../../scheduler/slots/g_table.ts";
import { HostTasks, type Started } from "../../../scheduler/host/host_tasks.ts";
import { Isolate, type Loop } from "../../../scheduler/sync/isolate.ts";
import { Machine } from "../../../scheduler/machine/machine.ts";
import { REPORT, TO_OWNER } from "../../../scheduler/queues/mailbox.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import {
  CLOSING,
  DEADLOCK_REPORT,
  ISOLATES,
  PROCS_FIXED,
  PROCS_SEEN,
} from "../../../scheduler/arena/layout/header.ts";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { AWAKE, SPARE_FUTEX } from "../../../scheduler/parking/sleep_word.ts";
import { POOL, type Role } from "../../../scheduler/parking/roles.ts";
import { Sysmon } from "../../../scheduler/sysmon/sysmon.ts";
import type { SideChannel } from "../../../scheduler/slots/side_channel.ts";
import type { TaskContext } from "../../../scheduler/tasks/context.ts";
import type { Call, GoOptions } from "../../../scheduler/tasks/call.ts";
import { task } from "../../../scheduler/tasks/define.ts";
import type { HostTask } from "../../../scheduler/tasks/promise.ts";
import {
  check,
  checkEqual,
  isEventLoopEmpty,
  type Setting,
  shim as modelShim,
  shimWithTick,
} from "../scenario.ts";

export const shim = modelShim as unknown as Shim;

/** The host's operations have a loop of their own where there are any: isolates.ts. */
const noLoop = { mayRun: true } as Loop;

/** No parcels in these scenarios. */
const noPort = { post() {}, take: () => undefined, takeAll: () => new Map() } as unknown as SideChannel;

let ran: number[] = [];

export const meta = { url: "model:tasks" } as ImportMeta;
export const note = task(meta, "note", (_ctx: TaskContext, n: number) => {
  ran.push(n);
});

export const dedicates = task(meta, "dedicates", (ctx: TaskContext) => {
  ctx.dedicate();
  note.fn(ctx, 1);
  ctx.undedicate();
  note.fn(ctx, 2);
});

let flag: { words: Int32Array; index: number };

/** Computes until `sets` has run somewhere: nobody may leave that waiting while a P is idle. */
export const computes = task(meta, "computes", () => computeUntilSet());
export const sets = task(meta, "sets", (_ctx: TaskContext) => {
  store(flag.words, flag.index, 1);
});

export function computeUntilSet(): void {
  while (load(flag.words, flag.index) === 0) pause();
}

/** The host's part, and Ms with the numbers from 1 that have these roles. */
export class Pool extends Shared {
  readonly gs: GTable;
  /** What the host shares with tasks. */
  readonly home: Isolate;
  /** The host's tasks. */
  readonly host: HostTasks;
  readonly forwarder: Forwarder;
  /** Of the host, where one is of the scenario: it waits for what is in flight. */
  loop: { begin(): void; end(): void } | undefined = undefined;
  readonly machines: Machine[];
  readonly procs: number;
  /** A thread that was given up has come back, and ends. */
  exit: (isolate: number) => unknown = () => check(false, "no thread is given up");

  constructor(procs: number, roles: readonly Role[] = [POOL, POOL], maxTasks = 4) {
    const maxThreads = roles.length;
    super(new Arena({ maxTasks, maxThreads, bytes: leastArenaBytes(maxTasks, maxThreads) }), shim);
    ran = [];
    this.procs = procs;
    this.home = new Isolate(this, HOST, shim, noLoop);
    this.gs = this.home.gs;
    const sides = { get: () => ({ side: noPort }) };
    this.forwarder = new Forwarder(this, this.gs, sides);
    const vigil = {
      begin: () => this.loop?.begin(),
      end: () => this.loop?.end(),
      startTimer: noLoop.startTimer,
      stopTimer: noLoop.stopTimer,
    };
    this.host = new HostTasks(this, this.home, this.forwarder, vigil);
    this.arena.i32[ISOLATES] = roles.length + 1;
    this.arena.i32[PROCS_SEEN] = PROCS_FIXED;
    // Nobody else uses that word here.
    flag = { words: this.arena.i32, index: DEADLOCK_REPORT };
    this.idle.setProcs(procs);
    roles.forEach((role, i) => this.roles.set(i + 1, role));
    this.machines = roles.map((_, i) => {
      const arena = new Arena(this.arena.shape, this.arena.buffer);
      const ofThread = { ...modelShim, gettid: () => i + 1 } as unknown as Shim;
      const thread = { isEventLoopEmpty, watchPromises() {}, goesOn() {}, exit: () => this.exit(i + 1) };
      return new Machine(new Shared(arena, shim), i + 1, ofThread, noPort, thread);
    });
  }

  /** Where a task runs: its M. */
  machineOf(ctx: TaskContext): Machine {
    const { home } = (ctx as unknown as { services: { home: Isolate } }).services;
    return this.machines.find((machine) => machine.home === home)!;
  }

  get ran(): number[] {
    return ran.toSorted((a, b) => a - b);
  }

  /** What `computes` waits for. */
  set(): void {
    store(flag.words, flag.index, 1);
  }

  submit(call: Call<unknown>, options?: GoOptions): Started {
    return started(this.host.start(call, options));
  }

  /** On that thread, which has been claimed for it. */
  submitOn(isolate: number, call: Call<unknown>): Started {
    const slot = this.gs.allocate();
    const on = { isolate, isGone: false };
    return started(this.host.startOnOwn(slot, call, undefined, [{}, call.args], on, true));
  }

  /** Waits until the task has stopped, and reads that. What its slot said. */
  stops({ slot }: Started): number {
    let status = -1;
    while (status < 0) {
      while (this.mailbox.isEmpty(HOST)) pause();
      this.mailbox.drain(HOST, (mailed, addressee) => {
        checkEqual([mailed, addressee], [slot, TO_OWNER], "the host's mail");
        check(status < 0, "a task ends once");
        status = this.gs.status(slot);
        this.host.readMail(slot);
      });
    }
    return status;
  }

  /** Reads the host's mail, and says whether it is called. */
  readMail(): boolean {
    const isCalled = this.mailbox.drain(HOST, (slot, addressee) => {
      if (addressee === REPORT) this.host.owner.readReport(slot);
      else this.host.readMail(slot);
    });
    this.host.refill();
    return isCalled;
  }

  /** The same again and again, and waits for more. */
  readMailUntil(isDone: () => boolean): void {
    while (!isDone()) {
      while (this.mailbox.isEmpty(HOST)) pause();
      this.readMail();
    }
  }

  signalAll(): void {
    this.machines.forEach((_, i) => this.wakeups.signal(i + 1));
  }

  close(): void {
    store(this.arena.i32, CLOSING, 1);
    this.signalAll();
    this.sysmonSleep.wake();
  }

  /** Nothing is queued, all Ps are idle, and the counts say so. */
  isAtRest(): void {
    check(!this.wakeups.workVisible(), "no work is left in queues");
    checkEqual([this.idle.idlePs, this.idle.spinning], [this.idle.procs, 0], "idle Ps, spinning Ms");
  }

  /** One for whom time flies: each look at its clock is 0.3 s after the last. */
  sysmon(): () => void {
    const watchdog = new Sysmon(this, shimWithTick(3e8) as unknown as Shim);
    return () => watchdog.run();
  }

  get sleepers(): string[] {
    return this.machines.map((_, i) => `M${i + 1}`);
  }

  /**
   * As Host and Threads do it, without new threads: when the pool lacks some, the spare joins it. Until the number of tasks
   * have ended.
   */
  serve(tasks: number): void {
    while (tasks > 0) {
      while (this.mailbox.isEmpty(HOST)) pause();
      const isCalled = this.mailbox.drain(HOST, (slot) => {
        this.host.readMail(slot);
        tasks--;
      });
      if (isCalled) this.balance();
    }
  }

  balance(): void {
    const { roles } = this;
    for (let m = 1; m <= this.machines.length && roles.available < this.procs; m++) {
      if (roles.claim(m, POOL)) this.parker.unpark(m, SPARE_FUTEX, AWAKE);
    }
  }

  /** Its Ms, which have parked when the others begin, against these. In the end nothing is left to do. */
  against(others: Record<string, () => unknown>, end = () => {}): Setting {
    return {
      arena: this.arena,
      threads: { ...this.loops, ...others },
      first: this.sleepers,
      sleepers: this.sleepers,
      end: () => {
        end();
        this.isAtRest();
      },
    };
  }

  /** The same, and all of them end. */
  endingAgainst(others: Record<string, () => unknown>, end = () => {}): Setting {
    return { ...this.against(others), sleepers: [], end };
  }

  /** The loops of its Ms. */
  get loops(): Record<string, () => unknown> {
    return Object.fromEntries(this.machines.map((machine, i) => [`M${i + 1}`, () => machine.run()]));
  }
}

/** Nobody awaits it. At once: nothing of that is to be due when the host sleeps. */
function started(task: HostTask): Started {
  task.catch(() => {});
  return task.caller as Started;
}

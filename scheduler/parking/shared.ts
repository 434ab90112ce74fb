/**
 * What every isolate has of the scheduler: views of the one arena. Host, Ms, sysmon and the model checker make theirs here,
 * so all are wired alike. A part that works on shared state takes this.
 */
import type { Shim } from "../../ffi/shim.ts";
import { Futex } from "../arena/atomics.ts";
import type { Arena } from "../arena/arena.ts";
import { HOST } from "../arena/layout/m.ts";
import { GlobalRunQueues } from "../queues/global_run_queues.ts";
import { LocalRunQueue } from "../queues/local_run_queue.ts";
import { Mailbox } from "../queues/mailbox.ts";
import { Idle } from "./idle.ts";
import { Mail } from "./mail.ts";
import { Parker } from "./parker.ts";
import { Roles } from "./roles.ts";
import { SysmonSleep } from "./sysmon_sleep.ts";
import { Wakeups } from "./wakeups.ts";

export class Shared {
  readonly arena: Arena;
  readonly words: Int32Array;
  readonly futex: Futex;
  readonly parker: Parker;
  readonly mailbox: Mailbox;
  readonly global: GlobalRunQueues;
  /** The Ps' rings. */
  readonly rings: LocalRunQueue;
  readonly roles: Roles;
  readonly sysmonSleep: SysmonSleep;
  readonly idle: Idle;
  readonly wakeups: Wakeups;
  readonly mail: Mail;

  constructor(arena: Arena, shim: Shim) {
    this.arena = arena;
    this.words = arena.i32;
    this.futex = new Futex(shim, arena.i32);
    this.parker = new Parker(arena, this.futex);
    this.mailbox = new Mailbox(arena);
    this.global = new GlobalRunQueues(arena);
    this.rings = new LocalRunQueue(arena, this.global);
    this.roles = new Roles(arena, this.parker);
    this.sysmonSleep = new SysmonSleep(arena.i32, this.futex, () => this.wakeups.signal(HOST));
    this.idle = new Idle(arena, this.sysmonSleep);
    this.wakeups = new Wakeups(
      arena,
      this.parker,
      this.idle,
      this.roles,
      this.global,
      this.rings,
      this.mailbox,
    );
    this.mail = new Mail(arena, this.mailbox, this.wakeups);
  }
}

/**
 * Faults that the checker has to find: one operation dropped, two swapped, a recheck removed, a wake missed. Each changes a
 * text that has to be in its module once, so the list cannot rot.
 */
import type { Patch } from "./transform.ts";

export interface Mutant extends Patch {
  fault: string;
  /** Parts of the names of scenarios, one of which finds it. */
  scenarios: string[];
  /** If it takes more preemptions than the scenario has. */
  bound?: number;
}

function mutant(fault: string, file: string, find: string, replace: string, ...scenarios: string[]): Mutant {
  return { fault, file: `scheduler/${file}`, find, replace, scenarios };
}

const NATIVE_M = "tests/model/scenarios/native_m.ts";

export const mutants: Mutant[] = [
  mutant(
    "a thief takes the head by a store, not by CAS",
    "queues/local_run_queue.ts",
    "if (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "store(words, from + P_HEAD, (head + count) | 0);",
    "local ring",
  ),
  mutant(
    "the tail is published before the entry is in the ring",
    "queues/local_run_queue.ts",
    `store(words, at + P_RING + (tail & (RING_SIZE - 1)), slot);
        store(words, at + P_TAIL, (tail + 1) | 0);`,
    `store(words, at + P_TAIL, (tail + 1) | 0);
        store(words, at + P_RING + (tail & (RING_SIZE - 1)), slot);`,
    "local ring",
  ),
  mutant(
    "the owner takes runnext by a store, not by CAS",
    "queues/local_run_queue.ts",
    "if (next !== 0 && cas(words, at + P_NEXT, next, 0)) return next - 1;",
    "if (next !== 0) { store(words, at + P_NEXT, 0); return next - 1; }",
    "local ring",
  ),
  mutant(
    "a full ring is spilled without a CAS",
    "queues/local_run_queue.ts",
    "if (!cas(this.words, at + P_HEAD, head, (head + half) | 0)) return false;",
    "store(this.words, at + P_HEAD, (head + half) | 0);",
    "local ring",
  ),
  mutant(
    "a thief publishes the others before it has taken them",
    "queues/local_run_queue.ts",
    "if (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "if (count > 1) store(words, to + P_TAIL, (tail + count - 1) | 0);\nif (!cas(words, from + P_HEAD, head, (head + count) | 0)) continue;",
    "local ring",
  ),
  // Global queue.
  mutant(
    "a producer marks its cell as full before it has stored the entry",
    "queues/global_run_queue.ts",
    `store(words, cell + 1, entry);
        // Partner: the load of the turn in ready().
        store(words, cell, (position & ~this.#mask) + 1);`,
    `store(words, cell, (position & ~this.#mask) + 1);
        store(words, cell + 1, entry);`,
    "global queue: two",
  ),
  mutant(
    "a consumer takes the head by a store, not by CAS",
    "queues/global_run_queue.ts",
    "if (!cas(words, this.#head, head, (head + count) | 0)) continue;",
    "store(words, this.#head, (head + count) | 0);",
    "global queue: two",
  ),
  mutant(
    "a consumer empties its cell before it has read the entry",
    "queues/global_run_queue.ts",
    `const entry = load(words, cell + 1);
        this.#empty(position);`,
    `this.#empty(position);
        const entry = load(words, cell + 1);`,
    "global queue: cells",
  ),
  mutant(
    "a producer does not ask whose turn it is at the cell",
    "queues/global_run_queue.ts",
    "if (ahead === 0) {",
    "if (ahead <= 0) {",
    "global queue: cells",
  ),
  mutant(
    "a batch goes on after a note",
    "queues/global_run_queue.ts",
    "if (isNote) break;",
    "",
    "global queue: two",
  ),
  mutant(
    "nobody says that there is a task of another priority",
    "queues/global_run_queues.ts",
    "if (!this.#areUsed) store(this.#words, PRIORITIES, 1);",
    "",
    "priorities: the first background",
  ),
  mutant(
    "who is about to sleep does not look at what is in the background",
    "queues/global_run_queues.ts",
    "(!this.#areUsed || (this.#blocking.isEmpty() && this.#background.isEmpty()));",
    "(!this.#areUsed || this.#blocking.isEmpty());",
    "priorities: the first background",
  ),
  mutant(
    "the background takes all slots",
    "host/host_tasks.ts",
    "new Line(Math.ceil(shared.arena.shape.maxTasks / 2))",
    "new Line()",
    "priorities: a backlog",
  ),
  // Mailboxes.
  mutant(
    "mail is pushed by a store, not by CAS",
    "queues/mailbox.ts",
    "if (cas(words, head, before, entry | (before & SIGNAL))) return true;",
    "store(words, head, entry | (before & SIGNAL)); return true;",
    "mailbox",
  ),
  mutant(
    "a push drops the signal",
    "queues/mailbox.ts",
    "if (cas(words, head, before, entry | (before & SIGNAL))) return true;",
    "if (cas(words, head, before, entry)) return true;",
    "mailbox",
  ),
  mutant(
    "the reader looks at the slot, then clears its mark",
    "machine/runner.ts",
    `this.#gs.clearRunnerMail(slot);
    const g = this.#running.get(slot) ?? (this.#current?.slot === slot ? this.#current : undefined);
    if (g !== undefined) {
      const cancelled = this.#gs.cancelRequest(slot);`,
    `const g = this.#running.get(slot) ?? (this.#current?.slot === slot ? this.#current : undefined);
    const cancelled = this.#gs.cancelRequest(slot);
    this.#gs.clearRunnerMail(slot);
    if (g !== undefined) {`,
    "slots: a task that waits",
  ),
  mutant(
    "a slot is used again while mail to its last runner is under way",
    "slots/g_table.ts",
    "if (this.#isMailed(slot)) this.#mailed.push(slot);",
    "if (false) this.#mailed.push(slot);",
    "slots: a cancelled task's slot is used for",
  ),
  mutant(
    "a taker names itself as the runner after the status says so",
    "slots/g_table.ts",
    `this.take(slot, isolate);
    if (cas(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED, G_RUNNING)) {`,
    `const is = cas(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED, G_RUNNING);
    this.take(slot, isolate);
    if (is) {`,
    "slots: a cancelled",
  ),
  mutant(
    "a task that runs is cancelled as one in a queue",
    "slots/g_table.ts",
    "return cas(this.#words, this.#arena.g(slot) + G_STATUS, G_QUEUED, G_CANCELLED);",
    "if (load(this.#words, this.#arena.g(slot) + G_STATUS) !== G_QUEUED) return false; store(this.#words, this.#arena.g(slot) + G_STATUS, G_CANCELLED); return true;",
    "slots: a cancelled",
  ),
  // The owner's side.
  mutant(
    "who cancels asks for it after the runner's mail",
    "slots/owner.ts",
    `this.#gs.requestCancel(slot, isDefaultReason(reason) ? undefined : reason);
      this.#mail.toRunner(this.#gs.runner(slot), slot);`,
    `this.#mail.toRunner(this.#gs.runner(slot), slot);
      this.#gs.requestCancel(slot, isDefaultReason(reason) ? undefined : reason);`,
    "slots: a task that waits",
  ),
  mutant(
    "who cancels does not mail the runner",
    "slots/owner.ts",
    "this.#mail.toRunner(this.#gs.runner(slot), slot);",
    "",
    "slots: a task that waits",
  ),
  mutant(
    "a slot is pushed before it is filled",
    "slots/owner.ts",
    `    gs.queue(slot);
  }`,
    `  }`,
    "slots: a cancelled",
  ),
  mutant(
    "the host pushes a slot before it is filled",
    "host/host_tasks.ts",
    `    this.#owner.write(slot, started, args, started.priority, on === undefined ? 0 : on.isolate);
    this.#requireOpen(started);
    started.line = line;
    line?.begin();
    if (on !== undefined) return this.#shared.mail.toRunner(on.isolate, slot);
    this.#shared.global.push(slot, started.priority);`,
    `    if (on === undefined) this.#shared.global.push(slot, started.priority);
    this.#owner.write(slot, started, args, started.priority, on === undefined ? 0 : on.isolate);
    this.#requireOpen(started);
    started.line = line;
    line?.begin();
    if (on !== undefined) return this.#shared.mail.toRunner(on.isolate, slot);`,
    "slots: a cancelled",
    "slots: a task that waits",
  ),
  mutant(
    "a slot that was cancelled in its queue is free at once",
    "slots/owner.ts",
    "if (this.#gs.cancelQueued(slot)) return;",
    "if (this.#gs.cancelQueued(slot)) return this.#free(slot);",
    "slots: a cancelled",
  ),
  mutant(
    "what a dead runner had ended is not read",
    "slots/owner.ts",
    "if (this.of(slot) !== undefined && !this.#reading.has(slot)) this.read(slot);",
    "",
    "death: an M that parks",
  ),
  mutant(
    "the host pushes a task and wakes nobody",
    "host/host_tasks.ts",
    `this.#shared.global.push(slot, started.priority);
    this.#shared.wakeups.wake();`,
    "this.#shared.global.push(slot, started.priority);",
    "park",
    "slots",
  ),
  mutant(
    "the host wakes somebody before it pushes a task",
    "host/host_tasks.ts",
    `this.#shared.global.push(slot, started.priority);
    this.#shared.wakeups.wake();`,
    `this.#shared.wakeups.wake();
    this.#shared.global.push(slot, started.priority);`,
    "park",
    "slots",
  ),
  mutant(
    "a task that waits is taken off before there is a slot for it",
    "host/host_tasks.ts",
    `if (slot < 0) return;
        try {`,
    `if (slot < 0) return void line.popOldest();
        try {`,
    "host: tasks that wait",
  ),
  // Heap.
  mutant(
    "the shared list is taken by a load and a store",
    "arena/heap.ts",
    "list.stock = exchange(this.#words, HEAP_FREE + sizeClass, 0);",
    "list.stock = load(this.#words, HEAP_FREE + sizeClass); cas(this.#words, HEAP_FREE + sizeClass, list.stock, 0);",
    "heap",
  ),
  mutant(
    "a list is given back by a store",
    "arena/heap.ts",
    "if (cas(this.#words, HEAP_FREE + sizeClass, before, list.head)) break;",
    "exchange(this.#words, HEAP_FREE + sizeClass, list.head); break;",
    "heap",
  ),
  mutant(
    "a block is cut off without a CAS",
    "arena/heap.ts",
    "if (cas(this.#words, HEAP_TOP, top, top + units)) return at;",
    "exchange(this.#words, HEAP_TOP, top + units); return at;",
    "heap",
  ),
  mutant(
    "units are claimed by a store",
    "arena/spans.ts",
    "if (cas(this.#words, word, before, before | mask)) break;",
    "store(this.#words, word, before | mask); break;",
    "heap: spans",
  ),
  mutant(
    "units are freed by a load and a store",
    "arena/spans.ts",
    "const before = add(this.#words, this.#bits + (at >> 5), -mask);",
    "const word = this.#bits + (at >> 5); const before = load(this.#words, word); store(this.#words, word, before & ~mask);",
    "heap: spans",
  ),
  mutant(
    "a claim that fails gives nothing back",
    "arena/spans.ts",
    "this.#clear(from, at);",
    "",
    "heap: spans",
  ),
  mutant(
    "units are granted to spans by a store",
    "arena/spans.ts",
    "if (cas(this.#words, HEAP_GRANTS, grants, grants + (more << 16))) return first;",
    "store(this.#words, HEAP_GRANTS, grants + (more << 16)); return first;",
    "heap: spans",
  ),
  mutant(
    "units are granted to blocks by a store",
    "arena/spans.ts",
    "if (cas(this.#words, HEAP_GRANTS, grants, grants + wanted - blocks)) return this.rest + wanted * UNIT;",
    "store(this.#words, HEAP_GRANTS, grants + wanted - blocks); return this.rest + wanted * UNIT;",
    "heap: spans",
  ),
  // Park, unpark, spin.
  mutant(
    "a parked M does not look at the queues after its announcement",
    "machine/park.ts",
    "const seesWork = this.#shared.idle.idlePs > 0 && this.#shared.wakeups.workVisible();",
    "const seesWork = false;",
    "park: one",
    "park: two",
  ),
  mutant(
    "an M that parks does not look at its own work after its announcement",
    "machine/park.ts",
    "if (this.#agenda.hasOwnWork()) return this.#lookAsLocked(asleep);",
    "",
    "ready: an M",
  ),
  mutant(
    "an M that parks does not ask whether all is closing",
    "machine/park.ts",
    `if (load(this.#words, CLOSING) === 1) {
      this.#agenda.close();
      return STAYS_AWAKE;
    }`,
    "",
    "close: Ms",
  ),
  mutant(
    "a spinning M that finds work wakes nobody",
    "parking/wakeups.ts",
    "if (this.#idle.stopSpinning() && this.workVisible()) this.wake();",
    "this.#idle.stopSpinning();",
    "spin",
  ),
  mutant(
    "a submitter that finds no P does not look again",
    "parking/wakeups.ts",
    "if (!this.isAnyParked) return this.#callForThread();",
    "return this.#callForThread();",
    "park:",
    "ready:",
    "locked",
  ),
  mutant(
    "who gets a P in vain does not look for work when it gives it back",
    "parking/wakeups.ts",
    `if (this.#parker.unpark(isolate, state, given(p, false))) return;
      this.#idle.releaseP(p);
      this.wakeIfWork();`,
    `if (this.#parker.unpark(isolate, state, given(p, false))) return;
      this.#idle.releaseP(p);`,
    "ready: two at",
  ),
  mutant(
    "a note is pushed, and nobody is woken",
    "parking/wakeups.ts",
    "if (cas(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0, 1)) this.#global.push(-isolate);\n    this.wake();",
    "if (cas(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0, 1)) this.#global.push(-isolate);",
    "ready: two",
    "blocking",
  ),
  mutant(
    "who serves a note offers its P, then says that there is no note any more",
    "parking/wakeups.ts",
    `    store(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0);
    return this.#offer(isolate, p);`,
    `    const is = this.#offer(isolate, p);
    store(this.#words, this.#arena.isolate(isolate) + M_WANTS_P, 0);
    return is;`,
    "ready: two Ms, one P, and a signal",
  ),
  mutant(
    "an M is woken by a store, not by CAS",
    "parking/parker.ts",
    "if (!cas(this.#words, word, asleep, next)) return false;",
    "store(this.#words, word, next);",
    "ready: two",
    "park: one",
  ),
  mutant(
    "an M that is woken overlooks the P that it was given",
    "parking/parker.ts",
    "if (cas(this.#words, word, asleep, AWAKE)) return AWAKE;\n    return exchange(this.#words, word, AWAKE);",
    "const last = load(this.#words, word); store(this.#words, word, AWAKE); return last;",
    "park: one",
    "park: two",
  ),
  mutant(
    "a sleeper in the event loop is woken by the futex",
    "parking/parker.ts",
    "if (sleepsInEventLoop(asleep)) notify(this.#words, word);",
    "if (false) notify(this.#words, word);",
    "ready: an M that parks in its event loop",
  ),
  mutant(
    "ready does not wake an M that parks without a P",
    "parking/wakeups.ts",
    `if (p === NO_P) {
        this.queueForP(isolate);
        return;
      }`,
    "if (p === NO_P) return;",
    "ready: two",
    "locked",
  ),
  mutant(
    "a released P is settled once, whatever PROCS says by then",
    "parking/idle.ts",
    `for (;;) {
      const isCounted = p < this.procs;
      if (!this.ps.settle(p, isCounted)) return;
      add(this.#words, IDLE_COUNTS, isCounted ? ONE_IDLE : -ONE_IDLE);
      // Partner: as in acquireP(). It was counted as idle after PROCS had been lowered.
      if (!isCounted) this.#sysmon.wakeIfAsleep();
    }`,
    `const isCounted = p < this.procs;
    if (this.ps.settle(p, isCounted)) add(this.#words, IDLE_COUNTS, isCounted ? ONE_IDLE : -ONE_IDLE);`,
    "procs: settling",
  ),
  mutant(
    "an idle P is taken by a store",
    "parking/processor.ts",
    "return cas(this.#words, this.at(p), P_IDLE, P_RUNNING);",
    "if (load(this.#words, this.at(p)) !== P_IDLE) return false; store(this.#words, this.at(p), P_RUNNING); return true;",
    "procs: settling",
  ),
  // Blocking calls.
  mutant(
    "a call ends by a store, not by CAS",
    "parking/processor.ts",
    "return cas(this.#words, this.at(p), word, word ^ P_IN_CALL ^ P_RUNNING);",
    "if (load(this.#words, this.at(p)) !== word) return false; store(this.#words, this.at(p), word ^ P_IN_CALL ^ P_RUNNING); return true;",
    "blocking: the ends",
  ),
  mutant(
    "an M that is back from a call does not look for its note",
    "machine/hold.ts",
    "if (!isClosing && !isAnyIdle && this.#shared.wakeups.isQueuedForP(this.isolate)) {",
    "if (!isClosing && !isAnyIdle) {",
    "blocking",
  ),
  mutant(
    "sysmon takes a P and keeps it",
    "sysmon/sysmon.ts",
    `      this.#meter.lookForTracing()?.instant(RETOOK, isolate, p);
      this.#shared.wakeups.passOn(p);`,
    "",
    "blocking: sysmon",
  ),
  mutant(
    "who calls for a sysmon that there is not yet tells nobody",
    "parking/sysmon_sleep.ts",
    "if (before === ABSENT) this.#tellHost();\n    else if (before",
    "if (before",
    "blocking: there is no sysmon",
  ),
  mutant(
    "who calls for a sysmon takes its word for one that ticks",
    "parking/sysmon_sleep.ts",
    "if (load(this.#words, SYSMON) !== TICKS) this.wake();",
    "if (load(this.#words, SYSMON) !== TICKS && this.isCalledFor) this.wake();",
    "blocking: there is no sysmon",
  ),
  mutant(
    "sysmon looks whether anything runs, then announces that it sleeps",
    "sysmon/sysmon.ts",
    `sysmon.announce(SLEEPS);
      const isWanted = this.#netpoll.tick() || this.#native.tick() || load(this.#words, CLOSING) === 1;
      if (this.#nothingRuns() && !isWanted) sysmon.sleep(SLEEPS, this.#longest);`,
    `const isWanted = this.#netpoll.tick() || this.#native.tick() || load(this.#words, CLOSING) === 1;
      const nothing = this.#nothingRuns();
      sysmon.announce(SLEEPS);
      if (nothing && !isWanted) sysmon.sleep(SLEEPS, this.#longest);`,
    "blocking: sysmon",
  ),
  mutant(
    "who passes a P on and finds nobody does not look for work",
    "parking/wakeups.ts",
    `    this.#idle.releaseP(p);
    this.wakeIfWork();
  }

  /**
   * The same for a P`,
    `    this.#idle.releaseP(p);
  }

  /**
   * The same for a P`,
    "blocking",
    "locked",
    "dedicate",
  ),
  // Threads in the hands of a task.
  mutant(
    "a thread that is dedicated keeps the counted P",
    "machine/thread_lock.ts",
    "else if (p !== EXEMPT_P) this.#shared.wakeups.passOn(p);",
    "",
    "dedicate",
  ),
  mutant(
    "a spare is claimed by a store",
    "parking/roles.ts",
    "return cas(this.#words, this.#at(isolate), SPARE, role);",
    "if (this.of(isolate) !== SPARE) return false; this.set(isolate, role); return true;",
    "dedicate: a spare",
  ),
  mutant(
    "a spare looks at its role, then announces that it sleeps",
    "machine/park.ts",
    "return this.#isSpare ? Infinity : this.#lookAgain(asleep);",
    "return Infinity;",
    "dedicate: a spare",
  ),
  mutant(
    "the host looks for mail, then announces that it sleeps",
    "host/host_loop.ts",
    `    this.#parker.announce(HOST, PARKED_EVENT_LOOP);
    this.#inbox?.announce();
    // Partner: the push of a mail, after which the sender reads our state; and of a native call that is done.
    if (this.#isEmpty()) {`,
    `    const isEmpty = this.#isEmpty();
    this.#parker.announce(HOST, PARKED_EVENT_LOOP);
    this.#inbox?.announce();
    if (isEmpty) {`,
    "host",
  ),
  // What tasks share.
  mutant(
    "an object's lock is taken by a store",
    "sync/object_lock.ts",
    "if (!cas(this.#words, object, 0, this.#mark)) this.#lockSlowly(object);",
    "store(this.#words, object, this.#mark);",
    "channel of 1",
  ),
  mutant(
    "a receiver is woken before the value is in its record",
    "sync/shared_channel.ts",
    `copyCell(from, at, words, receiver + W_CELL);
      this.#complete(receiver);
      return SUCCEEDED;`,
    `this.#complete(receiver);
      this.isolate.ready(receiver);
      this.#other = 0;
      copyCell(from, at, words, receiver + W_CELL);
      return SUCCEEDED;`,
    "channel of 0",
  ),
  mutant(
    "a parked sender is not woken when its value is taken",
    "sync/shared_channel.ts",
    `copyCell(words, sender + W_CELL, words, cell);
          words[sender + W_CELL] = 0;
          words[object + C_COUNT] = count;
          this.#complete(sender);`,
    `copyCell(words, sender + W_CELL, words, cell);
          words[sender + W_CELL] = 0;
          words[object + C_COUNT] = count;`,
    "channel of 1",
  ),
  mutant(
    "a close wakes receivers only",
    "sync/shared_channel.ts",
    "for (const queue of [RECEIVERS, SENDERS]) {",
    "for (const queue of [RECEIVERS]) {",
    "channel: close against two",
  ),
  mutant(
    "a receive from a closed channel takes from those who are parked there",
    "sync/shared_channel.ts",
    `    if (words[object + O_ENDED] === 1) return CHANNEL_CLOSED;
    const sender = words[object + SENDERS] === 0 ? 0 : dequeue(words, object, SENDERS);
    if (sender === 0) return WOULD_BLOCK;`,
    `    const sender = words[object + SENDERS] === 0 ? 0 : dequeue(words, object, SENDERS);
    if (sender === 0) return words[object + O_ENDED] === 1 ? CHANNEL_CLOSED : WOULD_BLOCK;`,
    "channel: close against a receive",
  ),
  mutant(
    "a close marks the channel outside of its lock",
    "sync/shared_channel.ts",
    `this.lock();
    const wasClosed = words[object + O_ENDED] === 1;
    words[object + O_ENDED] = 1;
    this.unlock();`,
    `const wasClosed = words[object + O_ENDED] === 1;
    words[object + O_ENDED] = 1;`,
    "channel: close",
  ),
  mutant(
    "an operation is taken back that somebody else has ended",
    "sync/wait_queue.ts",
    "if (queue === 0) return false;\n  const head",
    "if (queue === 0) return true;\n  const head",
    "channel: a receive",
    "mutex: a wait",
  ),
  mutant(
    "a case of a select is taken without a CAS",
    "sync/wait_queue.ts",
    "if (main === 0 || cas(words, main + W_FIRED, 0, 1)) return record;",
    "return record;",
    "select",
  ),
  mutant(
    "a mutex with waiters is unlocked by who does not look for them",
    "sync/mutex_core.ts",
    "if (!cas(words, this.#object + L_HOLDER, number + 1, FREE)) this.#unlockSlowly();",
    "void number; store(words, this.#object + L_HOLDER, FREE);",
    "mutex: three",
  ),
  mutant(
    "who queues for a mutex does not say so in its word",
    "sync/mutex_core.ts",
    "if (word !== FREE && cas(words, holder, word, word | MUTEX_WAITED)) break;",
    "if (word !== FREE) break;",
    "mutex: three",
  ),
  mutant(
    "a semaphore that gets permits back serves one that waits, and no other",
    "sync/shared_lock.ts",
    `      if (record === 0) return;
      isolate.ready(record);`,
    `      if (record !== 0) isolate.ready(record);
      return;`,
    "semaphore",
    "RW mutex",
  ),
  mutant(
    "a lock's operation that is taken back leaves those behind it waiting",
    "sync/shared_lock.ts",
    "if (isOurs) this.#serve();",
    "",
    "semaphore: a wait",
  ),
  mutant(
    "an arriving reference leaves O_IN_FLIGHT before its bit is set",
    "sync/handles.ts",
    "or(this.#words, object + this.#bitWord, this.#bit);",
    "add(this.#words, object + O_IN_FLIGHT, -1); or(this.#words, object + this.#bitWord, this.#bit); add(this.#words, object + O_IN_FLIGHT, 1);",
    "references",
  ),
  mutant(
    "a release reads the bits, then O_IN_FLIGHT",
    "sync/handles.ts",
    `    return !isOnItsWay;
  }`,
    `    return load(words, object + O_IN_FLIGHT) === 0 || (void isOnItsWay, false);
  }`,
    "references",
  ),
  mutant(
    "who changes a lock's state does not look whose turn it is",
    "sync/shared_lock.ts",
    `    if (error instanceof Error) throw error;
    this.#readyCompleted();
    this.#serve();`,
    "    if (error instanceof Error) throw error;",
    "wait group",
    "once",
  ),
  mutant(
    "a wait group that is done ends its waits one by one",
    "sync/wait_group.ts",
    "if (count + n === 0) this.completeAll();",
    "",
    "wait group: one that has waited",
  ),
  mutant(
    "a wait group counts outside of its lock",
    "sync/shared_lock.ts",
    `    isolate.objectLocks.lock(object);
    const error = change();
    isolate.objectLocks.unlock(object);`,
    "    void isolate; void object; const error = change();",
    "wait group: a wait against",
  ),
  mutant(
    "a once is over as soon as it has begun",
    "sync/once.ts",
    "return this.words[this.object + L_COUNT] === COMPLETE;",
    "return this.words[this.object + L_COUNT] !== INCOMPLETE;",
    "once: three",
  ),
  mutant(
    "a barrier whose last one is there ends nobody",
    "sync/barrier.ts",
    "    this.completeAll();\n",
    "",
    "barrier of 3",
  ),
  mutant(
    "who is taken back from a barrier still counts there",
    "sync/barrier.ts",
    "this.words[this.object + L_COUNT]--;",
    "",
    "barrier of 2: a wait",
  ),
  // Timers.
  mutant(
    "a sleep that has ended counts as one still",
    "machine/wait.ts",
    "if (wait.place !== NO_TIMER) g.services.agenda.sleeping--;",
    "",
    "timers: a sleep that is cancelled",
  ),
  // Admission.
  mutant(
    "the host looks at the queues, and then says that it waits for room",
    "host/admission.ts",
    `    if (load(this.#words, ROOM_WANTED) === 0) store(this.#words, ROOM_WANTED, 1);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#hasRoom(waiter.priority)) waiter.resolve();
      else this.#waiters.push(waiter);
    }
    if (this.#waiters.length === 0) store(this.#words, ROOM_WANTED, 0);`,
    `    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#hasRoom(waiter.priority)) waiter.resolve();
      else this.#waiters.push(waiter);
    }
    store(this.#words, ROOM_WANTED, this.#waiters.length === 0 ? 0 : 1);`,
    "admission",
  ),
  mutant(
    "an M that finds nothing tells nobody",
    "machine/search.ts",
    "      wakeups.tellRoom();\n",
    "",
    "admission",
  ),
  // Closing.
  mutant(
    "an M that is back from a call does not ask whether all is closing",
    "machine/hold.ts",
    "const isClosing = load(this.#words, CLOSING) === 1;",
    "const isClosing = false;",
    "blocking: a call that comes back",
  ),
  mutant(
    "what the host has parked is not given up when all is closing",
    "sync/isolate.ts",
    "for (const waiter of [...this.waiting()]) waiter.abandon(why());",
    "",
    "close: a send",
    "close: a lock",
  ),
  // Death of a thread.
  mutant(
    "the P that a dead M held is not inherited",
    "host/burial.ts",
    "const p = isGiven(last) ? givenP(last) : this.#idle.ps.inherit(isolate);",
    "const p = isGiven(last) ? givenP(last) : NO_P;",
    "death: an M that parks",
  ),
  mutant(
    "the P that a dead M was given is not taken back",
    "host/burial.ts",
    "const p = isGiven(last) ? givenP(last) : this.#idle.ps.inherit(isolate);",
    "const p = isGiven(last) ? NO_P : this.#idle.ps.inherit(isolate);",
    "death: an M that sleeps",
  ),
  mutant(
    "a dead M counts as one that spins",
    "host/burial.ts",
    "if (wasSpinning) this.#idle.stopSpinning();",
    "",
    "death: an M that parks",
  ),
  mutant(
    "a task that a dead M ran never ends",
    "host/burial.ts",
    "(isTaken ? gs.loseTaken(slot) : gs.lose(slot));",
    "(isTaken && gs.loseTaken(slot));",
    "death: an M that parks",
  ),
  mutant(
    "nobody is told of a task that a dead M had ended",
    "host/burial.ts",
    "else if (gs.hasEnded(slot)) this.#tellEnd(slot);",
    "",
    "death: an M that parks",
  ),
  mutant(
    "a slot remains marked as mailed to a dead M",
    "host/burial.ts",
    "gs.loseRunnerMail(slot, isolate);",
    "",
    "death: an M that a cancellation",
  ),
  mutant(
    "whom a dead M was about to wake sleeps on",
    "host/burial.ts",
    "this.#wakeups.signal(other);",
    "",
    "death: a thread with a mutex",
  ),
  mutant(
    "who did not get to wake a sleeper is not replaced",
    "host/burial.ts",
    "this.#parker.rouse(other);",
    "",
    "death: a thread with a mutex",
  ),
  mutant(
    "the lock of the task table stays a dead M's",
    "host/burial.ts",
    "this.#table.breakLock(isolate);",
    "",
    "death: an M with children",
  ),
  mutant(
    "the number of an M that was given up is used again with its sleep word",
    "host/burial.ts",
    "this.#parker.revive(isolate);",
    "",
    "death: an M that is frozen",
  ),
  mutant(
    "who offers a P to an M that is abandoned does not ask whether the host has it",
    "parking/wakeups.ts",
    "if (state === SHELVED && !this.#ps.takeBack(p, isolate)) return true;",
    "if (state === SHELVED) this.#ps.pass(p);",
    "death: an M that is frozen",
  ),
  mutant(
    "an object's lock stays a dead thread's",
    "sync/handles.ts",
    "this.#locks.breakLock(object, dead);",
    "",
    "death: a thread with",
  ),
  mutant(
    "a mutex is not poisoned that a dead thread held",
    "sync/poison.ts",
    "else if (isHeld(object, kind) || (kind === BARRIER && waited)) poison(object, kind);",
    "else if (kind === BARRIER && waited) poison(object, kind);",
    "death: a thread with a mutex",
  ),
  mutant(
    "who waits behind a thread that died is left waiting",
    "sync/poison.ts",
    "else if (waited && kind !== MUTEX) serve(object);",
    "else void serve;",
    "death: a thread with a wish",
  ),
  mutant(
    "a barrier is not poisoned where a dead thread waited",
    "sync/poison.ts",
    "else if (isHeld(object, kind) || (kind === BARRIER && waited)) poison(object, kind);",
    "else if (isHeld(object, kind)) poison(object, kind);",
    "death: a thread with a place",
  ),
  mutant(
    "nobody closes the channel of a stream whose other end died",
    "sync/poison.ts",
    "if (words[object + O_ENDED] === CLOSED_BY_DEATH && host.handles.has(dead, object)) close(object);",
    "void close;",
    "death: a thread with one end",
  ),
  mutant(
    "who waits at a stream whose other end died is not woken",
    "sync/poison.ts",
    `words[record + W_OUTCOME] = CHANNEL_CLOSED;
        woken.push(record);`,
    "words[record + W_OUTCOME] = CHANNEL_CLOSED;",
    "death: a thread with one end",
  ),
  mutant(
    "a dead thread's parked operation stays in its queue",
    "sync/poison.ts",
    `unlink(words, object, record);
        left.push(record);`,
    "left.push(record);",
    "death: a thread with a receive",
    "death: a thread with a send",
  ),
  // Deadlocks.
  // Native Ms.
  {
    ...mutant(
      "a native M that ends does not look at the queue",
      "",
      `    if (!this.#isEmpty()) this.wake();
    add(this.words, this.#host + NATIVE_HOST_THREADS, -1);`,
      "    add(this.words, this.#host + NATIVE_HOST_THREADS, -1);",
      "native calls: two for threads that end",
    ),
    file: NATIVE_M,
  },
  {
    ...mutant(
      "a native M that goes to sleep does not look at the queue afterwards",
      "",
      `(spinning ? SPINNING : 0));
    if (!this.#isEmpty()) this.wake();`,
      "(spinning ? SPINNING : 0));",
      "native calls",
    ),
    file: NATIVE_M,
  },
  {
    ...mutant(
      "a native M that ends when it is idle does not ask whether it has been woken",
      "",
      "if (state >>> 0 < ONE_SLEEPING) break;",
      "",
      "native calls: two for threads that end",
    ),
    file: NATIVE_M,
  },
  {
    ...mutant(
      "a native M gives a call back, and then runs it",
      "",
      `      this.#run(number);
      if (this.#isEmpty()) spinning = this.#beginToSpin();
      this.#giveBack(number);`,
      `      this.#giveBack(number);
      this.#run(number);
      if (this.#isEmpty()) spinning = this.#beginToSpin();`,
      "native calls: three for one",
    ),
    file: NATIVE_M,
  },
  mutant(
    "a native call's number is in its cell after the tail says so",
    "native/queue.ts",
    "    words[this.at + QUEUE_CELLS + (tail & (NATIVE_CALLS - 1))] = call;\n",
    "    store(words, this.at + QUEUE_TAIL, (tail + 1) | 0);\n    words[this.at + QUEUE_CELLS + (tail & (NATIVE_CALLS - 1))] = call;\n",
    "native calls",
  ),
  mutant(
    "a queue of native calls that is closed wakes nobody",
    "native/queue.ts",
    "this.#shim.futexWake(this.#address + QUEUE_PERMITS * 4, 2 ** 31 - 1);",
    "",
    "native calls: close",
  ),
  // Preemption.
  mutant(
    "who enters the scheduler looks whether it was frozen before it counts",
    "parking/locks.ts",
    `    this.#words[this.#count]++;
    // In this order: the handler writes it while the count is 0, and not later.
    if (this.#words[this.#given] !== 0) this.#takeUp();`,
    `    if (this.#words[this.#given] !== 0) this.#takeUp();
    this.#words[this.#count]++;`,
    "preemption: blocking",
    "preemption: a task",
  ),
  mutant(
    "the loop goes on without a look whether it was frozen",
    "parking/locks.ts",
    `    this.#words[this.#count] = this.#turn | 1;
    if (this.#words[this.#given] !== 0) this.#takeUp();`,
    "    this.#words[this.#count] = this.#turn | 1;",
    "preemption: a task",
  ),
  mutant(
    "a P that was taken for somebody who has one by then is nobody's",
    "parking/wakeups.ts",
    `      if (this.isQueuedForP(isolate) && this.#offer(isolate, p)) return;
    }
    this.passOn(p);`,
    `      if (this.isQueuedForP(isolate) && this.#offer(isolate, p)) return;
    }`,
    "preemption: a P for who waits",
  ),
  mutant(
    "one that is frozen is forgotten: nobody knows that it waits for a P",
    "sysmon/preemption.ts",
    "if (this.#parker.shelve(isolate)) this.#shared.wakeups.queueForP(isolate);",
    "this.#parker.shelve(isolate);",
    "preemption: two that compute",
  ),
  mutant(
    "sysmon forgets a thread that it has taken the P of",
    "sysmon/preemption.ts",
    `    else this.#seized.add(isolate);
`,
    "",
    "preemption: one that computes for ever is lost",
    "preemption: one that computes for too long",
  ),
  mutant(
    "sysmon sleeps although a thread without a P runs on",
    "sysmon/sysmon.ts",
    "nativeCallsWait || this.#preemption.isWatching || ",
    "nativeCallsWait || ",
    "preemption: one that computes for ever is lost",
  ),
  mutant(
    "sysmon sleeps although a thread that it has asked has not answered",
    "sysmon/preemption.ts",
    "return this.#seized.size !== 0 || this.#asked.size !== 0;",
    "return this.#seized.size !== 0;",
    "preemption: an M leaves",
  ),
  mutant(
    "sysmon does not hear the answer of one that has parked since",
    "sysmon/preemption.ts",
    "    for (const isolate of this.#asked) this.#hasAnswered(isolate, this.#parker.state(isolate));\n",
    "",
    "preemption: an M leaves",
  ),
  mutant(
    "sysmon does not look at Ps that do not count any more",
    "sysmon/sysmon.ts",
    "const ps = this.#shared.idle.mostProcs;",
    "const ps = this.#shared.idle.procs;",
    "preemption: two",
  ),
  mutant(
    "the P that counts no more is discounted, and sysmon not woken",
    "parking/idle.ts",
    `      if (!isCounted) this.#sysmon.wakeIfAsleep();
`,
    "",
    "preemption: two",
  ),
  mutant(
    "one that was frozen goes on with its old P",
    "machine/hold.ts",
    `this.meter.tracer?.takes(givenP(given));
      return this.#has(givenP(given));`,
    "return;",
    "preemption: two",
    "preemption: a task",
  ),
  mutant(
    "one that spins may be frozen",
    "machine/hold.ts",
    "    if (!this.isSpinning) this.locks.leave();",
    "    this.locks.leave();",
    "preemption: an M is asked",
  ),
  mutant(
    "who spins gives the event loop a turn before it parks",
    "machine/park.ts",
    "        hold.foundWork();\n",
    "",
    "preemption: blocking",
    "preemption: the loop",
  ),
  mutant(
    "who gives a frozen thread a P does not write its name there",
    "parking/wakeups.ts",
    `      if (state === SHELVED) this.#ps.hold(p, isolate);
`,
    "",
    "preemption: a task",
  ),
  mutant(
    "a blocking call begins although the thread was asked",
    "machine/blocking_call.ts",
    `    if (this.#parker.state(this.#isolate) !== AWAKE) hold.awaitSignal();
`,
    "",
    "preemption: blocking",
  ),
  mutant(
    "a blocking call that hands its P off begins although the thread was asked",
    "machine/hold.ts",
    `    this.#ps.pass(p);
    this.awaitSignal();`,
    "    this.#ps.pass(p);",
    "preemption: a call that hands its P off begins while the only",
  ),
  {
    fault: "the handler freezes who is in the scheduler",
    file: "tests/model/scenarios/handler.ts",
    find: "    if ((load(words, this.#locks) & LOCKS) !== 0) {",
    replace: "    if ((load(words, this.#locks) & LOCKS) < 0) {",
    scenarios: ["preemption: blocking"],
  },
  {
    fault: "the handler takes the P, and does not say so",
    file: "tests/model/scenarios/handler.ts",
    find: `        store(words, this.#given, SEIZED);
`,
    replace: "",
    scenarios: ["preemption: one that cannot"],
  },
  {
    fault: "one that is woken does not hear which P it has",
    file: "tests/model/scenarios/handler.ts",
    find: `    store(words, this.#given, state);
`,
    replace: "",
    scenarios: ["preemption: a task", "preemption: two"],
  },
  mutant(
    "all is closing, and who computes on is not stopped",
    "sysmon/sysmon.ts",
    `    this.#preemption.close();
`,
    "",
    "preemption: all",
  ),
  mutant(
    "all is closing, and who has let its P go is not stopped",
    "sysmon/preemption.ts",
    "    if (isLate) this.#parker.seize(isolate);",
    "",
    "preemption: all is closing, and one that has let",
  ),
  mutant(
    "all is closing, and one look says whether it is frozen, another whether it is to go on",
    "sysmon/preemption.ts",
    "        isAnyThere = true;\n        if (isFrozen(state))",
    "        isAnyThere ||= !isFrozen(this.#parker.state(isolate));\n        if (isFrozen(state))",
    "preemption: all is closing, and one that was asked",
  ),
  // Who was SEIZED comes back.
  mutant(
    "who lets its P go does not keep it when it is back first",
    "machine/hold.ts",
    "if (this.#parker.keep(this.isolate)) return",
    "if (this.#parker.keep(this.isolate) && this.p === NO_P) return",
    "preemption: one that was told to let its P go comes back to its loop",
  ),
  mutant(
    "who lets its P go keeps it by a store, not by CAS",
    "parking/parker.ts",
    "return cas(this.#words, this.#word(isolate), LETS_GO, AWAKE);",
    "const is = load(this.#words, this.#word(isolate)) === LETS_GO; if (is) store(this.#words, this.#word(isolate), AWAKE); return is;",
    "preemption: a thread that lets its P go is back",
  ),
  mutant(
    "sysmon takes a P that was let go by a store, not by CAS",
    "parking/parker.ts",
    "return cas(this.#words, this.#word(isolate), LETS_GO, SEIZED);",
    "store(this.#words, this.#word(isolate), SEIZED); return true;",
    "preemption: a thread that lets its P go is back",
  ),
  mutant(
    "who was seized is awake by a store, whatever it was asked or told",
    "parking/parker.ts",
    "return cas(this.#words, this.#word(isolate), SEIZED, AWAKE) || this.state(isolate) === AWAKE;",
    "store(this.#words, this.#word(isolate), AWAKE); return true;",
    "preemption: a thread that lets its P go is back",
  ),
  mutant(
    "who was seized is given up by a store",
    "parking/parker.ts",
    "cas(this.#words, word, SEIZED, LOST);",
    "(load(this.#words, word) === SEIZED && (store(this.#words, word, LOST), true));",
    "preemption: a thread that lets its P go is back",
  ),
  mutant(
    "who was seized before it was frozen gets no note",
    "sysmon/preemption.ts",
    "if (state === FROZEN) this.#freeze(isolate, turn);\n      else turn.pause();",
    "turn.pause();",
    "preemption: one that was told to let its P go is frozen",
  ),
  mutant(
    "who parts with its P does not wait for a signal that was sent to it",
    "machine/hold.ts",
    "    this.p = NO_P;\n    this.awaitSignal();\n",
    "    this.p = NO_P;\n",
    "preemption: an M leaves",
  ),
  {
    ...mutant(
      "who makes its thread its own does not wait for a signal that was sent to it",
      "machine/thread_lock.ts",
      "    this.#hold.awaitSignal();\n",
      "",
      "preemption: a task makes",
    ),
    bound: 2,
  },
  // Standing still.
  mutant(
    "an M sleeps without a turn of the event loop before",
    "machine/park.ts",
    "        if (!isQuiet) {",
    "        if (false) {",
    "standing: a parent on a channel",
  ),
  mutant(
    "an M that sleeps does not ask whether its thread is to end",
    "machine/park.ts",
    "          if (this.#agenda.isOver) return;\n",
    "",
    "standing: a task ends with its thread",
  ),
  mutant(
    "an M that gives up its P sleeps without a turn of the event loop before",
    "machine/park.ts",
    `        await this.#eventLoop.turn();
        this.#locks.enter();
        if (this.#agenda.hasWorkHere()) return;`,
    "",
    "due by a tick",
  ),
  mutant(
    "an M takes the microtask queue for empty after a tick",
    "machine/event_loop.ts",
    "return new Promise((resolve) => setImmediate(resolve));",
    "return new Promise((resolve) => process.nextTick(resolve));",
    "due by two ticks",
  ),
  mutant(
    "an M takes the microtask queue for empty after a few turns of it",
    "machine/event_loop.ts",
    "return new Promise((resolve) => setImmediate(resolve));",
    "let turns = Promise.resolve();\nfor (let i = 0; i < 8; i++) turns = turns.then(() => {});\nreturn turns;",
    "due by a tick",
  ),
  mutant(
    "an M takes the microtask queue for empty when it was in its event loop",
    "machine/park.ts",
    `          isQuiet = false;
          if (hold`,
    "          if (hold",
    "standing: something outside, and then",
  ),
  {
    ...mutant(
      "an M without live Gs takes the microtask queue for empty after mail",
      "machine/park.ts",
      `        if (this.#agenda.live === 0 && this.#mail.read()) {
          isQuiet = false;
          continue;
        }`,
      "        if (this.#agenda.live === 0) this.#mail.read();\nif (hold.p !== (this.#keepsP ? kept : NO_P)) return;",
      "standing: what an ended task",
    ),
    bound: 2,
  },
  mutant(
    "an M sleeps beside what Deno counts",
    "machine/event_loop.ts",
    "const slice = this.isEmpty()",
    "const slice = true",
    "standing: one waits for two things, and hides another one that",
  ),
  mutant(
    "an M asks Deno alone what its Gs wait for",
    "machine/event_loop.ts",
    "if (!this.waitsForOurs || isExpecting) return 0;",
    "",
    "standing: something outside that Deno does not count",
  ),
  mutant(
    "an M's standstill has no end",
    "machine/event_loop.ts",
    "(isKnown ? KNOWN_TO_WAIT : MAY_WAIT)",
    "Infinity",
    "standing: one waits for two things, and hides another one's",
  ),
  // Seen without a lock.
  mutant(
    "who looks at a slot reads its id after its status",
    "slots/seen_slot.ts",
    `    const low = glance(words, g + G_ID_LOW);
    const high = glance(words, g + G_ID_HIGH);
    const status = load(words, g + G_STATUS);`,
    `    const status = load(words, g + G_STATUS);
    const low = glance(words, g + G_ID_LOW);
    const high = glance(words, g + G_ID_HIGH);`,
    "seen: a slot",
  ),
  mutant(
    "who looks at a slot does not look at its id again",
    "slots/seen_slot.ts",
    "if (glance(words, g + G_ID_LOW) !== low || glance(words, g + G_ID_HIGH) !== high) continue;",
    "",
    "seen: a slot",
  ),
  mutant(
    "what is read of an object is taken although somebody was inside",
    "sync/seen_objects.ts",
    "if (seen !== undefined && this.#isSame(object, turns)) return seen;",
    "if (seen !== undefined) return seen;",
    "seen: an operation",
  ),
  mutant(
    "who looks at an object does not ask whether it was in the list all the time",
    "sync/seen_objects.ts",
    `if (!this.#isSame(OBJECTS_LOCK, this.#listTurns)) return false;
      if (one`,
    "if (one",
    "seen: a channel's block",
  ),
  mutant(
    "who leaves an object's lock does not count that",
    "sync/object_lock.ts",
    "this.#words[object + O_TURNS] += ONE_TURN;",
    "",
    "seen: an operation",
  ),
  mutant(
    "who frees a slot loads nothing before the next id",
    "slots/g_table.ts",
    `    if (this.#isMailed(slot)) this.#mailed.push(slot);
    else this.#free.push(slot);`,
    "    this.#free.push(slot);",
    "seen: a slot",
  ),
  mutant(
    "who looks at a slot looks at its status once",
    "slots/seen_slot.ts",
    "if (load(words, g + G_STATUS) !== status) continue;",
    "",
    "seen: a slot",
  ),
  mutant(
    "a thread says what it runs without a load after the size's store",
    "machine/black_box.ts",
    "    load(this.#words, this.#head);\n    this.#bytes",
    "    this.#bytes",
    "seen: what a thread runs",
  ),
  mutant(
    "a thread says what it runs without saying that it writes",
    "machine/black_box.ts",
    "    store(this.#words, this.#head, count);\n",
    "",
    "seen: what a thread runs",
  ),
  mutant(
    "a thread that says what it runs does not count that",
    "machine/black_box.ts",
    "(count + ONE) | written",
    "count | written",
    "seen: what a thread runs",
  ),
  mutant(
    "who looks at an object does not ask whether it is complete",
    "sync/seen_objects.ts",
    "const mayBeSeen = isComplete(glance(this.#words, object + O_TURNS));",
    "const mayBeSeen = true;",
    "seen: a channel's block",
  ),
  mutant(
    "an object's lock opens by a plain store",
    "sync/object_lock.ts",
    "    store(this.#words, object, 0);\n    this.#freezeGuard",
    "    this.#words[object] = 0;\n    this.#freezeGuard",
    "death: a thread with a mutex",
  ),
  mutant(
    "a writer of events does not mind that its ring is full",
    "tracing/event_ring.ts",
    "if (((this.#written - this.#read) | 0) + entries <= this.#capacity) return true;",
    "return true;",
    "event ring",
  ),
  mutant(
    "an event is published with its first entry",
    "tracing/event_ring.ts",
    "    this.#written = (this.#written + 1) | 0;",
    `    this.#written = (this.#written + 1) | 0;
    store(words, this.#at + RING_WRITTEN, this.#written);`,
    "event ring",
  ),
  mutant(
    "the room of events is given back before they are read",
    "tracing/event_ring.ts",
    "    let read = load(words, this.#at + RING_READ);",
    `    let read = load(words, this.#at + RING_READ);
    store(words, this.#at + RING_READ, written);`,
    "event ring",
  ),
  mutant(
    "the entry of an await does not say that it is being written",
    "tracing/journal.ts",
    "store(words, entry + J_COUNT, count + 1);",
    "",
    "seen: the entry",
  ),
  mutant(
    "who reads the entry of an await does not look again whether it was written to",
    "host/seen_journal.ts",
    "if (load(words, entry + J_COUNT) !== count) return -1;",
    "",
    "seen: the entry",
  ),
  mutant(
    "who reads awaits takes texts for entries",
    "host/seen_journal.ts",
    "if (load(this.#words, chunk + J_HAS_ENTRIES) === 0) continue;",
    "",
    "seen: the entry",
  ),
  mutant(
    "a report is taken by a load and a store",
    "slots/g_table.ts",
    "const packed = exchange(this.#words, this.#arena.g(slot) + G_REPORT, 0);",
    "const packed = load(this.#words, this.#arena.g(slot) + G_REPORT);\nstore(this.#words, this.#arena.g(slot) + G_REPORT, 0);",
    "reports: the last",
  ),
  mutant(
    "each report is mailed, also if one is under way",
    "slots/g_table.ts",
    "return before === 0;",
    "return true;",
    "reports: the last",
  ),
  mutant(
    "a report that was never mailed stays in its slot",
    "slots/g_table.ts",
    "    this.#dropReport(slot);\n",
    "",
    "reports: death",
  ),
  mutant(
    "a task is written anew that has begun",
    "slots/owner.ts",
    "if (!this.#gs.cancelQueued(before)) {",
    "if (!this.#gs.cancelQueued(before) && this.#gs.hasEnded(before)) {",
    "priorities: a task whose",
  ),
  mutant(
    "a mark is taken off after the look",
    "sync/isolate.ts",
    `    this.discard(record);
    // The mark has been taken off before, so what comes after this look is mailed again.
    if (record === this.arena.isolate(this.number) + M_POLL) this.pollSet?.look();`,
    `    if (record === this.arena.isolate(this.number) + M_POLL) this.pollSet?.look();
    this.discard(record);`,
    "netpoll",
  ),
  mutant(
    "a look that has found something is not followed by another one",
    "sync/poller.ts",
    "    this.#isolate.loop.resumeLater(this);",
    "",
    "netpoll: a task",
  ),
  mutant(
    "sysmon looks at the words of poll sets, and then takes what says that it is to look",
    "sysmon/netpoll.ts",
    `    exchange(this.#words, this.#fired, 0);
    const isolates = load(this.#words, ISOLATES);
    let hasTold = false;
    for (let isolate = HOST; isolate < isolates; isolate++) hasTold = this.#tell(isolate) || hasTold;`,
    `    const isolates = load(this.#words, ISOLATES);
    let hasTold = false;
    for (let isolate = HOST; isolate < isolates; isolate++) hasTold = this.#tell(isolate) || hasTold;
    exchange(this.#words, this.#fired, 0);`,
    "netpoll",
  ),
  mutant(
    "the mark of a dead thread is taken off, and no more",
    "sysmon/netpoll.ts",
    "cas(words, line, POLL_MAILED, POLL_FIRED);",
    "cas(words, line, POLL_MAILED, 0);",
    "netpoll: an event",
  ),
  mutant(
    "sysmon does not look for descriptors when it has announced that it sleeps",
    "sysmon/sysmon.ts",
    "const isWanted = this.#netpoll.tick() || this.#native",
    "const isWanted = this.#native",
    "netpoll",
  ),
  mutant(
    "a trace is read by two",
    "host/trace_drain.ts",
    "if (!cas(words, TRACE_LOCK, FREE, INSIDE)) return;",
    "cas(words, TRACE_LOCK, FREE, INSIDE);",
    "trace: a thread",
  ),
  mutant(
    "a trace that is finished is finished again",
    "host/trace_drain.ts",
    "if (load(words, TRACE_LOCK) === OVER) return undefined;",
    "if (load(words, TRACE_LOCK) === OVER) break;",
    "trace: a thread",
  ),
];

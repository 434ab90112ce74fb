/** Every public operation near the end of the stack, with a look whether anything is held, lost or doubled afterwards. */
import {
  after,
  Barrier,
  Channel,
  Mutex,
  onAbort,
  Once,
  parallelMap,
  perThread,
  pollable,
  readable,
  recv,
  RWMutex,
  type Scheduler,
  select,
  type Selected,
  Semaphore,
  send,
  type Task,
  task,
  type TaskContext,
  WaitGroup,
} from "@heddle/heddle";
import { assertThrows } from "@std/assert";
import { HANDLE } from "../../scheduler/codec/handle.ts";
import type { Shareable } from "../../scheduler/sync/handles.ts";
import { type Isolate, isolateOf } from "../../scheduler/sync/isolate.ts";
import { OBJECTS_FIRST } from "../../scheduler/arena/layout/header.ts";
import { M_LOCKS } from "../../scheduler/arena/layout/m.ts";
import { O_NEXT } from "../../scheduler/arena/layout/object.ts";
import { close, eventfd, readAll, signal } from "../support/descriptors.ts";
import { arm, disarm } from "../throwing/faults.ts";
import { atTheEnd, type Tried } from "../throwing/stack_end.ts";

export const gives = task(import.meta, "gives", (_ctx, n: number): number => n);
export const counts = task(import.meta, "counts", (_ctx, list: number[]): number => list.length);
export const sleeps = task(import.meta, "sleeps", (ctx, ms: number): Promise<void> => ctx.sleep(ms));
const ready = perThread(import.meta, "ready", () => 1);
const never = perThread(import.meta, "never", () => {
  throw new RangeError("never");
});
const countsUp = task(import.meta, "countsUp", function* (_ctx, to: number) {
  for (let n = 1; n <= to; n++) yield n;
});
/** Sends the numbers up to `n`, then says so in the word. */
export const feeds = task(
  import.meta,
  "feeds",
  async (_ctx, channel: Channel<number[]>, n: number, done: SharedArrayBuffer): Promise<void> => {
    for (let i = 1; i <= n; i++) await channel.send(Array(i).fill(i));
    Atomics.store(new Int32Array(done), 0, 1);
    Atomics.notify(new Int32Array(done), 0);
  },
);
/** Uses what somebody else has used near the end of the stack. */
export const uses = task(import.meta, "uses", async (_ctx, shared: Shared): Promise<number> => {
  const { channel, mutex, semaphore, rw, group } = shared;
  using _one = await mutex.lock();
  using _two = await semaphore.acquire(4);
  using _three = await rw.lock();
  await group.wait();
  await channel.send(7);
  return await channel.recv();
});

/** Where the operations are called. */
type Place = TaskContext | Scheduler;

/** What others have too. */
export interface Shared {
  channel: Channel<number>;
  unbuffered: Channel<number>;
  lists: Channel<number[]>;
  mutex: Mutex;
  semaphore: Semaphore;
  rw: RWMutex;
  group: WaitGroup;
}

export function makeShared(home: Place): Shared {
  return {
    channel: new Channel<number>(home, 60_000),
    unbuffered: new Channel<number>(home),
    lists: new Channel<number[]>(home),
    mutex: new Mutex(home),
    semaphore: new Semaphore(home, 4),
    rw: new RWMutex(home),
    group: new WaitGroup(home),
  };
}

/** What is called near the end, what is looked at before and after each round, and what is to be done at the end. */
type Operation = [act: () => void, check: () => unknown, end?: () => void];
type Make = (place: Place, shared: Shared) => Operation;

function requireSame(what: string, is: unknown, shouldBe: unknown): void {
  if (!Object.is(is, shouldBe)) {
    throw new Error(`${what}: ${String(is)}, and it should be ${String(shouldBe)}`);
  }
}

function locksOf({ words, arena, number }: Isolate): number {
  return words[arena.isolate(number) + M_LOCKS] & 0xff;
}

/** No lock of an object is held, and the thread may be frozen as before. */
function requireFree(isolate: Isolate, locks: number): void {
  const { words, number } = isolate;
  requireSame("M_LOCKS", locksOf(isolate), locks);
  for (let object = words[OBJECTS_FIRST]; object !== 0; object = words[object + O_NEXT]) {
    if (words[object] === number + 1) throw new Error(`the lock of object ${object >> 4} is held`);
  }
}

/** V8's regular expressions are compiled in a way of their own. */
export function isRefusal(error: unknown): boolean {
  return error instanceof RangeError ||
    (error instanceof SyntaxError && error.message.endsWith("Stack overflow"));
}

/** Promises that are looked at on the bottom of the stack. */
class Kept<T> {
  /** Near the end of the stack a method that adds one could throw. */
  promises: Promise<T>[] = [];

  take(): Promise<T>[] {
    return this.promises.splice(0);
  }

  /** What was refused has not happened, and is undefined here. */
  async results(): Promise<({ value: T } | undefined)[]> {
    return (await Promise.allSettled(this.take())).map((result) => {
      if (result.status === "fulfilled") return { value: result.value };
      if (isRefusal(result.reason)) return undefined;
      throw result.reason;
    });
  }

  async values(): Promise<T[]> {
    return (await this.results()).flatMap((result) => result === undefined ? [] : [result.value]);
  }
}

function drained<T>(channel: Channel<T>): T[] {
  const values: T[] = [];
  for (let next = channel.tryRecv(); next !== undefined && !next.done; next = channel.tryRecv()) {
    values.push(next.value);
  }
  return values;
}

/** Each wait ends when there is something to read, but those that were refused. */
function waitsFor(fd: number, wait: () => Promise<void>): Operation {
  const kept = new Kept<void>();
  return [() => void (kept.promises[kept.promises.length] = wait()), async () => {
    signal(fd);
    await kept.values();
    readAll(fd);
  }, () => close(fd)];
}

/** As if it had been passed on. */
function toArena<T extends { readonly [HANDLE]: unknown }>(handle: T): T {
  (handle[HANDLE] as Shareable).share();
  return handle;
}

const both = (place: Place, capacity: number) => ({
  local: new Channel<number>(place, capacity),
  shared: toArena(new Channel<number>(place, capacity)),
});

/** What is sent at once is there, and nothing else. */
function trySend(channel: Channel<number>): Operation {
  let sent: number[] = [];
  let n = 0;
  return [() => {
    n++;
    if (channel.trySend(n)) sent[sent.length] = n;
  }, () => {
    requireSame("in the channel", drained(channel).join(), sent.join());
    sent = [];
  }];
}

/** `fill` puts the numbers from there on into the channel, and returns the first that it did not. */
function tryRecv(channel: Channel<number>, fill: (from: number, to: number) => void): Operation {
  let next = 0;
  let end = 0;
  let isInOrder = true;
  const check = async () => {
    for (const value of drained(channel)) isInOrder &&= value === next++;
    requireSame("in order", isInOrder, true);
    requireSame("received", next, end);
    await undefined;
    fill(end, end += 600);
  };
  return [() => {
    const got = channel.tryRecv();
    if (got === undefined) return;
    if (got.value !== next) isInOrder = false;
    next++;
  }, check];
}

function sends(channel: Channel<number>): Operation {
  let n = 0;
  let numbers: number[] = [];
  const kept = new Kept<void>();
  return [() => {
    n++;
    const promise = channel.send(n);
    numbers[numbers.length] = n;
    kept.promises[kept.promises.length] = promise;
  }, async () => {
    const received = drained(channel);
    const results = await kept.results();
    requireSame("received", received.join(), numbers.filter((_, i) => results[i] !== undefined).join());
    numbers = [];
  }];
}

function receives(channel: Channel<number>): Operation {
  const kept = new Kept<number>();
  return [() => void (kept.promises[kept.promises.length] = channel.recv()), async () => {
    const sent: number[] = [];
    while (channel.trySend(sent.length)) sent.push(sent.length);
    requireSame("received", (await kept.values()).join(), sent.join());
  }];
}

/** To those that wait. */
function handsOver(channel: Channel<number>): Operation {
  const kept = new Kept<number>();
  let sent: number[] = [];
  const check = async () => {
    while (channel.trySend(sent.length)) sent.push(sent.length);
    requireSame("received", (await kept.values()).join(), sent.join());
    sent = [];
    for (let i = 0; i < 600; i++) kept.promises.push(channel.recv());
  };
  return [() => {
    if (channel.trySend(sent.length)) sent[sent.length] = sent.length;
  }, check];
}

/** The same by a send that has a promise: who waits gets what was sent, and nobody else does. */
function sendsOver(channel: Channel<number>): Operation {
  const received = new Kept<number>();
  const sent = new Kept<void>();
  let numbers: number[] = [];
  let n = 0;
  return [() => {
    n++;
    const promise = channel.send(n);
    numbers[numbers.length] = n;
    sent.promises[sent.promises.length] = promise;
  }, async () => {
    // Of those that found nobody.
    const waited = drained(channel);
    while (channel.trySend(-1));
    const got = (await received.values()).filter((value) => value > 0);
    const results = await sent.results();
    const done = numbers.filter((_, i) => results[i] !== undefined);
    requireSame("received", [...got, ...waited].join(), done.join());
    numbers = [];
    for (let i = 0; i < 600; i++) received.promises.push(channel.recv());
  }];
}

/** By `recv`, from those who wait with the numbers from there on, or from the channel. */
function receivesFrom(channel: Channel<number>): Operation {
  const received = new Kept<number>();
  const sent = new Kept<void>();
  let next = 0;
  return [() => void (received.promises[received.promises.length] = channel.recv()), async () => {
    const left = drained(channel);
    while (channel.trySend(-1));
    drained(channel);
    const got = (await received.values()).filter((value) => value >= 0);
    await sent.values();
    requireSame("received", [...got, ...left].join(), Array.from({ length: next }, (_, i) => i).join());
    for (next = 0; next < 600; next++) sent.promises.push(channel.send(next));
  }];
}

function closes(make: () => Channel<number>): Operation {
  let channels: Channel<number>[] = [];
  let ended: Promise<unknown>[] = [];
  let closed = 0;
  const check = async () => {
    requireSame("closed", channels.filter((channel) => channel.closed).length, closed);
    for (const channel of channels) if (!channel.closed) channel.close();
    await Promise.all(ended);
    channels = Array.from({ length: 400 }, make);
    // One receiver, which hears of it.
    ended = channels.map((channel) => channel.recv().catch(ignore));
    closed = 0;
  };
  return [() => {
    if (closed === channels.length) return;
    channels[closed].close();
    closed++;
  }, check];
}

/** Taken and given back at once: what could be taken can be given back, if a microtask later. */
function holds(take: () => Disposable | undefined, isFree: () => boolean): Operation {
  let kept = 0;
  return [() => {
    const held = take();
    if (held === undefined) return;
    kept++;
    held[Symbol.dispose]();
    kept--;
  }, async () => {
    await undefined;
    requireSame("given back", kept, 0);
    requireSame("free", isFree(), true);
  }];
}

/** Waits for it while another one has it. */
function waits(take: () => Promise<Disposable>, isFree: () => boolean): Operation {
  let holder: Disposable | undefined;
  const kept: Promise<Disposable>[] = [];
  return [() => void (kept[kept.length] = take()), async () => {
    // In turn, each by the release of the one before.
    const released = kept.splice(0).map(release);
    holder?.[Symbol.dispose]();
    for (const result of await Promise.allSettled(released)) {
      if (result.status === "rejected" && !isRefusal(result.reason)) throw result.reason;
    }
    requireSame("free", isFree(), true);
    holder = await take();
  }, () => holder![Symbol.dispose]()];
}

async function release(taken: Promise<Disposable>): Promise<void> {
  (await taken)[Symbol.dispose]();
}

function ignore(): void {}

/** All numbers that were started come back, each once. */
function starts(start: (n: number) => Promise<number>): Operation {
  let n = 0;
  let numbers: number[] = [];
  const kept = new Kept<number>();
  return [() => {
    n++;
    const promise = start(n);
    numbers[numbers.length] = n;
    kept.promises[kept.promises.length] = promise;
  }, async () => {
    const results = await kept.results();
    const came = results.map((result) => result?.value).join();
    requireSame("results", came, numbers.map((n, i) => results[i] && n).join());
    numbers = [];
  }];
}

function goes(wait: () => Promise<unknown>): Operation {
  const kept = new Kept<unknown>();
  return [() => void (kept.promises[kept.promises.length] = wait()), () => kept.values()];
}

function cancels(place: Place): Operation {
  let tasks: Task<void>[] = [];
  let cancelled = 0;
  const check = async () => {
    requireSame("cancelled", tasks.filter(({ state }) => state === "cancelled").length, cancelled);
    for (const task of tasks) task.cancel();
    for (const task of tasks) {
      requireSame(
        "rejected with",
        await task.catch(({ name }) => name),
        "AbortError",
      );
    }
    tasks = Array.from({ length: 60 }, () => place.go(sleeps(60_000)));
    // Half of them run by now.
    await Promise.all(tasks.slice(0, 30).map(isRunning));
    cancelled = 0;
  };
  return [
    () => {
      tasks[cancelled % 60].cancel();
      if (cancelled < 60) cancelled++;
    },
    check,
    () => tasks.forEach((task) => task.cancel()),
  ];
}

async function isRunning(task: Task<unknown>): Promise<void> {
  while (task.state === "queued") await new Promise((resolve) => setTimeout(resolve, 0));
}

function selects(channel: Channel<number>, other: Channel<number>, signal: AbortSignal): Operation {
  const kept = new Kept<Selected>();
  return [
    () => {
      const chosen = select([recv(channel), send(other, 1), after(60_000), onAbort(signal)]);
      kept.promises[kept.promises.length] = chosen;
    },
    async () => {
      // Some are ended by a send, some by a receive, half of each.
      const sent: number[] = [];
      let received = 0;
      for (let isAny = true; isAny;) {
        isAny = channel.trySend(sent.length);
        if (isAny) sent.push(sent.length);
        if (other.tryRecv() !== undefined) received++, isAny = true;
      }
      const results = await kept.values();
      const got = results.filter(({ index }) => index === 0).map(({ value }) => value);
      requireSame("received", got.sort(byNumber).join(), sent.join());
      requireSame("sent", results.filter(({ index }) => index === 1).length, received);
    },
  ];
}

function byNumber(a: unknown, b: unknown): number {
  return (a as number) - (b as number);
}

function make(what: (place: Place) => unknown): Make {
  return (place) => [() => void what(place), ignore];
}

const everywhere: Record<string, Make> = {
  "trySend, local": (place) => trySend(both(place, 60_000).local),
  "trySend, shared": (_, { channel }) => trySend(channel),
  "trySend to who waits, local": (place) => handsOver(both(place, 0).local),
  "trySend to who waits, shared": (_, { unbuffered }) => handsOver(unbuffered),
  "tryRecv, local": (place) => {
    const { local } = both(place, 60_000);
    return tryRecv(local, (from, to) => {
      for (; from < to; from++) local.trySend(from);
    });
  },
  "tryRecv, shared": (_, { channel }) =>
    tryRecv(channel, (from, to) => {
      for (; from < to; from++) channel.trySend(from);
    }),
  "tryRecv from who waits, local": (place) => {
    const { local } = both(place, 0);
    return tryRecv(local, (from, to) => {
      for (; from < to; from++) local.send(from);
    });
  },
  "tryRecv from who waits, shared": (_, { unbuffered }) =>
    tryRecv(unbuffered, (from, to) => {
      for (; from < to; from++) unbuffered.send(from);
    }),
  "send, local": (place) => sends(both(place, 60_000).local),
  "send, shared": (_, { channel }) => sends(channel),
  "send that waits, local": (place) => sends(both(place, 0).local),
  "send that waits, shared": (_, { unbuffered }) => sends(unbuffered),
  "recv that waits, local": (place) => receives(both(place, 0).local),
  "recv that waits, shared": (_, { unbuffered }) => receives(unbuffered),
  "send to who waits, local": (place) => sendsOver(both(place, 0).local),
  "send to who waits, shared": (_, { unbuffered }) => sendsOver(unbuffered),
  "recv from who waits, local": (place) => receivesFrom(both(place, 0).local),
  "recv from who waits, shared": (_, { unbuffered }) => receivesFrom(unbuffered),
  "recv, local": (place) => receivesFrom(both(place, 60_000).local),
  "recv beside who waits, local": (place) => receivesFrom(both(place, 300).local),
  "close, local": (place) => closes(() => both(place, 0).local),
  "close, shared": (place) => closes(() => both(place, 0).shared),
  "length and closed": (_, { channel }) => [() => void (channel.length + Number(channel.closed)), ignore],
  "select, local": (place) =>
    selects(both(place, 0).local, both(place, 0).local, new AbortController().signal),
  "select, shared": (place) =>
    selects(both(place, 0).shared, both(place, 0).shared, new AbortController().signal),
  "select, both": (place) =>
    selects(both(place, 0).shared, both(place, 0).local, new AbortController().signal),
  "mutex, local": (place) => {
    const mutex = new Mutex(place);
    return holds(() => mutex.tryLock(), () => !mutex.locked);
  },
  "mutex, shared": (_, { mutex }) => holds(() => mutex.tryLock(), () => !mutex.locked),
  "mutex that is held, local": (place) => {
    const mutex = new Mutex(place);
    return waits(() => mutex.lock(), () => !mutex.locked);
  },
  "mutex that is held, shared": (_, { mutex }) => waits(() => mutex.lock(), () => !mutex.locked),
  "semaphore": (_, { semaphore }) => holds(() => semaphore.tryAcquire(4), () => semaphore.available === 4),
  "semaphore that is held": (_, { semaphore }) =>
    waits(() => semaphore.acquire(4), () => semaphore.available === 4),
  "rw mutex that is held": (_, { rw }) => waits(() => rw.lock(), () => true),
  "wait group": (_, { group }) => {
    let added = 0;
    return [() => {
      group.add(2);
      added += 2;
      group.done();
      added--;
    }, () => {
      requireSame("count", group.count, added);
      group.add(-added);
      added = 0;
    }];
  },
  "wait group that is waited for": (place) => {
    const group = new WaitGroup(place);
    const kept = new Kept<void>();
    group.add(1);
    return [() => void (kept.promises[kept.promises.length] = group.wait()), async () => {
      group.done();
      await kept.values();
      group.add(1);
    }];
  },
  "barrier": (place) => {
    const barrier = new Barrier(place, 2);
    const kept = new Kept<boolean>();
    return [() => void (kept.promises[kept.promises.length] = barrier.wait()), async () => {
      const settled = Promise.allSettled(kept.promises);
      // One of an odd number waits still. Those that were refused do not count.
      const last = new AbortController();
      const more = setTimeout(() => last.abort(), 20);
      const one = barrier.wait({ signal: last.signal }).catch(ignore);
      await settled;
      clearTimeout(more);
      last.abort();
      await one;
      await kept.values();
    }];
  },
  "once": (place) => {
    let ran = 0;
    let onces = 0;
    const kept = new Kept<void>();
    return [() => {
      const once = new Once(place);
      kept.promises[kept.promises.length] = once.do(() => void ran++);
      kept.promises[kept.promises.length] = once.do(() => void ran++);
    }, async () => {
      onces = (await kept.values()).length;
      requireSame("each once", ran >= onces / 2 && ran <= onces, true);
      ran = 0;
    }];
  },
  "go": (place) => starts((n) => place.go(gives(n))),
  "go with options": (place) => {
    const { signal } = new AbortController();
    return starts((n) =>
      place.go(gives(n), { signal, timeout: 60_000, name: "named", priority: "user-blocking" })
    );
  },
  "go with what is copied": (place) => {
    const list = [1, 2, 3, { four: 4 }] as number[];
    return goes(() => place.go(counts(list)));
  },
  "go with handles": (place) => {
    const done = new SharedArrayBuffer(4);
    return goes(() => place.go(feeds(new Channel<number[]>(place, 2), 1, done)));
  },
  "go of a stream": (place) => {
    let streams: AsyncIterable<number>[] = [];
    return [() => void (streams[streams.length] = place.go(countsUp(3))), async () => {
      for (const stream of streams) requireSame("results", (await Array.fromAsync(stream)).join(), "1,2,3");
      streams = [];
    }];
  },
  "cancel": (place) => cancels(place),
  "parallelMap": (place) => {
    let iterators: AsyncIterableIterator<number>[] = [];
    const kept = new Kept<IteratorResult<number>>();
    return [() => {
      const iterator = parallelMap(place, [1, 2, 3], gives);
      iterators[iterators.length] = iterator;
      kept.promises[kept.promises.length] = iterator.next();
    }, async () => {
      await kept.values();
      for (const iterator of iterators) await iterator.return!();
      iterators = [];
    }];
  },
  "new Channel": make((place) => new Channel(place, 3)),
  "new Channel, and passing it on": make((place) => toArena(new Channel(place, 3))),
  "new Mutex, and passing it on": make((place) => toArena(new Mutex(place))),
  "new Semaphore": make((place) => new Semaphore(place, 3)),
};

const inTasks: Record<string, (ctx: TaskContext, shared: Shared) => Operation> = {
  "yield": (ctx) => goes(() => ctx.yield()),
  "sleep": (ctx) => goes(() => ctx.sleep(0.1)),
  "wait": (ctx) => {
    const settled = Promise.resolve(1);
    return goes(() => ctx.wait(settled));
  },
  "use": (ctx) => goes(() => ctx.use(ready)),
  "use of what is opened each time, in vain": (ctx) => goes(() => ctx.use(never)),
  "ticker": (ctx) => goes(() => ctx.ticker(0.1).next()),
  "scope": (ctx) => starts((n) => ctx.scope((scope) => scope.go(gives(n)), { timeout: 60_000 })),
  "scope in a scope": (ctx) =>
    starts((n) =>
      ctx.scope((scope) => {
        // The scope's end ends it.
        scope.sleep(60_000).catch(ignore);
        return scope.scope((inner) => inner.wait(inner.go(gives(n))));
      })
    ),
  "span": (ctx) => [() => void ctx.span("deep", () => 1), ignore],
  "blocking": (ctx) => [() => void ctx.blocking(() => ctx.blocking(() => 1)), ignore],
  "blocking that hands off": (ctx) => [() => void ctx.blocking(() => 1, { handOff: true }), ignore],
  "lockOSThread": (ctx) => {
    let locks = 0;
    return [() => {
      ctx.lockOSThread();
      locks++;
      ctx.unlockOSThread();
      locks--;
    }, () => {
      for (; locks > 0; locks--) ctx.unlockOSThread();
    }];
  },
  "dedicate": (ctx) => {
    let dedications = 0;
    return [() => {
      ctx.dedicate();
      dedications++;
      ctx.undedicate();
      dedications--;
    }, () => {
      for (; dedications > 0; dedications--) ctx.undedicate();
      assertThrows(() => ctx.undedicate(), Error, "without dedicate()");
    }];
  },
  "signal": (ctx) => [() => void ctx.signal.aborted, ignore],
  "shouldYield, with mail": (ctx, { lists }) => {
    const kept = new Kept<number[]>();
    let isFed = Promise.resolve();
    const check = async () => {
      await isFed;
      // What cannot be read where it arrives fails its receiver, and no other.
      (await kept.results()).forEach((result, i) => {
        if (result !== undefined) {
          requireSame("received", result.value.join(), Array(i + 1).fill(i + 1).join());
        }
      });
      for (let i = 0; i < 20; i++) kept.promises.push(lists.recv());
      for (const promise of kept.promises) promise.catch(ignore);
      const done = new SharedArrayBuffer(4);
      isFed = ctx.go(feeds(lists, 20, done)).catch((error) => {
        if (!isRefusal(error)) throw error;
      });
      // What it sends is in the mail then.
      ctx.blocking(() => Atomics.wait(new Int32Array(done), 0, 0, 5_000), { handOff: true });
    };
    return [() => void ctx.shouldYield, check];
  },
};

/** Where there is a poller. */
const onDescriptors: Record<string, Make> = {
  "readable": (place) => {
    const fd = eventfd();
    return waitsFor(fd, () => readable(place, fd));
  },
  "pollable": (place) => {
    const one = pollable(place, eventfd());
    const [act, check] = waitsFor(one.fd, () => one.readable());
    return [act, check, () => one.close()];
  },
};
if (Deno.env.get("HEDDLE_TIER") !== "none") Object.assign(everywhere, onDescriptors);

/** Of those that can be called on the host. */
export const operations: string[] = Object.keys(everywhere);
/** Of those that can be called in a task. */
export const taskOperations: string[] = [...operations, ...Object.keys(inTasks)];

export async function tries(
  place: Place,
  shared: Shared,
  name: string,
  warmUp: number,
  shifts?: number,
): Promise<Tried> {
  const made = everywhere[name] ?? inTasks[name] as Make;
  const [act, check, end] = made(place, shared);
  const isolate = isolateOf(place, "a test");
  await check();
  for (let round = 0; round < warmUp; round += 500) {
    for (let i = 0; i < 500; i++) act();
    await check();
  }
  let locks = 0;
  const begins = () => void (locks = locksOf(isolate));
  const tried = await atTheEnd(act, isRefusal, begins, async () => {
    requireFree(isolate, locks);
    await check();
  }, shifts);
  end?.();
  return tried;
}

export const triesInTask = task(
  import.meta,
  "triesInTask",
  (ctx, shared: Shared, name: string, warmUp: number, shifts?: number): Promise<Tried> =>
    tries(ctx, shared, name, warmUp, shifts),
);

/** In the variant of tests/throwing: each operation with a fault at its k-th question, for all k. Returns how many. */
export async function throwsInEach(place: Place, shared: Shared, name: string): Promise<number> {
  const made = everywhere[name] ?? inTasks[name] as Make;
  const [act, check, end] = made(place, shared);
  const isolate = isolateOf(place, "a test");
  await check();
  for (let k = 1;; k++) {
    let at = "";
    const locks = locksOf(isolate);
    try {
      arm(k, "stack, user, full");
      act();
      at = disarm();
    } catch (error) {
      at = disarm();
      if (!isRefusal(error)) {
        throw new Error(`${name}, at ${at}: ${(error as Error).message}`, { cause: error });
      }
    }
    try {
      requireFree(isolate, locks);
      await check();
    } catch (error) {
      throw new Error(`${name}, at ${at}: ${(error as Error).message}`, { cause: error });
    }
    if (at === "") {
      end?.();
      return k - 1;
    }
  }
}

export const throwsInEachInTask = task(
  import.meta,
  "throwsInEachInTask",
  (ctx, shared: Shared, name: string): Promise<number> => throwsInEach(ctx, shared, name),
);

export const echoes = task(
  import.meta,
  "echoes",
  async (ctx, value: { list: number[] }, channel: Channel<{ list: number[] }>) => {
    await ctx.yield();
    await channel.send(value);
    if (value.list.length === 2) throw Object.assign(new Error("two"), { cause: value });
    return { ...value, more: "x".repeat(200) };
  },
);

/**
 * In the variant: values, errors and handles between tasks on two threads, with a fault at the k-th copy or block of this
 * thread, in a task or in the loop. All settles. Returns where the fault was.
 */
export const throwsAnywhere = task(
  import.meta,
  "throwsAnywhere",
  async (ctx, k: number, handsOff: boolean): Promise<string> => {
    const channel = toArena(new Channel<{ list: number[] }>(ctx, 2));
    arm(k, "user, full");
    const all: Promise<unknown>[] = [];
    const tries = (start: () => Promise<unknown>) => {
      try {
        all.push(start());
        all.at(-1)!.catch(ignore);
      } catch (error) {
        if (!isRefusal(error)) throw error;
      }
    };
    for (let i = 0; i < 5; i++) tries(() => channel.recv());
    const cancelled = Array.from({ length: 2 }, () => ctx.go(sleeps(60_000)));
    for (const task of cancelled) task.catch(ignore);
    all.push(...cancelled);
    for (let i = 0; i < 6; i++) tries(() => ctx.go(echoes({ list: Array(i).fill(i) }, channel)));
    tries(() => select([recv(channel), send(channel, { list: [7] })]));
    // Others take what is private here.
    const rest = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    if (handsOff) tries(async () => await ctx.blocking(rest, { handOff: true }));
    await ctx.sleep(1);
    for (const task of cancelled) task.cancel({ why: ["no reason"] });
    // Who waits for what was refused.
    const settled = Promise.allSettled(all);
    const over = setTimeout(() => channel.close(), 10);
    for (const result of await settled) {
      if (result.status === "fulfilled" || isRefusal(result.reason)) continue;
      const { name, message, why } = result.reason;
      if (why === undefined && message !== "two" && name !== "ChannelClosedError" && name !== "AbortError") {
        throw new Error(`${name}: ${message}, after a fault at ${disarm()}`);
      }
    }
    clearTimeout(over);
    // For what the host has started meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 5));
    return disarm();
  },
);

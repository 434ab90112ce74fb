import { assertEquals, assertThrows } from "@std/assert";
import { MessageChannel } from "node:worker_threads";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import { Forwarder } from "../../../scheduler/slots/forwarder.ts";
import { G_DONE, G_DROPPED, G_FREE, GTable } from "../../../scheduler/slots/g_table.ts";
import { openParcel, type Parcel } from "../../../scheduler/slots/parcel.ts";
import { SideChannel } from "../../../scheduler/slots/side_channel.ts";
import { fourMs } from "../../support/isolates.ts";

const [ONE, OTHER] = [1, 2];

/** The host between two Ms, each with a port to it. */
function setUp() {
  const shared = fourMs(1);
  const { arena, mailbox } = shared;
  const ends: SideChannel[] = [];
  const ports = new Map([ONE, OTHER].map((isolate) => {
    const { port1, port2 } = new MessageChannel();
    const [side, inThread] = [new SideChannel(port1), new SideChannel(port2)];
    ends.push(side, inThread);
    return [isolate, { side, inThread }];
  }));
  const gs = new GTable(arena, HOST);
  return {
    gs,
    forwarder: new Forwarder(shared, gs, ports),
    ports,
    at: (isolate: number) => ports.get(isolate)!.inThread,
    mailOf(isolate: number) {
      const slots: number[] = [];
      mailbox.drain(isolate, (slot) => slots.push(slot));
      return slots;
    },
    /** What that isolate starts, with an argument that goes by port. */
    queued(owner: number): { slot: number; parcel: Parcel; shared: SharedArrayBuffer } {
      const table = owner === HOST ? gs : new GTable(arena, owner);
      const slot = table.allocate();
      const shared = new SharedArrayBuffer(8);
      table.prepare(slot, 1, 0);
      const parcel = table.writeArguments(slot, [shared])!;
      table.queue(slot);
      return { slot, parcel, shared };
    },
    [Symbol.dispose]() {
      for (const end of ends) end.close();
    },
  };
}

function firstOf(parcel: Parcel | undefined): SharedArrayBuffer {
  return (openParcel(parcel!) as SharedArrayBuffer[])[0];
}

/** The same memory, not a copy. */
function assertShared(arrived: SharedArrayBuffer, sent: SharedArrayBuffer): void {
  new Int32Array(sent)[0] = 42;
  assertEquals(new Int32Array(arrived)[0], 42);
}

Deno.test("the host's arguments are kept until their runner asks, and go to that", () => {
  using all = setUp();
  const { gs, forwarder, at, mailOf, queued } = all;
  const { slot, parcel, shared } = queued(HOST);
  forwarder.post(slot, parcel);
  gs.startRunning(slot, OTHER);
  assertEquals([at(OTHER).take(slot), mailOf(OTHER)], [undefined, []]);
  forwarder.forward(slot);
  assertEquals(mailOf(OTHER), [slot]);
  assertShared(firstOf(at(OTHER).take(slot)), shared);
  assertThrows(() => forwarder.forward(slot), Error, "never arrived");
});

Deno.test("a thread's arguments go from its port to the runner's", () => {
  using all = setUp();
  const { gs, forwarder, at, queued } = all;
  const { slot, parcel, shared } = queued(ONE);
  at(ONE).post(slot, parcel);
  gs.startRunning(slot, OTHER);
  forwarder.forward(slot);
  assertEquals(at(ONE).take(slot), undefined);
  assertShared(firstOf(at(OTHER).take(slot)), shared);
});

Deno.test("a result goes to the thread whose task it is, once, and its mail with it", () => {
  using all = setUp();
  const { gs, forwarder, at, mailOf, queued } = all;
  const { slot, shared } = queued(ONE);
  gs.startRunning(slot, OTHER);
  at(OTHER).post(slot, gs.writeResult(slot, [shared])!);
  gs.end(slot, OTHER, G_DONE);
  assertEquals([forwarder.passOn(slot), forwarder.passOn(slot)], [true, false]);
  assertEquals([mailOf(ONE), mailOf(OTHER)], [[slot], []]);
  assertShared(firstOf(at(ONE).take(slot)), shared);
});

Deno.test("of a task that was dropped unopened its owner hears, and the arguments are gone", () => {
  using all = setUp();
  const { gs, forwarder, at, mailOf, queued } = all;
  const { slot, parcel } = queued(ONE);
  at(ONE).post(slot, parcel);
  gs.cancelQueued(slot);
  gs.startRunning(slot, OTHER);
  assertEquals(gs.status(slot), G_DROPPED);
  assertEquals([forwarder.passOn(slot), forwarder.passOn(slot)], [true, false]);
  assertEquals([mailOf(ONE), at(ONE).take(slot)], [[slot], undefined]);
});

Deno.test("a result for a thread that has died frees the slot in its place", () => {
  using all = setUp();
  const { gs, forwarder, at, ports, mailOf, queued } = all;
  const { slot, shared } = queued(ONE);
  gs.startRunning(slot, OTHER);
  at(OTHER).post(slot, gs.writeResult(slot, [shared])!);
  gs.end(slot, OTHER, G_DONE);
  ports.delete(ONE);
  assertEquals([forwarder.passOn(slot), gs.status(slot), mailOf(ONE)], [true, G_FREE, []]);
});

Deno.test("what a thread had posted before it died is there for who runs its task, but for what it had not queued", () => {
  using all = setUp();
  const { gs, forwarder, at, ports, queued } = all;
  const [first, second] = [queued(ONE), queued(HOST)];
  at(ONE).post(first.slot, first.parcel);
  at(ONE).post(second.slot, second.parcel);
  gs.free(second.slot);
  const { side } = ports.get(ONE)!;
  ports.delete(ONE);
  forwarder.inherit(side);
  assertEquals(forwarder.take(second.slot), undefined);
  gs.startRunning(first.slot, OTHER);
  forwarder.forward(first.slot);
  assertShared(firstOf(at(OTHER).take(first.slot)), first.shared);
});

Deno.test("arguments that nobody asked for are dropped with their slot", () => {
  using all = setUp();
  const { gs, forwarder, queued } = all;
  const { slot, parcel } = queued(HOST);
  forwarder.post(slot, parcel);
  gs.startRunning(slot, OTHER);
  forwarder.drop(slot);
  assertThrows(() => forwarder.forward(slot), Error, "never arrived");
});

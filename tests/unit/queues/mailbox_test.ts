import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { type Addressee, Mailbox, TO_OWNER, TO_RUNNER } from "../../../scheduler/queues/mailbox.ts";
import { Arena, leastArenaBytes } from "../../../scheduler/arena/arena.ts";
import { hammer } from "../../support/hammers/hammer.ts";

function make() {
  const arena = new Arena({ maxTasks: 1024, maxThreads: 2, bytes: leastArenaBytes(1024, 2) });
  return { arena, mailbox: new Mailbox(arena) };
}

function drain(mailbox: Mailbox, isolate: number): [[number, Addressee][], boolean] {
  const read: [number, Addressee][] = [];
  const signalled = mailbox.drain(isolate, (slot, addressee) => read.push([slot, addressee]));
  return [read, signalled];
}

Deno.test("mail is read oldest first, and a slot may have one mail to its owner and one to its runner", () => {
  const { mailbox } = make();
  assert(mailbox.isEmpty(1));
  mailbox.push(1, 0, TO_OWNER);
  mailbox.push(1, 5, TO_RUNNER);
  mailbox.push(1, 0, TO_RUNNER);
  mailbox.push(2, 7, TO_OWNER);
  assert(!mailbox.isEmpty(1));
  assertEquals(drain(mailbox, 1), [[[0, TO_OWNER], [5, TO_RUNNER], [0, TO_RUNNER]], false]);
  assert(mailbox.isEmpty(1));
  assertEquals(drain(mailbox, 2), [[[7, TO_OWNER]], false]);
});

Deno.test("a signal comes with the mail, before or after it, and without any", () => {
  const { mailbox } = make();
  mailbox.signal(1);
  assert(!mailbox.isEmpty(1));
  mailbox.push(1, 3, TO_OWNER);
  mailbox.push(1, 4, TO_OWNER);
  mailbox.signal(1);
  assertEquals(drain(mailbox, 1), [[[3, TO_OWNER], [4, TO_OWNER]], true]);
  assertEquals(drain(mailbox, 1), [[], false]);
  mailbox.signal(1);
  assertEquals(drain(mailbox, 1), [[], true]);
});

Deno.test("a reader of mail may read newer mail in its turn, after what is older", () => {
  const { mailbox } = make();
  const read: number[] = [];
  for (const slot of [1, 2, 3]) mailbox.push(1, slot, TO_OWNER);
  mailbox.drain(1, (slot) => {
    read.push(slot);
    if (slot === 2) {
      mailbox.push(1, 10, TO_OWNER);
      mailbox.push(1, 11, TO_OWNER);
      mailbox.drain(1, (slot) => read.push(slot));
    }
  });
  assertEquals(read, [1, 2, 3, 10, 11]);
});

Deno.test("mail is not lost when a reader throws: there is a signal, and the next drain reads the rest", () => {
  const { mailbox } = make();
  const read: number[] = [];
  for (const slot of [1, 2, 3]) mailbox.push(1, slot, TO_OWNER);
  const throwsAtTwo = (slot: number) => {
    read.push(slot);
    if (slot === 2) throw new RangeError("near the end of the stack");
  };
  assertThrows(() => mailbox.drain(1, throwsAtTwo), RangeError);
  assert(!mailbox.isEmpty(1));
  mailbox.push(1, 4, TO_OWNER);
  mailbox.drain(1, throwsAtTwo);
  assertEquals(read, [1, 2, 3, 4]);
  assert(mailbox.isEmpty(1));
});

Deno.test("a closed mailbox takes no mail until it is opened again", () => {
  const { mailbox } = make();
  mailbox.push(1, 3, TO_OWNER);
  const left: number[] = [];
  mailbox.close(1, (slot) => left.push(slot));
  assertEquals(left, [3]);
  assert(!mailbox.push(1, 4, TO_OWNER));
  mailbox.signal(1);
  assert(!mailbox.push(1, 4, TO_OWNER));
  mailbox.open(1);
  assert(mailbox.push(1, 4, TO_OWNER));
  assertEquals(drain(mailbox, 1), [[[4, TO_OWNER]], false]);
});

Deno.test("a thread that comes back although its mailbox is closed is told to look at the header", () => {
  const { mailbox } = make();
  mailbox.close(1, () => {});
  assertEquals(drain(mailbox, 1), [[], true]);
});

Deno.test("two senders and a reader: every mail is read once", async () => {
  const { arena } = make();
  const [rounds, slots, senders] = [400, 300, 2];
  const words = new Int32Array(new SharedArrayBuffer(4 * (8 + senders * slots * 2)));
  words[4] = rounds;
  words[5] = slots;
  words[7] = senders;
  await hammer("./mailbox.ts", arena, words.buffer, ["reader", "sender", "sender"]);
  assertEquals(words[6], 0, "a mail was read that nobody had sent");
  assertEquals(words[2], rounds * slots * senders);
  assertGreater(words[3], 0, "no signal was seen");
  assertEquals(words.subarray(8).findIndex((count) => count % 2 !== 0), -1);
});

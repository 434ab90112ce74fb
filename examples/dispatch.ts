/**
 * A dispatch loop: `deno run -A examples/dispatch.ts`.
 *
 * One thread blocks in recvmmsg(2) for as long as it likes, and gives what comes, up to 64 packets at a time, to tasks of
 * the pool. It is dedicated: not counted in `procs`, so it takes no core's place from the tasks while it sleeps in the
 * kernel; and all its calls come from one thread. With nothing to receive, nothing runs.
 */
import { Scheduler, type Task, task } from "@heddle/heddle";

const libc = Deno.dlopen("libc.so.6", {
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  recvmmsg: { parameters: ["i32", "buffer", "u32", "i32", "pointer"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
  gettid: { parameters: [], result: "i32" },
}).symbols;

const AF_UNIX = 1, SOCK_SEQPACKET = 5, MSG_WAITFORONE = 0x10000;
const BATCH = 64, PACKET = 256;

/** Two ends that packets go through in order; a full one makes the sender wait. A UDP socket is read in the same way. */
export function packetSocket(): [number, number] {
  const ends = new Int32Array(2);
  if (libc.socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) !== 0) throw new Error("socketpair() failed");
  return [ends[0], ends[1]];
}

/** What recvmmsg() fills: an array of struct mmsghdr, each with one struct iovec, each with a place in `bytes`. */
class Batch {
  readonly #headers = new BigUint64Array(BATCH * 8);
  readonly #vectors = new BigUint64Array(BATCH * 2);
  readonly #bytes = new Uint8Array(BATCH * PACKET);
  readonly #lengths = new Int32Array(this.#headers.buffer);

  constructor() {
    const [vectors, bytes] = [this.#vectors, this.#bytes].map((array) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(array))
    );
    for (let i = 0; i < BATCH; i++) {
      this.#vectors.set([bytes + BigInt(i * PACKET), BigInt(PACKET)], i * 2);
      this.#headers.set([vectors + BigInt(i * 16), 1n], i * 8 + 2); // msg_iov, msg_iovlen
    }
  }

  /** Waits for packets; an empty one is the end. */
  receive(fd: number): Uint8Array[] {
    const count = libc.recvmmsg(fd, this.#headers, BATCH, MSG_WAITFORONE, null);
    if (count < 0) throw new Error("recvmmsg() failed");
    const packets: Uint8Array[] = [];
    for (let i = 0; i < count; i++) {
      const length = this.#lengths[i * 16 + 14]; // msg_len
      if (length === 0) break;
      packets.push(this.#bytes.slice(i * PACKET, i * PACKET + length));
    }
    return packets;
  }
}

export interface Dispatched {
  /** How often each packet was handled, by its number. */
  readonly times: Uint8Array;
  /** The threads that received, and those that handled. */
  readonly receivers: number[];
  readonly handlers: number[];
}

/** Receives until the other end is closed. `count`: how many packets are expected, numbered from 0. */
export const dispatch = task(
  import.meta,
  "dispatch",
  async (ctx, fd: number, count: number): Promise<Dispatched> => {
    const [batch, underWay] = [new Batch(), [] as Task<Handled>[]];
    const times = new Uint8Array(count);
    const [receivers, handlers] = [new Set<number>(), new Set<number>()];
    const settle = ({ numbers, tid }: Handled) => {
      for (const number of numbers) times[number]++;
      handlers.add(tid);
    };
    for (;;) {
      const packets = batch.receive(fd);
      receivers.add(libc.gettid());
      if (packets.length === 0) break;
      underWay.push(ctx.go(handle(packets)));
      // If the pool does not keep up, the loop waits, then the socket is full, and then the sender waits.
      if (underWay.length === 32) settle(await underWay.shift()!);
    }
    for (const rest of underWay) settle(await rest);
    return { times, receivers: [...receivers], handlers: [...handlers] };
  },
);

interface Handled {
  readonly numbers: number[];
  readonly tid: number;
}

/** Checks the packets: a number, and bytes that follow from it. */
export const handle = task(import.meta, "handle", (ctx, packets: Uint8Array[]): Handled => {
  const numbers = packets.map((packet) => {
    const number = new DataView(packet.buffer, packet.byteOffset).getUint32(0);
    if (packet.some((byte, i) => i >= 4 && byte !== (number + i & 0xff))) {
      throw new Error(`Packet ${number} is broken`);
    }
    return number;
  });
  return { numbers, tid: ctx.tid };
});

/** Sends packets 0 to `count` - 1, and closes its end. */
export const send = task(import.meta, "send", (ctx, fd: number, count: number): void => {
  const packet = new Uint8Array(PACKET);
  const view = new DataView(packet.buffer);
  for (let number = 0; number < count; number++) {
    view.setUint32(0, number);
    for (let i = 4; i < PACKET; i++) packet[i] = number + i;
    ctx.blocking(() => libc.send(fd, packet, BigInt(PACKET), 0));
  }
  libc.close(fd);
});

if (import.meta.main) {
  const count = Number(Deno.args[0] ?? 100_000);
  await using sched = await Scheduler.start();
  const [receiver, sender] = packetSocket();
  const start = performance.now();
  const loop = sched.dedicate(dispatch(receiver, count), { name: "dispatch" });
  await sched.go(send(sender, count));
  const { times, handlers } = await loop;
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${times.filter((n) => n === 1).length} of ${count} packets handled once, by ${handlers.length} threads`,
  );
  console.log(`${Math.round(count / seconds).toLocaleString("en")} packets a second`);
}

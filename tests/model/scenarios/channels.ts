/** Channels between isolates: each value is received once, in the order of its sender; nobody waits in vain. */
import { RECEIVE } from "../../../scheduler/sync/channel_life.ts";
import { ChannelClosedError } from "../../../scheduler/tasks/errors.ts";
import type { SharedChannel } from "../../../scheduler/sync/shared_channel.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { channelOf, members, takenBack } from "./isolates.ts";

/** What an operation came to if the channel was closed. */
const CLOSED = -1;

function outcome(error: unknown): number {
  if (error instanceof ChannelClosedError) return CLOSED;
  throw error;
}

function receive(channel: SharedChannel, signal?: AbortSignal): Promise<number> {
  return channel.receive(RECEIVE, signal).then((value) => value as number, outcome);
}

function send(channel: SharedChannel, value: number): Promise<number> {
  return channel.send(value).then(() => value, outcome);
}

function sendAndReceive(capacity: number): Scenario {
  return {
    name: `channel of ${capacity}: two senders, one receiver`,
    bound: 3,
    short: 1,
    setUp() {
      const all = members(3);
      const channels = channelOf(all, capacity);
      const got: number[] = [];
      return {
        arena: all[0].home.arena,
        threads: {
          async sender() {
            await all[0].settled(send(channels[0], 1));
            await all[0].settled(send(channels[0], 2));
          },
          async other() {
            await all[1].settled(send(channels[1], 3));
          },
          async receiver() {
            for (let i = 0; i < 3; i++) got.push(await all[2].settled(receive(channels[2])));
          },
        },
        end() {
          checkEqual(got.toSorted(), [1, 2, 3], "values received");
          check(got.indexOf(1) < got.indexOf(2), "first sent, first received");
          checkEqual(channels[0].length, 0, "values left");
        },
      };
    },
  };
}

export const unbuffered = sendAndReceive(0);
export const buffered = sendAndReceive(1);

export const closing: Scenario = {
  name: "channel: close against send and receive",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const channels = channelOf(all, 0);
    let sent = 0;
    let got = 0;
    return {
      arena: all[0].home.arena,
      threads: {
        async sender() {
          sent = await all[0].settled(send(channels[0], 7));
        },
        async receiver() {
          got = await all[1].settled(receive(channels[1]));
        },
        closer() {
          channels[2].close();
        },
      },
      end() {
        checkEqual(got, sent, "what was received");
        check(sent === 7 || sent === CLOSED, `the sender ended with ${sent}`);
      },
    };
  },
};

export const parkedSenders: Scenario = {
  name: "channel: close against two sends that nobody receives",
  bound: 4,
  short: 2,
  setUp() {
    const all = members(3);
    const channels = channelOf(all, 1);
    const sent: number[] = [];
    return {
      arena: all[0].home.arena,
      threads: {
        async sender() {
          sent.push(await all[0].settled(send(channels[0], 1)));
        },
        async other() {
          sent.push(await all[1].settled(send(channels[1], 2)));
        },
        closer: () => channels[2].close(),
      },
      end() {
        checkEqual(
          sent.filter((value) => value !== CLOSED).length,
          channels[0].length,
          "values in the channel",
        );
        check(channels[0].length <= 1, "there is room for one");
      },
    };
  },
};

export const closingAtOnce: Scenario = {
  name: "channel: close against a receive, with two sends parked",
  bound: 3,
  short: 2,
  setUp() {
    const all = members(3);
    const channels = channelOf(all, 0);
    const sending = [1, 2].map((value) => channels[0].send(value));
    const sent: number[] = [];
    let got: unknown;
    return {
      arena: all[0].home.arena,
      threads: {
        async sender() {
          for (let i = 0; i < 2; i++) sent.push(await all[0].settled(sending[i].then(() => i + 1, outcome)));
        },
        receiver: () => void (got = channels[1].tryReceive()),
        closer: () => channels[2].close(),
      },
      end() {
        const done = sent.filter((value) => value !== CLOSED);
        checkEqual(
          got,
          done.length === 0 ? { value: undefined, done: true } : { value: 1, done: false },
          "received",
        );
        checkEqual(done, [1].slice(0, done.length), "who was first in the queue is sent first");
      },
    };
  },
};

export const taken: Scenario = {
  name: "channel: a receive that is taken back against a send",
  bound: 4,
  short: 2,
  setUp() {
    const all = members(2);
    const channels = channelOf(all, 1);
    let got: number | "aborted" = 0;
    return {
      arena: all[0].home.arena,
      threads: {
        sender() {
          check(channels[0].trySend(7), "there is room");
        },
        async receiver() {
          got = await takenBack(all[1], (signal) => receive(channels[1], signal));
        },
      },
      end() {
        checkEqual(channels[0].length, got === 7 ? 0 : 1, "values left");
        check(got === 7 || got === "aborted", `the receiver ended with ${got}`);
      },
    };
  },
};

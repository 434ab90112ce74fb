/** Selects over channels that several isolates know: one case happens, and what was not chosen has not. */
import { Channel, lifeOf } from "../../../scheduler/sync/channel.ts";
import { Arrived } from "../../../scheduler/sync/handles.ts";
import type { Home } from "../../../scheduler/tasks/home.ts";
import { select, type Selected } from "../../../scheduler/sync/select.ts";
import { recv, send } from "../../../scheduler/sync/select_case.ts";
import { check, checkEqual, type Scenario } from "../scenario.ts";
import { channelOf, type Member, members } from "./isolates.ts";

/** Two channels, as each of the isolates has them. */
function two(all: readonly Member[], capacity: number): [Channel<number>, Channel<number>][] {
  const [a, b] = [channelOf(all, capacity), channelOf(all, capacity)];
  const of = (i: number, object: number) =>
    new Channel<number>(new Arrived(all[i].home, object) as unknown as Home);
  return all.map((_, i) => [of(i, a[i].object), of(i, b[i].object)]);
}

export const receiving: Scenario = {
  name: "select: two receives against two senders",
  bound: 2,
  short: 1,
  setUp() {
    const all = members(3);
    const channels = two(all, 0);
    const got: (number | undefined)[] = [];
    return {
      arena: all[0].home.arena,
      threads: {
        async chooser() {
          for (let i = 0; i < 2; i++) {
            const chosen: Selected = await all[0].settled(
              select([recv(channels[0][0]), recv(channels[0][1])]),
            );
            checkEqual(chosen.value, 10 + chosen.index, "the value of the case");
            got.push(chosen.value as number);
          }
        },
        sender: () => all[1].settled(channels[1][0].send(10)),
        other: () => all[2].settled(channels[2][1].send(11)),
      },
      end: () => checkEqual(got.toSorted(), [10, 11], "values received"),
    };
  },
};

export const crossing: Scenario = {
  name: "select: two selects that send to each other",
  bound: 2,
  short: 1,
  setUp() {
    const all = members(2);
    const channels = two(all, 0);
    const chosen: number[] = [];
    const cross = (i: number) => async () => {
      const [mine, theirs] = i === 0 ? channels[0] : channels[1].toReversed();
      const { index } = await all[i].settled(select([send(mine, i), recv(theirs)]));
      chosen[i] = index;
    };
    return {
      arena: all[0].home.arena,
      threads: { one: cross(0), other: cross(1) },
      end() {
        checkEqual(chosen.toSorted(), [0, 1], "one sends, the other one receives");
      },
    };
  },
};

export const closing: Scenario = {
  name: "select: a close against a send to another case",
  bound: 3,
  short: 1,
  setUp() {
    const all = members(3);
    const channels = two(all, 1);
    let chosen: Selected | undefined;
    return {
      arena: all[0].home.arena,
      threads: {
        async chooser() {
          chosen = await all[0].settled(select([recv(channels[0][0]), recv(channels[0][1])]));
        },
        closer: () => channels[1][0].close(),
        sender: () => void check(channels[2][1].trySend(11), "there is room"),
      },
      end() {
        const left = lifeOf(channels[0][1]).length;
        checkEqual([chosen!.index, left], chosen!.index === 0 ? [0, 1] : [1, 0], "the case, and values left");
        checkEqual(chosen!.value, chosen!.index === 0 ? undefined : 11, "the value");
      },
    };
  },
};

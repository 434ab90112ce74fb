/** Handles: an object lives as long as anybody has one, or one is on its way, and no longer. */
import type { Handle } from "../../../scheduler/codec/handle.ts";
import { CHANNEL } from "../../../scheduler/sync/handles.ts";
import { OBJECTS_FIRST } from "../../../scheduler/arena/layout/header.ts";
import { O_KIND } from "../../../scheduler/arena/layout/object.ts";
import { check, checkEqual, collect, type Scenario } from "../scenario.ts";
import { type Member, members } from "./isolates.ts";

/** Also makes sure that handles of channels can be made. */
import "../../../scheduler/sync/channel.ts";

function make(count: number) {
  const all = members(count);
  const [first] = all;
  const object = first.home.handles.create(CHANNEL, 0);
  const handle = {} as unknown as Handle;
  first.home.handles.adopt(object, handle);
  /** The reference that is on its way arrives, is used, and is dropped. */
  const receive = (member: Member) => () => {
    const { handles, words } = member.home;
    const own = handles.arrive(object);
    checkEqual(words[object + O_KIND], CHANNEL, "the kind of an object in use");
    check(words[OBJECTS_FIRST] !== 0, "it is in the list");
    collect(own);
  };
  const end = () => checkEqual(first.home.words[OBJECTS_FIRST], 0, "objects left");
  return { all, object, handle, receive, end };
}

export const arriving: Scenario = {
  name: "references: one arrives while its sender's is collected",
  bound: 5,
  short: 3,
  setUp() {
    const { all, object, handle, receive, end } = make(2);
    all[0].home.handles.depart(object);
    return {
      arena: all[0].home.arena,
      threads: { sender: () => collect(handle), receiver: receive(all[1]) },
      end,
    };
  },
};

export const twice: Scenario = {
  name: "references: two arrive in two isolates",
  bound: 3,
  short: 2,
  setUp() {
    const { all, object, handle, receive, end } = make(3);
    all[0].home.handles.depart(object);
    all[0].home.handles.depart(object);
    return {
      arena: all[0].home.arena,
      threads: { sender: () => collect(handle), one: receive(all[1]), other: receive(all[2]) },
      end,
    };
  },
};

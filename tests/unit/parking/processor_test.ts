import { assertEquals } from "@std/assert";
import { HOST } from "../../../scheduler/arena/layout/m.ts";
import {
  calls,
  callWord,
  holder,
  isInCall,
  isOnItsWay,
  isRunning,
  type Processors,
} from "../../../scheduler/parking/processor.ts";
import { fourMs } from "../../support/isolates.ts";

const M = 2048;
const OTHER = 3;

function oneP(): Processors {
  return fourMs(1).idle.ps;
}

function heldBy(isolate: number): Processors {
  const ps = oneP();
  ps.take(0);
  ps.hold(0, isolate);
  return ps;
}

/** In its nth call. */
function inCall(isolate: number, n: number): Processors {
  const ps = heldBy(isolate);
  ps.enterCall(0, callWord(isolate, n));
  return ps;
}

Deno.test("an idle P is taken once, and is on its way until its M has stored itself there", () => {
  const ps = oneP();
  assertEquals([ps.take(0), ps.take(0)], [true, false]);
  assertEquals([isOnItsWay(ps.word(0)), isRunning(ps.word(0)), holder(ps.word(0))], [true, false, HOST]);
  ps.hold(0, M);
  assertEquals([isOnItsWay(ps.word(0)), isRunning(ps.word(0)), holder(ps.word(0))], [false, true, M]);
  ps.pass(0);
  assertEquals([isOnItsWay(ps.word(0)), holder(ps.word(0))], [true, HOST]);
});

Deno.test("a P in a call goes back to its M, or to who takes it meanwhile, and never to both", () => {
  const first = inCall(M, 1);
  assertEquals([first.leaveCall(0, callWord(M, 1)), first.retake(0, callWord(M, 1))], [true, false]);
  assertEquals([isRunning(first.word(0)), holder(first.word(0))], [true, M]);
  const second = inCall(M, 1);
  assertEquals([second.retake(0, callWord(M, 1)), second.leaveCall(0, callWord(M, 1))], [true, false]);
  assertEquals(isOnItsWay(second.word(0)), true);
});

Deno.test("who saw an earlier call does not take the P of a later one", () => {
  const ps = inCall(M, 1);
  const seen = ps.word(0);
  ps.leaveCall(0, seen);
  ps.enterCall(0, callWord(M, 2));
  assertEquals(ps.retake(0, seen), false);
  assertEquals([isInCall(ps.word(0)), holder(ps.word(0))], [true, M]);
});

Deno.test("the number of calls stays in the word after the last one, and begins again after 2^17", () => {
  const ps = inCall(M, 41);
  ps.leaveCall(0, callWord(M, 41));
  assertEquals([calls(ps.word(0)), isInCall(ps.word(0))], [41, false]);
  for (const n of [(1 << 17) - 1, 1 << 17]) {
    const word = callWord(M, n);
    assertEquals([calls(word), holder(word), isInCall(word)], [n % (1 << 17), M, true]);
  }
});

Deno.test("a P is taken from an M that runs with it, and from no other and in no call", () => {
  const ps = heldBy(M);
  assertEquals([ps.takeFrom(0, OTHER), ps.takeFrom(0, M), ps.takeFrom(0, M)], [false, true, false]);
  assertEquals(isOnItsWay(ps.word(0)), true);
  assertEquals(inCall(M, 1).takeFrom(0, M), false);
});

Deno.test("who was sent a P and does not come loses it once, to who sent it or to who buries the M", () => {
  const sent = heldBy(M);
  assertEquals([sent.takeBack(0, M), sent.inherit(M)], [true, -1]);
  const dead = heldBy(M);
  assertEquals([dead.inherit(M), dead.takeBack(0, M)], [0, false]);
});

Deno.test("what a dead M left is found whether it ran or was in a call, and nobody else's", () => {
  assertEquals([heldBy(M).inherit(OTHER), heldBy(M).inherit(M), inCall(M, 7).inherit(M)], [-1, 0, 0]);
  assertEquals(oneP().inherit(M), -1);
});

Deno.test("an M that does not know its P finds the one that it runs with", () => {
  const { idle } = fourMs(3);
  for (let p = 0; p < 3; p++) idle.acquireP();
  idle.ps.hold(1, OTHER);
  idle.ps.hold(2, M);
  assertEquals([idle.ps.heldBy(M), idle.ps.heldBy(OTHER), idle.ps.heldBy(1)], [2, 1, -1]);
});

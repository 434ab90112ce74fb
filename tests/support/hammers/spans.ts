/** Each thread writes its number into the units that it gets, hands some spans to the others, and looks before it frees. */
import { spanAt, Spans, UNIT } from "../../../scheduler/arena/spans.ts";
import { arrive, random } from "./hammer.ts";

const DAMAGED = 2;
const REFUSED = 3;
const ROUNDS = 4;
const GIVEN = 5;
/** Spans on their way to who comes first: the reference, 0 while there is none. */
const TABLE = 8;
const PLACES = 8;

const { arena, words, number } = arrive();
const spans = new Spans(arena, number % 3);
const next = random(number + 1);
const held: [reference: number, units: number][] = [];

/** Each unit's first two words: the reference, and how many units there are. */
function stamp(reference: number, units: number): void {
  const at = spanAt(arena, reference) >> 2;
  for (let unit = 0; unit < units; unit++) {
    arena.i32.set([reference, units], at + unit * (UNIT >> 2));
  }
}

function release(reference: number): void {
  const at = spanAt(arena, reference) >> 2;
  const units = arena.i32[at + 1];
  for (let unit = 0; unit < units; unit++) {
    if (arena.i32[at + unit * (UNIT >> 2)] !== reference) Atomics.add(words, DAMAGED, 1);
  }
  spans.free(reference);
}

for (let round = 0; round < words[ROUNDS]; round++) {
  if (held.length < 6 && next() % 100 < 55) {
    const units = 1 + next() % (next() % 4 === 0 ? 36 : 4);
    const reference = spans.allocate(units * UNIT);
    if (reference === 0) {
      Atomics.add(words, REFUSED, 1);
      continue;
    }
    stamp(reference, units);
    held.push([reference, units]);
  } else if (held.length > 0) {
    const [[reference]] = held.splice(next() % held.length, 1);
    if (next() % 2 === 0) release(reference);
    else {
      const other = Atomics.exchange(words, TABLE + next() % PLACES, reference);
      if (other !== 0) {
        Atomics.add(words, GIVEN, 1);
        release(other);
      }
    }
  }
}
for (const [reference] of held) release(reference);
for (let place = 0; place < PLACES; place++) {
  const other = Atomics.exchange(words, TABLE + place, 0);
  if (other !== 0) release(other);
}

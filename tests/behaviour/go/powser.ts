/**
 * After Go's `test/chan/powser1.go` (BSD licence, The Go Authors), and so after "Squinting at Power Series" by Doug
 * McIlroy: a series is a goroutine that gives its next coefficient when it is asked, and knows others that it asks.
 */
import { type Channel, ChannelClosedError, recv, select, type SelectCase, send } from "@heddle/heddle";
import { checkEqual, goroutine, port, type World } from "./world.ts";

/** Numerator and denominator; a denominator of 0 is the end of a series. */
type Rational = [number, number];
/** A channel that is asked before it gives. */
interface Series {
  readonly asked: Channel<number>;
  readonly given: Channel<Rational>;
}

const [ZERO, ONE, END]: Rational[] = [[0, 1], [1, 1], [1, 0]];

function gcd(u: number, v: number): number {
  return u === 0 ? v : gcd(v % u, u);
}

function rational(u: number, v = 1): Rational {
  const divisor = gcd(Math.abs(u), Math.abs(v)) * Math.sign(v);
  return [u / divisor || 0, v / divisor];
}

const add = ([a, b]: Rational, [c, d]: Rational) => rational(a * d + c * b, b * d);
const times = ([a, b]: Rational, [c, d]: Rational) => rational(a * c, b * d);
const isEnd = ([, denominator]: Rational) => denominator === 0;

function make(w: World): Series {
  return { asked: w.channel(), given: w.channel() };
}

async function get(from: Series): Promise<Rational> {
  await from.asked.send(0);
  return await from.given.recv();
}

async function put(value: Rational, to: Series): Promise<void> {
  await to.asked.recv();
  await to.given.send(value);
}

async function copy(from: Series, to: Series): Promise<never> {
  for (;;) {
    await to.asked.recv();
    await to.given.send(await get(from));
  }
}

/** One coefficient of each, in whatever order they answer. */
async function getBoth(u: Series, v: Series): Promise<[Rational, Rational]> {
  const got: Rational[] = [];
  const steps = [u, v].map((series, i) => ({ series, i, isAsked: false }));
  while (steps.length > 0) {
    const cases: SelectCase[] = steps.map(({ series, isAsked }) =>
      isAsked ? recv(series.given) : send(series.asked, 0)
    );
    const { index, value } = await select(cases);
    const step = steps[index];
    if (step.isAsked) {
      got[step.i] = value as Rational;
      steps.splice(index, 1);
    } else step.isAsked = true;
  }
  return got as [Rational, Rational];
}

/** What a goroutine does until its channels are closed, and those of the series that it has made itself. */
async function serving(w: World, body: (own: () => Series) => Promise<void>): Promise<void> {
  const made: Series[] = [];
  const own = () => {
    made.push(make(w));
    return made.at(-1)!;
  };
  try {
    await body(own);
  } catch (error) {
    if (!(error instanceof ChannelClosedError)) throw error;
  }
  for (const series of made) close(series);
}

function close({ asked, given }: Series): void {
  for (const channel of [asked, given]) if (!channel.closed) channel.close();
}

const repeats = goroutine(import.meta, "repeats", (w, value: Rational, z: Series) => {
  return serving(w, async () => {
    for (;;) await put(value, z);
  });
});

const adds = goroutine(import.meta, "adds", (w, u: Series, v: Series, z: Series) => {
  return serving(w, async () => {
    for (;;) {
      await z.asked.recv();
      const [a, b] = await getBoth(u, v);
      if (isEnd(a) && isEnd(b)) await z.given.send(END);
      else if (isEnd(a)) {
        await z.given.send(b);
        await copy(v, z);
      } else if (isEnd(b)) {
        await z.given.send(a);
        await copy(u, z);
      } else await z.given.send(add(a, b));
    }
  });
});

const scales = goroutine(import.meta, "scales", (w, c: Rational, u: Series, z: Series) => {
  return serving(w, async () => {
    for (;;) {
      await z.asked.recv();
      const a = await get(u);
      await z.given.send(isEnd(a) ? END : times(c, a));
    }
  });
});

// One generation of a split serves both outputs, the newer ones those that ask sooner: see powser1.go.
const splits = goroutine(
  import.meta,
  "splits",
  (w, from: Series, to: [Series, Series], wait: Channel<number>): Promise<void> => {
    const release = w.channel<number>();
    return serving(w, async () => {
      const out: [Series, Series] = [...to];
      let servesBoth = false;
      if ((await select([recv(out[0].asked), recv(wait)])).index === 1) {
        servesBoth = true;
        if ((await select([recv(out[0].asked), recv(out[1].asked)])).index === 1) out.reverse();
      }
      await from.asked.send(0);
      w.go(splits(from, out, release));
      const value = await from.given.recv();
      await out[0].given.send(value);
      if (!servesBoth) await wait.recv();
      await out[1].asked.recv();
      await out[1].given.send(value);
      await release.send(0);
    }).finally(() => {
      for (const channel of [wait, release]) if (!channel.closed) channel.close();
    });
  },
);

async function split(w: World, from: Series, to: [Series, Series]): Promise<void> {
  const release = w.channel<number>();
  w.go(splits(from, to, release));
  await release.send(0);
}

// (u + xU)(v + xV) = uv + x(uV + vU) + xxUV
const multiplies = goroutine(
  import.meta,
  "multiplies",
  (w, u: Series, v: Series, z: Series): Promise<void> => {
    return serving(w, async (own) => {
      await z.asked.recv();
      const [a, b] = await getBoth(u, v);
      if (isEnd(a) || isEnd(b)) return await z.given.send(END);
      await z.given.send(times(a, b));
      const [uu, vv]: [Series, Series][] = [[own(), own()], [own(), own()]];
      await Promise.all([split(w, u, uu), split(w, v, vv)]);
      const [left, right, sum, product, rest] = [own(), own(), own(), own(), own()];
      w.go(scales(a, vv[0], left));
      w.go(scales(b, uu[0], right));
      w.go(adds(left, right, sum));
      await z.asked.recv();
      await z.given.send(await get(sum));
      w.go(multiplies(uu[1], vv[1], product));
      w.go(adds(sum, product, rest));
      await copy(rest, z);
    });
  },
);

const differentiates = goroutine(import.meta, "differentiates", (w, u: Series, z: Series) => {
  return serving(w, async () => {
    await z.asked.recv();
    await get(u);
    for (let i = 1;; i++) {
      await z.given.send(times(rational(i), await get(u)));
      await z.asked.recv();
    }
  });
});

const integrates = goroutine(import.meta, "integrates", (w, constant: Rational, u: Series, z: Series) => {
  return serving(w, async () => {
    await put(constant, z);
    for (let i = 1;; i++) {
      await z.asked.recv();
      await z.given.send(times(rational(1, i), await get(u)));
    }
  });
});

/** Each coefficient times a power of c, with n - 1 zeros behind it. */
const substitutes = goroutine(
  import.meta,
  "substitutes",
  (w, u: Series, c: Rational, n: number, z: Series) => {
    return serving(w, async () => {
      for (let power = ONE;; power = times(power, c)) {
        await z.asked.recv();
        await z.given.send(times(await get(u), power));
        for (let i = 1; i < n; i++) await put(ZERO, z);
      }
    });
  },
);

async function first(count: number, series: Series): Promise<Rational[]> {
  const got: Rational[] = [];
  while (got.length < count) got.push(await get(series));
  return got;
}

port(import.meta, "test/chan/powser1.go", async (w) => {
  const n = w.count(10, 4);
  const made: Series[] = [];
  const own = () => {
    made.push(make(w));
    return made.at(-1)!;
  };
  const upTo = (of: (i: number) => Rational) => Array.from({ length: n }, (_, i) => of(i));
  const ones = () => {
    const z = own();
    w.go(repeats(ONE, z));
    return z;
  };
  const twos = own();
  w.go(repeats([2, 1], twos));
  checkEqual(await first(n, ones()), upTo(() => ONE), "1/(1-x)");

  const [sum, scaled, difference, derivative, integral] = [own(), own(), own(), own(), own()];
  w.go(adds(ones(), twos, sum));
  checkEqual(await first(n, sum), upTo(() => [3, 1]), "a sum");
  w.go(scales([-1, 1], twos, scaled));
  checkEqual(await first(n, scaled), upTo(() => [-2, 1]), "times -1");
  w.go(adds(ones(), scaled, difference));
  checkEqual(await first(n, difference), upTo(() => [-1, 1]), "a difference");
  w.go(differentiates(ones(), derivative));
  checkEqual(await first(n, derivative), upTo((i) => [i + 1, 1]), "a derivative");
  w.go(integrates(ZERO, ones(), integral));
  checkEqual(await first(n, integral), upTo((i) => i === 0 ? ZERO : [1, i]), "an integral");

  const product = own();
  w.go(multiplies(ones(), ones(), product));
  checkEqual(await first(n, product), upTo((i) => [i + 1, 1]), "a product");

  // exp(U): Z' = ZU', so Z feeds itself.
  const [exp, fed, slope, change, growth] = [own(), own(), own(), own(), own()];
  w.go(differentiates(ones(), slope));
  w.go(multiplies(fed, slope, change));
  w.go(integrates(ONE, change, growth));
  await split(w, growth, [fed, exp]);
  const coefficients: Rational[] = [
    [1, 1],
    [1, 1],
    [3, 2],
    [13, 6],
    [73, 24],
    [167, 40],
    [4051, 720],
    [37633, 5040],
    [43817, 4480],
    [4596553, 362880],
  ];
  checkEqual(await first(n, exp), coefficients.slice(0, n), "an exponential");

  const [alternating, tangent] = [own(), own()];
  w.go(substitutes(ones(), [-1, 1], 2, alternating));
  w.go(integrates(ZERO, alternating, tangent));
  const sign = (i: number) => i % 4 === 1 ? 1 : -1;
  checkEqual(await first(n, tangent), upTo((i) => i % 2 === 0 ? ZERO : [sign(i), i]), "an arc tangent");
  // All that wait for them end, and close what they have made.
  for (const series of made) close(series);
});

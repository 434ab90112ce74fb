/**
 * The clients, in a process of their own: `load.ts ORIGIN PATH EVERY SECONDS` asks for `/fast` every 5 ms, and for PATH
 * every so many ms, and prints how long the answers took as JSON.
 */
const [origin, slow] = Deno.args;
const [every, seconds] = Deno.args.slice(2).map(Number);

/**
 * Asks at fixed times, however long the answers take, and counts from these times. Clients that wait for one answer
 * before they ask again would be kept from asking just when the service is slow (G. Tene's "coordinated omission").
 */
async function ask(path: string, step: number): Promise<number[]> {
  const answers: Promise<number>[] = [];
  const start = performance.now();
  for (let at = 0; at < seconds * 1000; at += step) {
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + at - performance.now())));
    answers.push(answer(path).then(() => performance.now() - start - at));
  }
  return await Promise.all(answers);
}

async function answer(path: string): Promise<void> {
  const response = await fetch(origin + path);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
}

// Connections, and what V8 compiles.
for (let i = 0; i < 20; i++) await Promise.all([answer("/fast"), answer(slow)]);

const [fastTimes, slowTimes] = await Promise.all([ask("/fast", 5), ask(slow, every)]);
console.log(JSON.stringify({ fast: fastTimes, slow: slowTimes }));

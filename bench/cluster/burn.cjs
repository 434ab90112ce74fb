/** What a job does, for BullMQ's sandbox and for piscina: so much computing, some `ms` where nobody else computes. */
function burn(ms) {
  let x = 1;
  for (let turns = ms * 1_000_000; turns > 0; turns--) x = Math.imul(x, 1664525) + 1013904223 | 0;
  return x !== 0;
}

/** BullMQ calls it with a job, piscina with what the job is about. */
// deno-lint-ignore require-await
module.exports = async (job) => burn((job.data ?? job).ms);

/** What a job does, for BullMQ's sandbox and for piscina: so many ms of computing. */
function burn(ms) {
  const end = performance.now() + ms;
  let turns = 0;
  while (performance.now() < end) turns++;
  return turns > 0;
}

/** BullMQ calls it with a job, piscina with what the job is about. */
// deno-lint-ignore require-await
module.exports = async (job) => burn((job.data ?? job).ms);

import { go } from "@heddle/heddle";
import { sum } from "../../examples/tasks.ts";

await Promise.all(Array.from({ length: 5 }, (_, n) => go(sum(0, n))));
const size = () => Deno.statSync(`${Deno.env.get("HEDDLE_TRACE")}.events`).size;
// Each turn of who collects makes the file longer: one of two has begun after the tasks.
for (let turns = 0, before = size(); turns < 2;) {
  await new Promise((resolve) => setTimeout(resolve, 1));
  const now = size();
  if (now !== before) turns++;
  before = now;
}
Deno.kill(Deno.pid, "SIGKILL");

import { trace } from "@opentelemetry/api";
import { Scheduler } from "@heddle/heddle";
import { fails, inner, outer } from "../tasks/spanned.ts";

await using sched = await Scheduler.start({ procs: 2, warm: [inner] });
await trace.getTracer("test").startActiveSpan("request", async (span) => {
  console.log(await Promise.all([sched.go(outer(3)), sched.go(outer(2))]));
  await sched.go(fails()).catch((error) => console.log(String(error)));
  span.end();
});
console.log(await sched.dedicate(inner(21)), inner.name, inner.fn.length);

/** A supervisor to be killed: runs one box, with options as JSON, to its end. */
import { Scheduler } from "@heddle/heddle";
import { sandbox } from "../../examples/sandbox/sandbox.ts";

await using scheduler = await Scheduler.start({ procs: 1 });
await using box = await sandbox(scheduler, JSON.parse(Deno.args[0]));
await box.status;

// With HEDDLE_INSPECT=1: one scheduler is closed, and its inspector with it; the other one is there until standard input ends.
import { Scheduler } from "@heddle/heddle";

const said = Promise.withResolvers<string>();
const print = console.error;
console.error = (line: string) => {
  print(line);
  said.resolve(line);
};
const brief = await Scheduler.start({ procs: 1 });
const [url] = (await said.promise).match(/http:\S+/)!;
const { status, body } = await fetch(url);
await body?.cancel();
await brief.close();
console.log(status, await fetch(url).then(() => "open", () => "closed"));
await Scheduler.start({ procs: 1, name: "seen" });
await Array.fromAsync(Deno.stdin.readable);

// Looks at its own inspector, of which it reads on standard error; then its scheduler ends, and the inspector with it.
import { Scheduler } from "@heddle/heddle";

const said = Promise.withResolvers<string>();
const print = console.error;
console.error = (line: string) => {
  print(line);
  said.resolve(line);
};
const sched = await Scheduler.start({ procs: 1, name: "seen" });
const [url] = (await said.promise).match(/http:\S+/)!;
const { status, body } = await fetch(url);
await body?.cancel();
console.log(status);
await sched.close();
console.log(await fetch(url).then(() => "open", () => "closed"));

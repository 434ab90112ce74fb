import { after, Channel, Mutex, recv, Scheduler, select } from "@heddle/heddle";

const sched = await Scheduler.start({ procs: 1 });
const [channel, mutex] = [new Channel<number>(sched), new Mutex(sched)];
void channel.recv();
void select([recv(channel), after(60_000)]);
await mutex.lock();
void mutex.lock();
await sched.close();
console.log("closed");

import { Piscina } from "piscina";

const threads = Number(Deno.args[0]);
const filename = import.meta.resolve("../work/start.ts");
const pool = new Piscina({ filename, minThreads: threads, maxThreads: threads });
console.log(await pool.run(41, { name: "add" }));
await pool.destroy();

import { Tinypool } from "tinypool";

const threads = Number(Deno.args[0]);
const filename = import.meta.resolve("../work/start.ts");
const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads, useAtomics: false });
console.log(await pool.run(41, { name: "add" }));
await pool.destroy();

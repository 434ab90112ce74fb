import { go } from "@heddle/heddle";
import { sum } from "../../examples/tasks.ts";

console.log(await Promise.all(Array.from({ length: 5 }, (_, n) => go(sum(0, n)))));

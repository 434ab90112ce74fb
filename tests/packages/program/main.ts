/** What a user writes: two modules with tasks, and a program that runs them. */
import { go } from "@heddle/heddle";
import { run as adds } from "./adds.ts";
import { run as multiplies } from "./multiplies.ts";

if (import.meta.main) console.log(await Promise.all([go(adds(6, 7)), go(multiplies(6, 7))]).then(String));

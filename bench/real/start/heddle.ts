import { go } from "@heddle/heddle";
import { add } from "../tasks/start.ts";

console.log(await go(add(41)));

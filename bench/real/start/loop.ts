import { add } from "../work/start.ts";

console.log(add(41));

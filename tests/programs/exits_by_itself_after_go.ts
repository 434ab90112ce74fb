import { dedicate, go } from "@heddle/heddle";
import { add } from "../tasks/arithmetic.ts";

console.log(await go(add(1, 2)), await dedicate(add(3, 4)));

import { go } from "@heddle/heddle";
import { sleepThenPrint } from "../tasks/printing.ts";

go(sleepThenPrint(700, "the task is done")).then(() => console.log("and so is the program"));
console.log("end of the module");

import { dedicate } from "@heddle/heddle";
import { sleepThenPrint } from "../tasks/printing.ts";

dedicate(sleepThenPrint(700, "the task is done"));
console.log("end of the module");

/** Some seconds of `deno task stress`, which begins as this module is imported. */
import { begin } from "../support/meanwhile.ts";

export const stress = begin("tests/stress/main.ts", "--minutes", "0.25");

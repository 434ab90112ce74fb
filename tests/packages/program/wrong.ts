/** A call with a wrong argument, which only declarations can tell. */
import { go } from "@heddle/heddle";
import { run } from "./adds.ts";

// @ts-expect-error -- A string is no number.
const wrong: number = await go(run("6", 7));
export const right: Promise<number> = go(run(wrong, 7));

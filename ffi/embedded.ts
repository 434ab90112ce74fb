/** The shim that was built for this machine. Where it is for none, nobody loads it: `requireSupported`. */
import * as aarch64 from "../native/shim_aarch64.ts";
import * as x86_64 from "../native/shim_x86_64.ts";

export const { base64, soname } = Deno.build.arch === "aarch64" ? aarch64 : x86_64;

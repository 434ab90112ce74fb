/** Tests that take the native shim. Where it is missing, as in `deno task test:shimless`, they are skipped, and a line says why. */
import type { Capabilities } from "@heddle/heddle";
import { openTier } from "../../ffi/tier.ts";

export const { capabilities, lack } = openTier();

const told = new Set<string>();

/** Options of such a test. */
export function takes(capability: keyof Capabilities): { readonly ignore: boolean } {
  const ignore = !capabilities[capability];
  if (ignore && !told.has(capability)) {
    told.add(capability);
    console.log(
      `skipped, as they take ${capability}, which is missing (${lack}): the tests that are ignored below`,
    );
  }
  return { ignore };
}

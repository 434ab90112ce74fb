/** For `node --import`: the packages of package.json beside this file, for modules of the whole bench. */
import { registerHooks } from "node:module";

const here = new URL("./package.json", import.meta.url).href;

registerHooks({
  resolve(specifier, context, next) {
    const isPackage = /^[a-z]/.test(specifier) && !specifier.includes(":");
    return next(specifier, isPackage ? { ...context, parentURL: here } : context);
  },
});

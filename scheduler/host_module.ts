/**
 * The host's half, where it is wanted: a thread imports the public face with its tasks, and never starts a scheduler. Without the
 * host's half it takes 2 MB less. In what native/build.ts makes of this it is part of the one and not of the other.
 */
import { registry } from "./tasks/define.ts";

export const hostModule = registry.isThread ? undefined : await import("./host/host.ts");

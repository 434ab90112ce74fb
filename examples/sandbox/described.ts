/** What a box is made of, in lines for people: what `--debug-log` has of the time before the program runs. */

import { rightsText } from "./landlock.ts";
import type { Granted } from "./needs.ts";
import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUSER,
  type Plan,
  RLIMIT_AS,
  RLIMIT_CORE,
  RLIMIT_CPU,
  RLIMIT_NOFILE,
  RLIMIT_NPROC,
  toText,
} from "./plan.ts";

const namespaceNames: readonly (readonly [number, string])[] = [
  [CLONE_NEWUSER, "user"],
  [CLONE_NEWNS, "mount"],
  [CLONE_NEWPID, "process"],
  [CLONE_NEWIPC, "ipc"],
  [CLONE_NEWNET, "network"],
];
const limitNames: Readonly<Record<number, string>> = {
  [RLIMIT_CPU]: "seconds of a CPU",
  [RLIMIT_CORE]: "bytes of core files",
  [RLIMIT_NPROC]: "processes",
  [RLIMIT_NOFILE]: "descriptors",
  [RLIMIT_AS]: "bytes of memory",
};
const BYTES_OF_INSTRUCTION = 8;

/** Of the environment only names are told. */
export function describedPlan(plan: Plan, { rights, net }: Granted): string[] {
  const namespaces = namespaceNames.filter(([flag]) => (plan.namespaces & flag) !== 0).map(([, name]) =>
    name
  );
  const hearsOfCalls = plan.listen ? ", and has a listener" : plan.traced ? ", and a tracer" : "";
  return [
    `program ${plan.file} in ${plan.directory}: ${
      plan.argv.map((argument) => JSON.stringify(toText(argument))).join(" ")
    }`,
    `environment: ${[...plan.environment.keys()].map(toText).join(" ") || "none"}`,
    `namespaces of its own: ${namespaces.join(" ") || "none"}`,
    `file system: ${plan.readOnly ? "read-only but for what is kept" : "as it is"}`,
    ...plan.mounts.map(({ path, kind }) => `mount: ${path} ${kind}`),
    `Landlock: ${plan.restrict ? "on" : "off"}`,
    ...[...rights].map(([path, bits]) => `rule: ${path} ${rightsText(bits)}`),
    `network: ${net === true ? "everything" : net.join(" ") || "nothing"}${
      plan.proxy === undefined ? "" : `, by the proxy at ${plan.proxy}`
    }`,
    `seccomp: a filter of ${plan.filter.length / BYTES_OF_INSTRUCTION} instructions${hearsOfCalls}`,
    ...plan.limits.map(({ resource, value }) => `limit: ${value} ${limitNames[resource]}`),
    ...(plan.group === undefined ? [] : [`cgroup: ${plan.group}`]),
  ];
}

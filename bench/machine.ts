/** The hardware and the runtime, in a line: absolute numbers mean nothing without them. */
export async function machine(): Promise<string> {
  const cpuinfo = await Deno.readTextFile("/proc/cpuinfo");
  const model = cpuinfo.match(/^model name\s*:\s*(.+)$/m)?.[1] ?? Deno.build.arch; // arm64 kernels give no model
  const { deno, v8 } = Deno.version;
  return `${model}, ${navigator.hardwareConcurrency} CPUs; Linux ${Deno.osRelease()}; Deno ${deno}, V8 ${v8}`;
}

import { assertEquals } from "@std/assert";
import { loadShim } from "../../../ffi/shim.ts";
import { kernelName, systemCall, systemCallOf } from "../../../scheduler/host/system_calls.ts";

Deno.test("what the kernel says of a thread's system call is told by name", () => {
  assertEquals(systemCallOf("0 0x3 0x7ffc 0x1 0x0 0x0 0x0 0x7ffc 0x7f6d\n", "x86_64"), "read");
  assertEquals(systemCallOf("63 0x3 0x7ffc 0x1 0x0 0x0 0x0 0x7ffc 0x7f6d\n", "aarch64"), "read");
  assertEquals(systemCallOf("999 0x3 0x7ffc 0x1 0x0 0x0 0x0 0x7ffc 0x7f6d\n", "x86_64"), "system call 999");
  assertEquals(systemCallOf("0 0x3 0x7ffc 0x1 0x0 0x0 0x0 0x7ffc 0x7f6d\n", "riscv64"), "system call 0");
});

Deno.test("a thread that runs, or sleeps outside of a system call, is in none", () => {
  assertEquals(systemCallOf("running\n"), undefined);
  assertEquals(systemCallOf("-1 0x7ffc 0x7f6d\n"), undefined);
});

Deno.test("of a thread that has ended the kernel says nothing, and of others all the same", () => {
  assertEquals([kernelName(2 ** 30), systemCall(2 ** 30)], [undefined, undefined]);
  assertEquals(typeof kernelName(loadShim().gettid()), "string");
});

/**
 * The functions of native/shim.h as Deno sees them, each beside its C prototype. Only `f64`, `i32`, `u32` and `buffer`
 * occur: with these a call is a V8 fast call of about 5 ns, with one `u64` or `i64` it is 85 to 130 ns (Deno 2.9).
 *
 * To open one takes 80 us, in each thread. So what a thread may do without is opened when the first of its kind is called; if
 * --allow-ffi was revoked before, that call throws.
 */
export const shimSymbols = {
  /** `uint32_t heddle_abi(void)` */
  heddle_abi: { parameters: [], result: "u32" },
  /** `int32_t heddle_futex_wait(heddle_number address, int32_t expected, heddle_number timeout_us)` */
  heddle_futex_wait: { parameters: ["f64", "i32", "f64"], result: "i32" },
  /** `int32_t heddle_futex_wake(heddle_number address, int32_t count)` */
  heddle_futex_wake: { parameters: ["f64", "i32"], result: "i32" },
  /** `int32_t heddle_cpu(void)` */
  heddle_cpu: { parameters: [], result: "i32" },
  /** `int32_t heddle_gettid(void)` */
  heddle_gettid: { parameters: [], result: "i32" },
  /** `int32_t heddle_yield(void)` */
  heddle_yield: { parameters: [], result: "i32" },
  /** `heddle_number heddle_now_ns(void)` */
  heddle_now_ns: { parameters: [], result: "f64" },
  /** `heddle_number heddle_ticks(void)` */
  heddle_ticks: { parameters: [], result: "f64" },
  /** `heddle_number heddle_cpu_ns(int32_t tid)` */
  heddle_cpu_ns: { parameters: ["i32"], result: "f64" },
  /** `int32_t heddle_set_timer_slack(heddle_number ns)` */
  heddle_set_timer_slack: { parameters: ["f64"], result: "i32" },
  /** `int32_t heddle_try_worker(int32_t descriptors)` */
  heddle_try_worker: { parameters: ["i32"], result: "i32" },
  /** `heddle_number heddle_life(void)` */
  heddle_life: { parameters: [], result: "f64" },
  /** `int32_t heddle_has_ended(heddle_number life)` */
  heddle_has_ended: { parameters: ["f64"], result: "i32" },
  /** `int32_t heddle_install_preemption(void)` */
  heddle_install_preemption: { parameters: [], result: "i32" },
  /** `int32_t heddle_make_preemptible(heddle_number thread)` */
  heddle_make_preemptible: { parameters: ["f64"], result: "i32" },
  /** `int32_t heddle_get_affinity(int32_t tid, uint8_t *mask, uint32_t bytes)` */
  heddle_get_affinity: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  /** `int32_t heddle_preempt(int32_t tid)` */
  heddle_preempt: { parameters: ["i32"], result: "i32" },
  /** `int32_t heddle_read_code(heddle_number ranges, int32_t most)` */
  heddle_read_code: { parameters: ["f64", "i32"], result: "i32" },
  /** `void heddle_poller_close(heddle_number poller)` */
  heddle_poller_close: { parameters: ["f64"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** How a thread looks to the system. */
export const threadSymbols = {
  /** `int32_t heddle_set_thread_name(const char *name)` */
  heddle_set_thread_name: { parameters: ["buffer"], result: "i32" },
  /** `int32_t heddle_set_affinity(const uint8_t *mask, uint32_t bytes)` */
  heddle_set_affinity: { parameters: ["buffer", "u32"], result: "i32" },
  /** `int32_t heddle_set_nice(int32_t nice)` */
  heddle_set_nice: { parameters: ["i32"], result: "i32" },
  /** `int32_t heddle_set_fifo_priority(int32_t priority)` */
  heddle_set_fifo_priority: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** For calls of other libraries. */
export const nativeSymbols = {
  /** `heddle_number heddle_address(const void *memory)` */
  heddle_address: { parameters: ["buffer"], result: "f64" },
  heddle_address_of_pointer: { name: "heddle_address", parameters: ["pointer"], result: "f64" },
  /** `int32_t heddle_native_wake(heddle_number queue)` */
  heddle_native_wake: { parameters: ["f64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Of threads whose tasks wait for descriptors. */
export const pollSymbols = {
  /** `int32_t heddle_poll_open(void)` */
  heddle_poll_open: { parameters: [], result: "i32" },
  /** `int32_t heddle_poll_control(int32_t set, int32_t operation, int32_t descriptor, uint32_t events, int32_t generation)` */
  heddle_poll_control: { parameters: ["i32", "i32", "i32", "u32", "i32"], result: "i32" },
  /** `int32_t heddle_poll_take(int32_t set, int32_t *ready, int32_t most)` */
  heddle_poll_take: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  /** `int32_t heddle_close_descriptor(int32_t descriptor)` */
  heddle_close_descriptor: { parameters: ["i32"], result: "i32" },
  /** `int32_t heddle_poller_open(heddle_number poller, heddle_number sysmon)` */
  heddle_poller_open: { parameters: ["f64", "f64"], result: "i32" },
  /** `int32_t heddle_poller_arm(heddle_number poller, int32_t set, heddle_number word)` */
  heddle_poller_arm: { parameters: ["f64", "i32", "f64"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What `heddle_abi()` must return for this table to fit. */
export const shimAbi = 7;

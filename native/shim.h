// The C side of Heddle: what TypeScript cannot do itself. It gets addresses and values and knows no layout of the
// arena. Every function that can fail returns a negative errno; none touches the caller's errno on purpose.
#ifndef HEDDLE_SHIM_H
#define HEDDLE_SHIM_H

#include <stdint.h>

#define HEDDLE_ABI 2u
#define HEDDLE_NAME_MAX 15

// An integer below 2^53 as JavaScript holds it: addresses and times travel as doubles. With one 64-bit integer among
// its parameters a Deno 2.9 FFI call takes 85 to 130 ns instead of 5, as V8's fast path does not cover it.
typedef double heddle_number;

// The number that ffi/symbols.ts must expect. Raise both with any change of a prototype below.
uint32_t heddle_abi(void);

// Sleeps while the aligned 32-bit word at `address` equals `expected`. `timeout_us` < 0 waits for ever, 0 polls.
// The clock is CLOCK_MONOTONIC. Returns 0 when woken, -EAGAIN when the word differed, -ETIMEDOUT, -EINVAL for an
// unaligned address, -EFAULT. A signal counts as a wake (0): callers recheck their word anyway.
int32_t heddle_futex_wait(heddle_number address, int32_t expected, heddle_number timeout_us);

// Wakes up to `count` threads of this process that sleep on the word. Returns how many.
int32_t heddle_futex_wake(heddle_number address, int32_t count);

int32_t heddle_gettid(void);

// sched_yield: lets another runnable thread have this CPU first. Returns at once when there is none.
int32_t heddle_yield(void);

// CLOCK_MONOTONIC in nanoseconds: exact for the first 104 days of uptime, to 2 ns for the next 104, and so on.
heddle_number heddle_now_ns(void);

// Names the calling thread. `name` is a C string. Returns -ERANGE above HEDDLE_NAME_MAX bytes.
int32_t heddle_set_thread_name(const char *name);

// CPU sets: bit n of the mask is bit n % 8 of byte n / 8. Setting the calling thread's returns 0, or -EINVAL when no
// CPU of the mask exists and is allowed. Getting that of the thread `tid` (0: the calling one) returns the number of
// bytes written, a multiple of 8, or -ESRCH, or -EINVAL when `bytes` is too few for this kernel or not a multiple of 8.
int32_t heddle_set_affinity(const uint8_t *mask, uint32_t bytes);
int32_t heddle_get_affinity(int32_t tid, uint8_t *mask, uint32_t bytes);

// Nice value of the calling thread alone (Linux keeps one per thread). Out of range is clamped by the kernel;
// -EACCES when a lower value is not permitted.
int32_t heddle_set_nice(int32_t nice);

// How late the kernel may fire this thread's timeouts, in nanoseconds; 0 restores the thread's default.
int32_t heddle_set_timer_slack(heddle_number ns);

// Starts a pthread at `routine`, a `void *(*)(void *)`, with `argument`. `stack_bytes` 0 takes the default.
// Stores the id for heddle_thread_join. Every started thread must be joined once. Returns 0, -EAGAIN when the
// system refuses another thread, -EINVAL for a stack that is too small.
int32_t heddle_thread_start(heddle_number routine, heddle_number argument, heddle_number stack_bytes,
                            heddle_number *id);

// Blocks until that thread has ended. Returns 0, or -EDEADLK for the calling thread itself.
int32_t heddle_thread_join(heddle_number id);

// A thread routine that passes a ball between two words, sleeping at once when there is none: the baseline that
// a futex round trip of C threads costs. `mine` and `theirs` are addresses of words that start at HEDDLE_NO_BALL.
// The relay takes what arrives in `mine` and hands it to `theirs`; after `rounds` balls (< 0: without end) it
// hands over HEDDLE_STOP instead and ends. It also ends when HEDDLE_STOP arrives, which it passes on.
enum { HEDDLE_NO_BALL = 0, HEDDLE_BALL = 1, HEDDLE_STOP = 2 };
struct heddle_relay {
  heddle_number mine;
  heddle_number theirs;
  heddle_number rounds;
};
void *heddle_relay(void *relay);

// The address of heddle_relay, as heddle_thread_start takes it.
heddle_number heddle_relay_address(void);

#endif

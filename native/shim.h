// The C side of Heddle: what TypeScript cannot do itself. It gets addresses and values and knows no layout of the
// arena. Every function that can fail returns a negative errno; none touches the caller's errno on purpose.
#ifndef HEDDLE_SHIM_H
#define HEDDLE_SHIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define HEDDLE_ABI 7u
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

// The CPU that the caller runs on at this moment.
int32_t heddle_cpu(void);

// CLOCK_MONOTONIC in nanoseconds: exact for the first 104 days of uptime, to 2 ns for the next 104, and so on.
heddle_number heddle_now_ns(void);

// The CPU's own counter (TSC, CNTVCT), at a third of the cost of the clock above. What one means, and whether those of all CPUs are
// one, the kernel knows: see ffi/counter.ts. No barrier: the CPU may read it some instructions earlier or later.
heddle_number heddle_ticks(void);

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

// The scheduling class SCHED_FIFO for the calling thread, with a priority from 1 to 99. -EPERM when not permitted.
int32_t heddle_set_fifo_priority(int32_t priority);

// How late the kernel may fire this thread's timeouts, in nanoseconds; 0 restores the thread's default.
int32_t heddle_set_timer_slack(heddle_number ns);

// Whether a worker of the runtime would find what it ends the process without: /proc/self/exe, and so many descriptors, at
// most 256. Of this moment. Returns 0, -EMFILE, -ENFILE, -ENOMEM; what readlink() says if there is no /proc.
int32_t heddle_try_worker(int32_t descriptors);

// What stays of the calling thread when it has ended, for heddle_has_ended: an address, the same in each call. Its 4 bytes
// are never freed. Or the negative errno of a thread that can have none: -EAGAIN, -ENOMEM.
heddle_number heddle_life(void);

// 1 once that thread has ended: what its isolate had is gone by then. Else 0.
int32_t heddle_has_ended(heddle_number life);

// The address of what a buffer or a pointer refers to, as a number.
heddle_number heddle_address(const void *memory);

// Native Ms: threads that run calls of C functions (native_m.c). "Native Ms" in scheduler/native/README.md has the protocol.
// All words that are `_Atomic` here are shared with TypeScript, which lays the structs out by itself.

enum { HEDDLE_CALL_INTS = 8, HEDDLE_CALL_FLOATS = 8, HEDDLE_CALL_STACK = 16 };
enum { HEDDLE_CALL_RETURNS_FLOAT = 1, HEDDLE_CALL_USES_STACK = 2 };

// One call. Until it is queued it is the host's, from then on the native M's, and the host's again once it is in the
// list of calls that are done. Arguments lie where the calling convention wants them: each class of registers is
// filled in order, and what does not fit goes to the stack in order. Narrow integers are extended to 64 bits, a float
// is the low half of its slot.
struct heddle_call {
  uint64_t function;  // 0: no call; the thread that takes it ends. Only in a queue without statuses
  uint64_t result;    // of either class, as bits; those above the type's size mean nothing
  int32_t error;      // errno after the call; it was 0 before
  int32_t next;       // in the list of calls that are done: the number of the next + 1, or 0
  int32_t kind;       // HEDDLE_CALL_*
  int32_t unused;
  uint64_t ints[HEDDLE_CALL_INTS];
  double floats[HEDDLE_CALL_FLOATS];
  uint64_t stack[HEDDLE_CALL_STACK];
  uint64_t padding[4];
};

// What all queues of a scheduler share. The fields between are padding: words that different threads write often stand
// 64 bytes apart.
struct heddle_native_host {
  heddle_number calls;      // address of call 0
  heddle_number sysmon;     // address of the word in which sysmon sleeps: 0 while it ticks by itself
  _Atomic int32_t threads;  // native Ms, of all queues. Down by one is the last that a thread does to any of this.
  int32_t queues;  // TypeScript's: a list of the queues of native threads
  int32_t padding_1[10];
  _Atomic int32_t done;  // newest call that is done: its number + 1, or 0. The host takes the whole list.
  int32_t padding_2[15];
  _Atomic int32_t asleep;     // 1 while the host sleeps and wants to hear of calls that are done
  _Atomic int32_t call_host;  // set to 1 for sysmon, which can wake the host
  _Atomic int32_t cpu;        // where the host ran when it made its last call: a hint
  int32_t padding_3[13];
};

// Calls that wait for a thread, and the threads that take them. The host is the one producer.
struct heddle_native_queue {
  heddle_number host;         // address of the heddle_native_host
  heddle_number ring;         // address of `mask` + 1 numbers of calls
  heddle_number statuses;     // address of one status a thread, HEDDLE_STATUS_STRIDE words apart; 0: none wanted
  heddle_number stack_bytes;  // of a thread; 0: the system's default
  heddle_number idle_us;      // after which a sleeping thread ends; < 0: never
  int32_t mask;
  int32_t limit;  // threads that are active at once, as long as nobody is stuck
  int32_t max_threads;
  int32_t next;  // TypeScript's: in that list
  int32_t padding_1[2];
  _Atomic uint32_t head;  // position of the oldest call; threads move it, by CAS
  int32_t padding_2[15];
  _Atomic uint32_t tail;  // position of the next call; the host moves it
  int32_t padding_3[15];
  _Atomic uint32_t state;  // HEDDLE_SPINNING, and counts in units of the next two
  int32_t padding_4[15];
  _Atomic int32_t permits;  // threads that may stop sleeping; HEDDLE_CLOSED: all, to end
  _Atomic int32_t threads;  // of this queue
  int32_t padding_5[14];
};
enum { HEDDLE_SPINNING = 1, HEDDLE_ONE_ACTIVE = 1 << 1, HEDDLE_ONE_SLEEPING = 1 << 16 };
enum { HEDDLE_CLOSED = 1 << 30 };

// A thread's status: a count of its calls above two bits. 0: nobody's. Only sysmon makes an IN_CALL STUCK, only the
// thread itself makes it IDLE again.
enum { HEDDLE_IDLE = 1, HEDDLE_IN_CALL = 2, HEDDLE_STUCK = 3, HEDDLE_STATUS_STRIDE = 16 };

// By whoever left calls in the queue: wakes a thread, or starts one, unless one is looking already or `limit` are
// active. In the latter case sysmon is kicked, which finds out who is stuck. Returns 0, or the negative errno of
// pthread_create.
int32_t heddle_native_wake(heddle_number queue);

// The netpoller (poller.c): threads wait for descriptors. "The netpoller" in scheduler/sysmon/README.md has the protocol.

// A poll set is an epoll instance, and belongs to one thread. The number of a new one, or -EMFILE, -ENFILE, -ENOMEM.
int32_t heddle_poll_open(void);

// epoll_ctl, with its operations and events. What comes of it has the descriptor and the generation. Returns 0 or what that fails
// with: -EBADF, -EEXIST, -ENOENT, -EPERM (a file, which is always ready), -ENOMEM, -ENOSPC.
int32_t heddle_poll_control(int32_t set, int32_t operation, int32_t descriptor, uint32_t events, int32_t generation);

// What is ready in the set now, `most` or 256 at the most: descriptor, generation, events of each. Returns how many.
int32_t heddle_poll_take(int32_t set, int32_t *ready, int32_t most);

// close(). The number is free in any case but -EBADF.
int32_t heddle_close_descriptor(int32_t descriptor);

// One thread of a scheduler that waits for all its poll sets. Zeros at first.
struct heddle_poller {
  heddle_number sysmon;   // address of the word in which sysmon sleeps
  _Atomic int32_t fired;  // set to 1 for sysmon: some words of poll sets are FIRED
  int32_t epoll;          // C's, as is the rest: where sets are, plus 1; 0: not open; -1: closed for good
  int32_t stop;           // an eventfd
  int32_t padding_1;
  uint64_t thread;
  int32_t padding_2[8];
};
// The word of a poll set. FIRED by the poller, from NONE alone; MAILED by sysmon; NONE by the thread that the set belongs to.
enum { HEDDLE_POLL_NONE = 0, HEDDLE_POLL_FIRED = 1, HEDDLE_POLL_MAILED = 2 };

// By a thread, before it arms its set for the first time. Starts the poller, unless there is one, and has sysmon look at all words:
// this thread's may be FIRED by what the one before it has left. Returns 0, -ESHUTDOWN after heddle_poller_close, or what the system refuses it with:
// -EMFILE, -ENFILE, -ENOMEM, -EAGAIN. `poller` is the address of a struct that stays until heddle_poller_close.
int32_t heddle_poller_open(heddle_number poller, heddle_number sysmon);

// When something is ready in the set, or if it is now, its word becomes FIRED, once. Returns 0, -ESHUTDOWN, -ENOMEM, -ENOSPC.
int32_t heddle_poller_arm(heddle_number poller, int32_t set, heddle_number word);

// Ends the thread, and returns when it has touched the struct and all words for the last time. Twice is as good as once.
void heddle_poller_close(heddle_number poller);

// What the files of the shim have of each other (native_m.c), and nobody else.
#pragma GCC visibility push(hidden)

// Wakes sysmon if it sleeps for long, by its word; or in any case, if it is to look `now`.
void heddle_kick_sysmon(heddle_number sysmon, bool now);

// pthread_create for a thread that takes no signals of the process. 0 bytes: the system's default. Returns 0 or an errno.
int heddle_start_thread(pthread_t *thread, void *(*run)(void *), void *argument, size_t stack_bytes);

#pragma GCC visibility pop

// Preemption (preempt.c): a thread that runs JavaScript is frozen in the middle of it, and goes on later.
// "Preemption" in scheduler/sysmon/README.md has the protocol.

// Of the sleep word (parking/sleep_word.ts), where each state is a set of these bits and others, the ones that the handler
// knows. What a thread has become when it is not HEDDLE_FROZEN any more is what somebody gave it.
enum {
  HEDDLE_AWAKE = 0,
  HEDDLE_ASKED = 1 << 6,    // a question, on top of what the thread is otherwise. The handler takes it back, or freezes it
  HEDDLE_LETS_GO = 1 << 7,  // with HEDDLE_ASKED: it is to let its P go if it cannot be frozen. Alone: it does
  HEDDLE_SEIZED = 1 << 8,
  HEDDLE_LOST = 1 << 9,  // whoever is asked then is frozen for good
  HEDDLE_FROZEN = 1 << 10,
};
// The part of the word `locks` that counts; above it is a number that changes with every turn of the thread's loop.
enum { HEDDLE_LOCKS = 255 };

// What the handler knows of a thread: addresses of words, then two counts of its own.
struct heddle_preemptible {
  heddle_number sleep;
  heddle_number locks;  // written by the thread alone. Above 0 it is never frozen.
  heddle_number given;  // 0, or what the sleep word was when the thread went on; HEDDLE_SEIZED when it let its P go
  heddle_number code;   // ranges of addresses where it may be frozen: start, end, start, end, ..., 0, 0
  int32_t refused_in_scheduler;
  int32_t refused_in_native;
};

// Installs the handler of SIGURG, once for each copy of this library. A signal that is not ours goes to the handler that was
// there. Returns 0 or a negative errno.
int32_t heddle_install_preemption(void);

// The calling thread may be frozen from here on. `thread` is the address of its heddle_preemptible, which stays valid
// until the thread has ended or calls this with 0. After heddle_install_preemption. Returns 0, or -ENOMEM.
int32_t heddle_make_preemptible(heddle_number thread);

// Sends the signal to a thread of this process, whose sleep word says what is asked of it. Before that, if somebody else has
// installed a handler since heddle_install_preemption, ours is put on top of it: inside of another handler no thread is frozen.
// Returns 0, or -ESRCH.
int32_t heddle_preempt(int32_t tid);

// The CPU time of a thread of this process, in nanoseconds; -1 if there is none of that number.
heddle_number heddle_cpu_ns(int32_t tid);

// Where this process has code that was made at run time, sorted, with V8's builtins between: start and end of each, at
// most `most` of them; then two zeros. Returns how many, or a negative errno: then it is as if there were none.
int32_t heddle_read_code(heddle_number ranges, int32_t most);

#endif

// "Native Ms" in scheduler/native/README.md has the protocol. tests/model/scenarios/native_m.ts is this file once more, for
// the model checker: change both.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

_Static_assert(sizeof(struct heddle_call) == 320, "scheduler/arena/layout/native.ts lays out these structs");
_Static_assert(offsetof(struct heddle_call, ints) == 32, "see above");
_Static_assert(offsetof(struct heddle_call, floats) == 96, "see above");
_Static_assert(offsetof(struct heddle_call, stack) == 160, "see above");
_Static_assert(sizeof(struct heddle_native_host) == 192, "see above");
_Static_assert(offsetof(struct heddle_native_host, done) == 64, "see above");
_Static_assert(offsetof(struct heddle_native_host, asleep) == 128, "see above");
_Static_assert(offsetof(struct heddle_native_queue, mask) == 40, "see above");
_Static_assert(offsetof(struct heddle_native_queue, head) == 64, "see above");
_Static_assert(offsetof(struct heddle_native_queue, tail) == 128, "see above");
_Static_assert(offsetof(struct heddle_native_queue, state) == 192, "see above");
_Static_assert(offsetof(struct heddle_native_queue, permits) == 256, "see above");
_Static_assert(sizeof(struct heddle_native_queue) == 320, "see above");

// Nanoseconds of looking before a sleep, as in scheduler/machine/spin.ts; pauses between looks at the clock.
enum { SPIN = 20000, PAUSES = 8 };

static void *pointer(heddle_number address) {
  return (void *)(uintptr_t)address;
}

static void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// The call itself --------------------------------------------------------------------------------------------------

// One prototype for every signature: integer and floating point registers are assigned independently of each other, and
// a callee ignores those that it has no parameters for. A variadic one, because that also tells a variadic callee how
// many floating point registers to look at (x86-64: in %al). The caller removes the stack words. AAPCS64 passes to variadic
// functions as to others; what Apple made of it, with all of those on the stack, would take another prototype.
typedef uint64_t (*returns_integer)(uint64_t, ...);
typedef double (*returns_float)(uint64_t, ...);

#if defined(__x86_64__)
#define INTS(c) c->ints[0], c->ints[1], c->ints[2], c->ints[3], c->ints[4], c->ints[5]
#elif defined(__aarch64__)
#define INTS(c) c->ints[0], c->ints[1], c->ints[2], c->ints[3], c->ints[4], c->ints[5], c->ints[6], c->ints[7]
#endif
#define FLOATS(c) \
  c->floats[0], c->floats[1], c->floats[2], c->floats[3], c->floats[4], c->floats[5], c->floats[6], c->floats[7]
#define STACK(c)                                                                                                   \
  c->stack[0], c->stack[1], c->stack[2], c->stack[3], c->stack[4], c->stack[5], c->stack[6], c->stack[7],          \
      c->stack[8], c->stack[9], c->stack[10], c->stack[11], c->stack[12], c->stack[13], c->stack[14], c->stack[15]

static void run(struct heddle_call *call) {
  union {
    double number;
    uint64_t bits;
  } result;
  errno = 0;
  if (call->kind & HEDDLE_CALL_RETURNS_FLOAT) {
    returns_float function = (returns_float)(uintptr_t)call->function;
    result.number = call->kind & HEDDLE_CALL_USES_STACK ? function(INTS(call), FLOATS(call), STACK(call))
                                                        : function(INTS(call), FLOATS(call));
  } else {
    returns_integer function = (returns_integer)(uintptr_t)call->function;
    result.bits = call->kind & HEDDLE_CALL_USES_STACK ? function(INTS(call), FLOATS(call), STACK(call))
                                                      : function(INTS(call), FLOATS(call));
  }
  call->error = errno;
  call->result = result.bits;
}

// The queue ---------------------------------------------------------------------------------------------------------

static bool is_empty(struct heddle_native_queue *queue) {
  return atomic_load(&queue->head) == atomic_load(&queue->tail);
}

static struct heddle_native_host *host_of(struct heddle_native_queue *queue) {
  return pointer(queue->host);
}

// The number of a call, or -1. Positions only grow, so a CAS that succeeds proves that the cell read before was there.
static int32_t take(struct heddle_native_queue *queue) {
  _Atomic int32_t *ring = pointer(queue->ring);
  for (;;) {
    uint32_t head = atomic_load(&queue->head);
    if (head == atomic_load(&queue->tail)) return -1;
    int32_t number = atomic_load_explicit(&ring[head & (uint32_t)queue->mask], memory_order_relaxed);
    if (atomic_compare_exchange_strong(&queue->head, &head, head + 1)) return number;
  }
}

// Partner: sysmon announces a long sleep in its word, then looks at the queue, at call_host and at the poller's `fired`. Without
// an announcement it ticks by itself, and is woken only if it is to do so `now`.
void heddle_kick_sysmon(heddle_number address, bool now) {
  _Atomic int32_t *sysmon = pointer(address);
  if (atomic_load(sysmon) != 0) {
    atomic_store(sysmon, 0);
    now = true;
  }
  if (now) heddle_futex_wake(address, 1);
}

static void give_back(struct heddle_native_host *host, struct heddle_call *call, int32_t number) {
  int32_t before = atomic_load(&host->done);
  do {
    call->next = before;
  } while (!atomic_compare_exchange_weak(&host->done, &before, number + 1));
  // Partner: the host sets `asleep`, then looks at `done`.
  if (atomic_load(&host->asleep) == 1 && atomic_exchange(&host->asleep, 0) == 1) {
    atomic_store(&host->call_host, 1);
    heddle_kick_sysmon(host->sysmon, true);
  }
}

// Threads -----------------------------------------------------------------------------------------------------------

static int32_t active(uint32_t state) {
  return (int32_t)(state >> 1 & 0x7fff);
}

static bool has_sleeping(uint32_t state) {
  return state >= HEDDLE_ONE_SLEEPING;
}

static void *heddle_native_m(void *argument);

int heddle_start_thread(pthread_t *thread, void *(*run)(void *), void *argument, size_t stack_bytes) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  if (stack_bytes != 0) error = pthread_attr_setstacksize(&attributes, stack_bytes);
  // Signals of the process are for its other threads, which know what to do with them. Those that a fault raises
  // are not: blocked, they would end the process without asking its handlers.
  sigset_t blocked, before;
  sigfillset(&blocked);
  sigdelset(&blocked, SIGSEGV);
  sigdelset(&blocked, SIGBUS);
  sigdelset(&blocked, SIGFPE);
  sigdelset(&blocked, SIGILL);
  sigdelset(&blocked, SIGTRAP);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  if (error == 0) error = pthread_create(thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return error;
}

static int start(struct heddle_native_queue *queue) {
  pthread_t thread;
  int error = heddle_start_thread(&thread, heddle_native_m, queue, (size_t)queue->stack_bytes);
  if (error == 0) pthread_detach(thread);
  return error;
}

static bool is_closed(struct heddle_native_queue *queue) {
  return atomic_load(&queue->permits) & HEDDLE_CLOSED;
}

static void release_thread(struct heddle_native_queue *queue) {
  struct heddle_native_host *host = host_of(queue);
  atomic_fetch_sub(&queue->threads, 1);
  atomic_fetch_sub(&host->threads, 1);
}

// One more thread of this queue, if it may have one.
static bool reserve_thread(struct heddle_native_queue *queue) {
  int32_t threads = atomic_load(&queue->threads);
  do {
    if (threads >= queue->max_threads) return false;
  } while (!atomic_compare_exchange_weak(&queue->threads, &threads, threads + 1));
  atomic_fetch_add(&host_of(queue)->threads, 1);
  // Partner: the host closes the queue, then looks whether threads are left that may touch it.
  if (!is_closed(queue)) return true;
  release_thread(queue);
  return false;
}

int32_t heddle_native_wake(heddle_number address) {
  struct heddle_native_queue *queue = pointer(address);
  uint32_t state = atomic_load(&queue->state);
  for (;;) {
    // It has not left its search, and looks at the queue after it did.
    if (state & HEDDLE_SPINNING) return 0;
    if (active(state) >= queue->limit) {
      if (queue->limit < queue->max_threads) heddle_kick_sysmon(host_of(queue)->sysmon, false);
      return 0;
    }
    bool sleeping = has_sleeping(state);
    // None can be had: all are in calls, and each looks at the queue when its call returns. Or the queue is closed.
    if (!sleeping && !reserve_thread(queue)) return 0;
    uint32_t next = state + HEDDLE_ONE_ACTIVE + HEDDLE_SPINNING - (sleeping ? HEDDLE_ONE_SLEEPING : 0);
    if (atomic_compare_exchange_strong(&queue->state, &state, next)) {
      if (!sleeping) break;
      atomic_fetch_add(&queue->permits, 1);
      heddle_futex_wake((heddle_number)(uintptr_t)&queue->permits, 1);
      return 0;
    }
    if (!sleeping) release_thread(queue);
  }
  int error = start(queue);
  if (error == 0) return 0;
  atomic_fetch_sub(&queue->state, HEDDLE_ONE_ACTIVE + HEDDLE_SPINNING);
  release_thread(queue);
  // Others may have relied on the one that was to look.
  if (!is_empty(queue)) heddle_kick_sysmon(host_of(queue)->sysmon, false);
  return -error;
}

// A status of its own. There are as many as threads, and one is freed before its thread is no longer counted.
static _Atomic int32_t *claim_status(struct heddle_native_queue *queue) {
  _Atomic int32_t *statuses = pointer(queue->statuses);
  if (statuses == NULL) return NULL;
  for (;; statuses += HEDDLE_STATUS_STRIDE) {
    int32_t nobodys = 0;
    if (atomic_compare_exchange_strong(statuses, &nobodys, HEDDLE_IDLE)) return statuses;
  }
}

// A thread that found nothing looks around for a while, if no other one does. False: go to sleep.
static bool begin_to_spin(struct heddle_native_queue *queue) {
  uint32_t state = atomic_load(&queue->state);
  do {
    if (state & HEDDLE_SPINNING || active(state) > queue->limit) return false;
  } while (!atomic_compare_exchange_weak(&queue->state, &state, state | HEDDLE_SPINNING));
  return true;
}

// To another CPU, if the thread may use one. The kernel likes to put a thread on the CPU of who woke it, and when both
// never sleep for long it leaves them there: a round trip then takes two switches of threads, 9 us instead of 1.
static bool move_away(void) {
  cpu_set_t all, others;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return false;
  others = all;
  CPU_CLR((size_t)sched_getcpu(), &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return false;
  sched_setaffinity(0, sizeof all, &all);
  return true;
}

static bool spin(struct heddle_native_queue *queue) {
  struct heddle_native_host *host = host_of(queue);
  heddle_number deadline = heddle_now_ns() + SPIN;
  bool moved = false;
  for (int round = 1;; round++) {
    if (!is_empty(queue) || is_closed(queue)) return true;
    pause_cpu();
    if (round % PAUSES != 0) continue;
    if (heddle_now_ns() >= deadline) return false;
    // Here it keeps out the very thread that it waits for.
    if (sched_getcpu() == atomic_load_explicit(&host->cpu, memory_order_relaxed)) {
      if (moved || !move_away()) return false;
      moved = true;
    }
  }
}

// By the spinning thread, with a call in hand. Those that came meanwhile relied on it.
static void stop_spinning(struct heddle_native_queue *queue) {
  atomic_fetch_and(&queue->state, ~(uint32_t)HEDDLE_SPINNING);
  if (!is_empty(queue)) heddle_native_wake((heddle_number)(uintptr_t)queue);
}

// Returns true when it is wanted again, and counted as active and spinning; false when it is to end.
static bool sleep_until_wanted(struct heddle_native_queue *queue, bool spinning) {
  heddle_number permits = (heddle_number)(uintptr_t)&queue->permits;
  atomic_fetch_add(&queue->state,
                   HEDDLE_ONE_SLEEPING - HEDDLE_ONE_ACTIVE - (spinning ? HEDDLE_SPINNING : 0));
  // Partner: who queues a call, then reads the state.
  if (!is_empty(queue)) heddle_native_wake((heddle_number)(uintptr_t)queue);
  for (;;) {
    int32_t left = atomic_load(&queue->permits);
    if (left & HEDDLE_CLOSED) return false;
    if (left > 0) {
      if (atomic_compare_exchange_strong(&queue->permits, &left, left - 1)) return true;
      continue;
    }
    if (heddle_futex_wait(permits, 0, queue->idle_us) != -ETIMEDOUT) continue;
    uint32_t state = atomic_load(&queue->state);
    // Nobody counts as sleeping any more: then a permit is on its way, and for one of those that do sleep.
    while (has_sleeping(state)) {
      if (atomic_compare_exchange_weak(&queue->state, &state, state - HEDDLE_ONE_SLEEPING)) return false;
    }
  }
}

static void *heddle_native_m(void *argument) {
  struct heddle_native_queue *queue = argument;
  struct heddle_native_host *host = host_of(queue);
  struct heddle_call *calls = pointer(host->calls);
  _Atomic int32_t *status = claim_status(queue);
  int32_t count = 0;
  bool spinning = true;
  heddle_set_thread_name("heddle-native");
  while (!is_closed(queue)) {
    int32_t number = take(queue);
    if (number < 0) {
      if (!spinning) spinning = begin_to_spin(queue);
      if (spinning && spin(queue)) continue;
      if (!sleep_until_wanted(queue, spinning)) break;
      spinning = true;
      continue;
    }
    if (spinning) stop_spinning(queue);
    spinning = false;
    struct heddle_call *call = &calls[number];
    if (call->function == 0) {
      // The host lets the queue's memory go when it has this one back.
      atomic_fetch_sub(&queue->threads, 1);
      give_back(host, call, number);
      atomic_fetch_sub(&host->threads, 1);
      return NULL;
    }
    count = (int32_t)((uint32_t)count + 4);
    if (status != NULL) atomic_store(status, count | HEDDLE_IN_CALL);
    run(call);
    // Before the host hears of it: its next call finds this thread looking, and needs to wake no other.
    if (is_empty(queue)) spinning = begin_to_spin(queue);
    give_back(host, call, number);
    // Partner: sysmon, which makes it STUCK by CAS and then counts it as active no longer.
    if (status != NULL && (atomic_exchange(status, count | HEDDLE_IDLE) & 3) == HEDDLE_STUCK) {
      atomic_fetch_add(&queue->state, HEDDLE_ONE_ACTIVE);
    }
  }
  if (status != NULL) atomic_store(status, 0);
  atomic_fetch_sub(&queue->threads, 1);
  // Partner: who queued a call, and found neither a thread that sleeps nor room for another one.
  if (!is_empty(queue)) heddle_native_wake((heddle_number)(uintptr_t)queue);
  atomic_fetch_sub(&host->threads, 1);
  return NULL;
}

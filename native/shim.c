#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(void *) == 8, "a user address has 47 bits, or 48 on aarch64, so that it fits a heddle_number");
_Static_assert(sizeof(long) == 8, "raw system calls take and return 64 bits");
_Static_assert(sizeof(heddle_number) == 8, "JavaScript's number");
_Static_assert(sizeof(_Atomic int32_t) == 4, "a futex word is 32 bits");

static void *pointer(heddle_number address) {
  return (void *)(uintptr_t)address;
}

static int32_t negative_errno(long result) {
  return result < 0 ? -errno : (int32_t)result;
}

uint32_t heddle_abi(void) {
  return HEDDLE_ABI;
}

int32_t heddle_futex_wait(heddle_number address, int32_t expected, heddle_number timeout_us) {
  int64_t us = (int64_t)timeout_us;
  struct timespec timeout = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
  long result = syscall(SYS_futex, pointer(address), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, expected,
                        us < 0 ? NULL : &timeout, NULL, 0);
  if (result == 0 || errno == EINTR) return 0;
  return -errno;
}

int32_t heddle_futex_wake(heddle_number address, int32_t count) {
  return negative_errno(syscall(SYS_futex, pointer(address), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0));
}

int32_t heddle_gettid(void) {
  return (int32_t)syscall(SYS_gettid);
}

int32_t heddle_cpu(void) {
  return sched_getcpu();
}

int32_t heddle_yield(void) {
  return negative_errno(sched_yield());
}

heddle_number heddle_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (heddle_number)((int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
}

heddle_number heddle_ticks(void) {
#if defined(__x86_64__)
  return (heddle_number)(int64_t)__builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return (heddle_number)ticks;
#else
  return heddle_now_ns();
#endif
}

int32_t heddle_set_thread_name(const char *name) {
  if (strnlen(name, HEDDLE_NAME_MAX + 1) > HEDDLE_NAME_MAX) return -ERANGE;
  return negative_errno(prctl(PR_SET_NAME, name, 0, 0, 0));
}

// The raw system calls, since glibc's wrappers demand a cpu_set_t and zero-fill what the kernel did not write.
int32_t heddle_set_affinity(const uint8_t *mask, uint32_t bytes) {
  return negative_errno(syscall(SYS_sched_setaffinity, 0, (size_t)bytes, mask));
}

int32_t heddle_get_affinity(int32_t tid, uint8_t *mask, uint32_t bytes) {
  return negative_errno(syscall(SYS_sched_getaffinity, tid, (size_t)bytes, mask));
}

int32_t heddle_set_nice(int32_t nice) {
  return negative_errno(setpriority(PRIO_PROCESS, (id_t)heddle_gettid(), nice));
}

int32_t heddle_set_fifo_priority(int32_t priority) {
  struct sched_param parameters = {.sched_priority = priority};
  return negative_errno(sched_setscheduler(0, SCHED_FIFO, &parameters));
}

int32_t heddle_set_timer_slack(heddle_number ns) {
  return negative_errno(prctl(PR_SET_TIMERSLACK, (unsigned long)ns, 0, 0, 0));
}

int32_t heddle_try_worker(int32_t descriptors) {
  int fds[256];
  char first;
  if (descriptors > (int32_t)(sizeof fds / sizeof fds[0])) return -EINVAL;
  if (readlink("/proc/self/exe", &first, 1) < 0) return -errno;
  int32_t opened = 0, error = 0;
  while (opened < descriptors && error == 0) {
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0) error = errno;
    else fds[opened++] = fd;
  }
  while (opened > 0) close(fds[--opened]);
  return -error;
}

static pthread_key_t life;
static pthread_once_t life_once = PTHREAD_ONCE_INIT;
static int life_error;

static void end_life(void *ended) {
  atomic_store((_Atomic int32_t *)ended, 1);
}

static void make_life(void) {
  life_error = pthread_key_create(&life, end_life);
}

heddle_number heddle_life(void) {
  pthread_once(&life_once, make_life);
  if (life_error != 0) return -life_error;
  _Atomic int32_t *ended = pthread_getspecific(life);
  if (ended == NULL) {
    ended = calloc(1, sizeof *ended);
    if (ended == NULL) return -ENOMEM;
    int error = pthread_setspecific(life, (void *)ended);
    if (error != 0) {
      free((void *)ended);
      return -error;
    }
  }
  return (heddle_number)(uintptr_t)ended;
}

int32_t heddle_has_ended(heddle_number life_of) {
  return atomic_load((_Atomic int32_t *)pointer(life_of));
}

heddle_number heddle_address(const void *memory) {
  return (heddle_number)(uintptr_t)memory;
}

// Freezing a thread from outside, in the handler of SIGURG (Go's choice of signal, for Go's reasons: nobody uses it, and
// libraries pass it on). "Preemption" in scheduler/sysmon/README.md has the protocol.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// The thread's struct heddle_preemptible. In glibc, to look it up allocates nothing, as it must be in a handler. A
// _Thread_local that does not allocate comes out of what little room there is for libraries that are opened late, and
// every isolate that starts schedulers has a copy of this one.
static pthread_key_t self;

// Whoever installs a handler after us calls ours from inside of its own, perhaps with a lock held, as Deno does. So ours is
// put on top again: each time by another function, for a call says by that which handler is next. (Deno installs its own once.)
enum { LEVELS = 4 };
static struct sigaction before[LEVELS];
static int levels;
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;

static uintptr_t interrupted_at(const void *context) {
  const ucontext_t *thread = context;
#if defined(__x86_64__)
  return (uintptr_t)thread->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return (uintptr_t)thread->uc_mcontext.pc;
#else
#error "where is the program counter?"
#endif
}

static int is_code(const heddle_number *ranges, heddle_number address) {
  for (; ranges[1] != 0; ranges += 2) {
    if (address >= ranges[0] && address < ranges[1]) return 1;
  }
  return 0;
}

static _Atomic int32_t *word(heddle_number address) {
  return (_Atomic int32_t *)(uintptr_t)address;
}

// Sleeps until somebody gives the thread a P, which may be never.
static void freeze(struct heddle_preemptible *thread, _Atomic int32_t *sleep) {
  int32_t state;
  while (((state = atomic_load(sleep)) & HEDDLE_FROZEN) != 0) {
    heddle_futex_wait(thread->sleep, state, -1);
  }
  *word(thread->given) = state;
  atomic_store(sleep, HEDDLE_AWAKE);
}

// This and freeze() are in tests/model/scenarios/handler.ts once more, for the model checker. Change them together.
// `is_on_top`: no other handler has called this one.
static void answer(struct heddle_preemptible *thread, uintptr_t pc, bool is_on_top) {
  _Atomic int32_t *sleep = word(thread->sleep);
  int32_t asked = atomic_load(sleep);
  if ((asked & HEDDLE_ASKED) == 0) return;
  // What it is again if it refuses.
  int32_t next = asked & ~(HEDDLE_ASKED | HEDDLE_LETS_GO);
  if ((*word(thread->locks) & HEDDLE_LOCKS) != 0) {
    thread->refused_in_scheduler++;
  } else if (is_on_top && is_code((const heddle_number *)(uintptr_t)thread->code, (heddle_number)pc)) {
    next = (asked & HEDDLE_LOST) | HEDDLE_FROZEN;
  } else {
    thread->refused_in_native++;
    if ((asked & HEDDLE_LETS_GO) != 0) {
      // Before the thread goes on: it finds out at its next step in the scheduler.
      *word(thread->given) = HEDDLE_SEIZED;
      next = HEDDLE_LETS_GO;
    }
  }
  if (atomic_compare_exchange_strong(sleep, &asked, next) && (next & HEDDLE_FROZEN) != 0) freeze(thread, sleep);
}

static void pass_on(const struct sigaction *to, int signal, siginfo_t *info, void *context) {
  if ((to->sa_flags & SA_SIGINFO) != 0) to->sa_sigaction(signal, info, context);
  else if (to->sa_handler != SIG_DFL && to->sa_handler != SIG_IGN) to->sa_handler(signal);
}

static void on_signal(int level, bool is_on_top, int signal, siginfo_t *info, void *context) {
  int saved = errno;
  struct heddle_preemptible *thread = pthread_getspecific(self);
  if (thread == NULL || info->si_code != SI_TKILL || info->si_pid != getpid()) {
    pass_on(&before[level], signal, info, context);
  } else {
    answer(thread, interrupted_at(context), is_on_top);
  }
  errno = saved;
}

// Where the stack was when a handler began, the kernel has put what it gives to it (struct rt_sigframe, in arch/*/kernel/signal.c
// of Linux): on x86-64 the context, behind the return address; on aarch64, which returns by a register, the siginfo. To ask which
// handler is installed would be too late: that may have changed since this one was called.
#if defined(__SANITIZE_THREAD__)
#define CALLED_BY_KERNEL(info, context) ((info) != NULL && (context) != NULL)  // TSan calls all handlers from its own
#elif defined(__x86_64__)
#define CALLED_BY_KERNEL(info, context) ((context) == __builtin_dwarf_cfa())
#elif defined(__aarch64__)
#define CALLED_BY_KERNEL(info, context) ((void *)(info) == __builtin_dwarf_cfa())
#else
#error "what does the kernel's frame look like?"
#endif

#define HANDLER(level)                                                                          \
  static void on_signal_##level(int signal, siginfo_t *info, void *context) {                   \
    on_signal(level, CALLED_BY_KERNEL(info, context), signal, info, context);                   \
  }
HANDLER(0)
HANDLER(1)
HANDLER(2)
HANDLER(3)
static void (*const handlers[LEVELS])(int, siginfo_t *, void *) = {on_signal_0, on_signal_1, on_signal_2, on_signal_3};

// Sees to it that our newest handler is the one that the kernel calls. Without a level left nobody is frozen any more.
static int come_on_top(void) {
  struct sigaction now;
  if (sigaction(SIGURG, NULL, &now) != 0) return errno;
  bool is_ours = levels > 0 && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handlers[levels - 1];
  if (is_ours || levels == LEVELS) return 0;
  // The next one before ours: a signal may come right then.
  before[levels] = now;
  struct sigaction ours = {.sa_sigaction = handlers[levels], .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&ours.sa_mask);
  if (sigaction(SIGURG, &ours, &before[levels]) != 0) return errno;
  levels++;
  return 0;
}

int32_t heddle_install_preemption(void) {
  pthread_mutex_lock(&installing);
  int error = levels == 0 ? pthread_key_create(&self, NULL) : 0;
  if (error == 0) error = come_on_top();
  pthread_mutex_unlock(&installing);
  return -error;
}

int32_t heddle_make_preemptible(heddle_number thread) {
  return -pthread_setspecific(self, (void *)(uintptr_t)thread);
}

int32_t heddle_preempt(int32_t tid) {
  pthread_mutex_lock(&installing);
  // Before heddle_install_preemption there is no key, and no handler of ours to come on top.
  int error = levels > 0 ? come_on_top() : 0;
  pthread_mutex_unlock(&installing);
  if (error != 0) return -error;
  return syscall(SYS_tgkill, getpid(), tid, SIGURG) == 0 ? 0 : -errno;
}

heddle_number heddle_cpu_ns(int32_t tid) {
  // As pthread_getcpuclockid() makes it: CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED of Linux.
  clockid_t clock = (clockid_t)(~(uint32_t)tid << 3 | 6);
  struct timespec used;
  if (clock_gettime(clock, &used) != 0) return -1;
  return (heddle_number)((int64_t)used.tv_sec * 1000000000 + used.tv_nsec);
}

// `maps` is as /proc/self/maps, which names files as their makers did.
static int32_t code_in(FILE *maps, heddle_number *ranges, int32_t most) {
  int32_t count = 0;
  // The last executable mapping of a file.
  heddle_number file_start = 0, file_end = 0;
  char line[512];
  int is_whole = 1;
  while (count < most && fgets(line, sizeof line, maps) != NULL) {
    // What follows a name that is too long for the buffer says nothing about a mapping.
    int is_rest = !is_whole;
    is_whole = strchr(line, '\n') != NULL;
    if (is_rest) continue;
    unsigned long from, to, inode;
    char permissions[5] = "";
    int name = 0;
    if (sscanf(line, "%lx-%lx %4s %*x %*x:%*x %lu %n", &from, &to, permissions, &inode, &name) != 4) continue;
    if (permissions[2] != 'x') continue;
    heddle_number start = (heddle_number)from, end = (heddle_number)to;
    if (inode != 0) {
      file_start = start;
      file_end = end;
    } else if (line[name] == '\0') {
      heddle_number last = count > 0 ? ranges[2 * count - 1] : 0;
      // Within its own range V8 maps its builtins from the program's file: code of the same kind.
      int continues = last == start || (last == file_start && file_end == start);
      if (!continues || count == 0) ranges[2 * count++] = start;
      ranges[2 * count - 1] = end;
    }
  }
  ranges[2 * count] = ranges[2 * count + 1] = 0;
  return count;
}

int32_t heddle_read_code(heddle_number address, int32_t most) {
  heddle_number *ranges = (heddle_number *)(uintptr_t)address;
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) {
    int error = errno;
    // What lay there may be something else by now.
    ranges[0] = ranges[1] = 0;
    return -error;
  }
  int32_t count = code_in(maps, ranges, most);
  fclose(maps);
  return count;
}

// Freezing a thread from outside, in the handler of SIGURG (Go's choice of signal, for Go's reasons: nobody uses it, and
// libraries pass it on). "Preemption" in scheduler/README.md has the protocol.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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

static struct sigaction before;

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
  while ((state = atomic_load(sleep)) >= HEDDLE_FROZEN && state <= HEDDLE_ABANDONED) {
    heddle_futex_wait(thread->sleep, state, -1);
  }
  *word(thread->given) = state;
  atomic_store(sleep, HEDDLE_AWAKE);
}

// This and freeze() are in tests/model/scenarios/handler.ts once more, for the model checker. Change them together.
static void answer(struct heddle_preemptible *thread, uintptr_t pc) {
  _Atomic int32_t *sleep = word(thread->sleep);
  int32_t asked = atomic_load(sleep);
  if (asked < HEDDLE_ASKED || asked > HEDDLE_ASKED_LOST) return;
  // What it is if it refuses.
  int32_t next = HEDDLE_AWAKE;
  if (asked == HEDDLE_ASKED_SEIZED) next = HEDDLE_SEIZED;
  if (asked == HEDDLE_ASKED_LOST) next = HEDDLE_LOST;
  if ((*word(thread->locks) & HEDDLE_LOCKS) != 0) {
    thread->refused_in_scheduler++;
  } else if (is_code((const heddle_number *)(uintptr_t)thread->code, (heddle_number)pc)) {
    next = asked == HEDDLE_ASKED_LOST ? HEDDLE_ABANDONED : HEDDLE_FROZEN;
  } else {
    thread->refused_in_native++;
    if (asked == HEDDLE_ASKED_TO_LET_GO) {
      // Before the thread goes on: it finds out at its next step in the scheduler.
      *word(thread->given) = HEDDLE_SEIZED;
      next = HEDDLE_LETS_GO;
    }
  }
  if (atomic_compare_exchange_strong(sleep, &asked, next) && next >= HEDDLE_FROZEN) freeze(thread, sleep);
}

static void pass_on(int signal, siginfo_t *info, void *context) {
  if ((before.sa_flags & SA_SIGINFO) != 0) before.sa_sigaction(signal, info, context);
  else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) before.sa_handler(signal);
}

static void on_signal(int signal, siginfo_t *info, void *context) {
  int saved = errno;
  struct heddle_preemptible *thread = pthread_getspecific(self);
  if (thread == NULL || info->si_code != SI_TKILL || info->si_pid != getpid()) pass_on(signal, info, context);
  else answer(thread, interrupted_at(context));
  errno = saved;
}

int32_t heddle_install_preemption(void) {
  static int is_installed;
  if (is_installed) return 0;
  int error = pthread_key_create(&self, NULL);
  if (error != 0) return -error;
  struct sigaction ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&ours.sa_mask);
  if (sigaction(SIGURG, &ours, &before) != 0) return -errno;
  is_installed = 1;
  return 0;
}

int32_t heddle_make_preemptible(heddle_number thread) {
  return -pthread_setspecific(self, (void *)(uintptr_t)thread);
}

int32_t heddle_preempt(int32_t tid) {
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
  FILE *maps = fopen("/proc/self/maps", "re");
  if (maps == NULL) return -errno;
  int32_t count = code_in(maps, (heddle_number *)(uintptr_t)address, most);
  fclose(maps);
  return count;
}

// Drives native/preempt.c: threads that compute in code made at run time, in C, and with locks held, against a sysmon that
// asks them, freezes them, and gives them a P; and signals from elsewhere, which go to the handler that was there before.
// The argument says which that is: siginfo, plain, default or ignored.
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

// The handler that was there before ------------------------------------------------------------------------------------

// Linux has no thread of that number or above.
enum { NO_THREAD = 1 << 22, TOKEN = 4711 };
static _Atomic int heard;
static _Atomic int heard_codes;

static void hears(int signal) {
  CHECK(signal == SIGURG);
  atomic_fetch_add(&heard, 1);
}

static void hears_more(int signal, siginfo_t *info, void *context) {
  CHECK(context != NULL && (info->si_code != SI_QUEUE || info->si_value.sival_int == TOKEN));
  atomic_fetch_or(&heard_codes, info->si_code == SI_USER ? 1 : info->si_code == SI_QUEUE ? 2 : 4);
  hears(signal);
}

static bool listen_as(const char *how) {
  struct sigaction before = {0};
  sigemptyset(&before.sa_mask);
  if (strcmp(how, "siginfo") == 0) {
    before.sa_flags = SA_SIGINFO;
    before.sa_sigaction = hears_more;
  } else {
    before.sa_handler = strcmp(how, "plain") == 0 ? hears : strcmp(how, "ignored") == 0 ? SIG_IGN : SIG_DFL;
  }
  CHECK(sigaction(SIGURG, &before, NULL) == 0);
  return before.sa_flags != 0 || before.sa_handler == hears;
}

// A signal of a kind is pending once: so the next one is sent when this one has been heard.
static void from_elsewhere(bool is_heard, int kind) {
  int before = atomic_load(&heard);
  if (kind == 0) CHECK(kill(getpid(), SIGURG) == 0);
  if (kind == 1) CHECK(sigqueue(getpid(), SIGURG, (union sigval){.sival_int = TOKEN}) == 0);
  // As a library may send it, to a thread that is not preemptible.
  if (kind == 2) CHECK(pthread_kill(pthread_self(), SIGURG) == 0);
  while (is_heard && atomic_load(&heard) == before) usleep(20);
  CHECK(is_heard || atomic_load(&heard) == 0);
}

// Code that was made at run time -----------------------------------------------------------------------------------------

static uint64_t (*counts_down)(uint64_t);

static void make_code(void) {
#if defined(__x86_64__)
  static const uint8_t code[] = {0x48, 0x83, 0xef, 0x01, 0x75, 0xfa, 0xc3};
#elif defined(__aarch64__)
  static const uint32_t code[] = {0xf1000400, 0x54ffffe1, 0xd65f03c0};
#endif
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  memcpy(page, code, sizeof code);
  CHECK(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
  __builtin___clear_cache(page, (char *)page + sizeof code);
  memcpy(&counts_down, &page, sizeof page);
}

enum { RANGES = 64 };

static void finds_code(void) {
  heddle_number ranges[2 * RANGES + 2] = {0}, at = (heddle_number)(uintptr_t)counts_down;
  int32_t count = heddle_read_code(address(ranges), RANGES);
  CHECK(count > 0 && count <= RANGES && ranges[2 * count + 1] == 0);
  bool is_there = false;
  for (int i = 0; i < count; i++) {
    CHECK(ranges[2 * i] < ranges[2 * i + 1] && (i == 0 || ranges[2 * i - 1] <= ranges[2 * i]));
    if (at >= ranges[2 * i] && at < ranges[2 * i + 1]) is_there = true;
  }
  CHECK(is_there);
  // No room: two zeros and nothing else.
  ranges[0] = ranges[1] = ranges[2] = 7;
  CHECK(heddle_read_code(address(ranges), 0) == 0 && ranges[0] == 0 && ranges[1] == 0 && ranges[2] == 7);
  // Nobody is to be frozen by what was there before.
  struct rlimit usual;
  CHECK(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  struct rlimit none = {.rlim_cur = 0, .rlim_max = usual.rlim_max};
  ranges[0] = ranges[1] = 7;
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0 && heddle_read_code(address(ranges), RANGES) == -EMFILE);
  CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0 && ranges[0] == 0 && ranges[1] == 0);
}

// Ms ---------------------------------------------------------------------------------------------------------------------

enum { MS = 3 };

// Of the sleep word, what the handler does not know by itself.
enum {
  GIVEN = 1 << 11,
  ASKED_TO_LET_GO = HEDDLE_ASKED | HEDDLE_LETS_GO,
  ASKED_SEIZED = HEDDLE_ASKED | HEDDLE_SEIZED,
  ASKED_LOST = HEDDLE_ASKED | HEDDLE_LOST,
  SHELVED = HEDDLE_FROZEN | 1 << 2,
  ABANDONED = HEDDLE_FROZEN | HEDDLE_LOST,
};

struct m {
  struct heddle_preemptible self;
  _Atomic int32_t sleep;
  _Atomic int32_t locks;
  _Atomic int32_t given;
  _Atomic bool has_p;  // sysmon takes it from an M that is SEIZED, and gives it back
  _Atomic int32_t tid;
  _Atomic uint32_t steps;
  _Atomic bool is_inside;
  _Atomic bool is_over;
  heddle_number code[4];
  pthread_t thread;
};

static struct m ms[MS];
static _Atomic bool is_closing;

// Who is frozen in here stops all.
static pthread_mutex_t scheduler = PTHREAD_MUTEX_INITIALIZER;
static int64_t entered;

// From a task's code into the scheduler. False if it was given up for lost.
static bool enter(struct m *m) {
  atomic_store_explicit(&m->locks, 1, memory_order_relaxed);
  atomic_signal_fence(memory_order_seq_cst);
  int32_t given = atomic_exchange(&m->given, 0);
  if (given == 0) return true;
  if (given != HEDDLE_SEIZED) {
    CHECK((given & GIVEN) != 0);
    return true;
  }
  int32_t before = HEDDLE_LETS_GO;
  // Its P is still its own.
  if (atomic_compare_exchange_strong(&m->sleep, &before, HEDDLE_AWAKE)) return true;
  before = atomic_exchange(&m->sleep, HEDDLE_AWAKE);
  if (before == HEDDLE_LOST || before == ASKED_LOST) return false;
  CHECK(before == HEDDLE_SEIZED || before == ASKED_SEIZED);
  while (!atomic_load(&m->has_p)) usleep(20);
  return true;
}

static void leave(struct m *m) {
  atomic_signal_fence(memory_order_seq_cst);
  // Above the count there is the number of the turn.
  atomic_store_explicit(&m->locks, (int32_t)below(1000) << 8, memory_order_relaxed);
}

static void *runs(void *argument) {
  struct m *m = argument;
  state = (uint32_t)(uintptr_t)m | 1;
  CHECK(heddle_make_preemptible(address(&m->self)) == 0);
  // In a thread's first blocking call TSan makes what it keeps the thread's signals in, and loses one that comes meanwhile.
  usleep(1);
  // From here on it may be asked: before, the signal would not be for us.
  atomic_store(&m->tid, heddle_gettid());
  while (!atomic_load(&is_closing)) {
    if (!enter(m)) break;
    CHECK(pthread_mutex_lock(&scheduler) == 0);
    atomic_store_explicit(&m->is_inside, true, memory_order_relaxed);
    entered++;
    // The scheduler is such code, too.
    counts_down(20000);
    atomic_store_explicit(&m->is_inside, false, memory_order_relaxed);
    CHECK(pthread_mutex_unlock(&scheduler) == 0);
    leave(m);
    uint32_t kind = below(4);
    for (int i = 0; i < 20; i++) {
      errno = kind == 0 ? ENOENT : 0;
      if (kind < 2) counts_down(200000);
      else if (kind == 2) for (volatile int spin = 0; spin < 2000; spin++) {}
      CHECK(errno == (kind == 0 ? ENOENT : 0));
      // A signal ends it. In TSan's build handlers run here, and not before.
      usleep(1);
      atomic_fetch_add_explicit(&m->steps, 1, memory_order_relaxed);
    }
  }
  CHECK(heddle_make_preemptible(0) == 0);
  atomic_store(&m->is_over, true);
  return NULL;
}

static void start(struct m *m) {
  memset(m, 0, sizeof *m);
  heddle_number at = (heddle_number)(uintptr_t)counts_down;
  m->code[0] = at;
  m->code[1] = at + 4096;
  m->self = (struct heddle_preemptible){address(&m->sleep), address(&m->locks), address(&m->given), address(m->code), 0, 0};
  atomic_store(&m->has_p, true);
  CHECK(pthread_create(&m->thread, NULL, runs, m) == 0);
  while (atomic_load(&m->tid) == 0) usleep(20);
}

// sysmon -----------------------------------------------------------------------------------------------------------------

static int32_t (*send)(int32_t) = heddle_preempt;

static int32_t ask(struct m *m, int32_t from, int32_t question) {
  int32_t seen = from;
  if (!atomic_compare_exchange_strong(&m->sleep, &seen, question)) return seen;
  int32_t error = send(atomic_load(&m->tid));
  // One that was given up for lost may have come back, and ended, between the question and its signal.
  CHECK(error == 0 || (error == -ESRCH && atomic_load(&m->is_over)));
  while ((seen = atomic_load(&m->sleep)) == question) usleep(20);
  return seen;
}

static void stands_still(struct m *m) {
  uint32_t steps = atomic_load(&m->steps);
  usleep(below(300));
  CHECK(atomic_load(&m->steps) == steps);
}

static void give_p(struct m *m) {
  int32_t seen = SHELVED;
  CHECK(atomic_compare_exchange_strong(&m->sleep, &seen, GIVEN | (int32_t)below(8) << 16));
  CHECK(heddle_futex_wake(address(&m->sleep), 1) >= 0);
}

// From one that lets it go. False: that is back.
static bool takes_p(struct m *m, int32_t *state) {
  if (!atomic_compare_exchange_strong(&m->sleep, state, HEDDLE_SEIZED)) return false;
  *state = HEDDLE_SEIZED;
  return true;
}

static int frozen, seized, refused;

static void preempts(struct m *m) {
  int32_t answer = ask(m, HEDDLE_AWAKE, below(4) == 0 ? ASKED_TO_LET_GO : HEDDLE_ASKED);
  if (answer == HEDDLE_LETS_GO) takes_p(m, &answer);
  while (answer == HEDDLE_SEIZED) {
    seized++;
    atomic_store(&m->has_p, false);
    usleep(below(100));
    answer = ask(m, HEDDLE_SEIZED, ASKED_SEIZED);
  }
  // It may be back, and wait for it.
  atomic_store(&m->has_p, true);
  if (answer != HEDDLE_FROZEN) {
    refused += answer == HEDDLE_AWAKE;
    return;
  }
  frozen++;
  CHECK(!atomic_load(&m->is_inside));
  CHECK(atomic_compare_exchange_strong(&m->sleep, &answer, SHELVED));
  if (below(4) == 0) stands_still(m);
  give_p(m);
}

// Until it is what it is to be. Afterwards it never goes on.
static void is_given_up(struct m *m) {
  for (;;) {
    int32_t answer = ask(m, HEDDLE_AWAKE, HEDDLE_ASKED);
    if (answer == HEDDLE_FROZEN) {
      CHECK(atomic_compare_exchange_strong(&m->sleep, &answer, ABANDONED));
      // Whoever wakes it: it sleeps again.
      heddle_futex_wake(address(&m->sleep), 1);
      stands_still(m);
      return;
    }
  }
}

// Where it cannot be frozen: it ends when it comes back, or is frozen for good before.
static void is_lost(struct m *m) {
  int32_t state;
  do {
    int32_t answer = ask(m, HEDDLE_AWAKE, ASKED_TO_LET_GO);
    if (answer == HEDDLE_FROZEN) {
      CHECK(atomic_compare_exchange_strong(&m->sleep, &answer, SHELVED));
      give_p(m);
    }
    state = HEDDLE_LETS_GO;
  } while (!takes_p(m, &state) || !atomic_compare_exchange_strong(&m->sleep, &state, HEDDLE_LOST));
  while (!atomic_load(&m->is_over) && atomic_load(&m->sleep) != ABANDONED) ask(m, HEDDLE_LOST, ASKED_LOST);
  if (!atomic_load(&m->is_over)) return stands_still(m);
  CHECK(pthread_join(m->thread, NULL) == 0);
}

// Somebody installs a handler of their own, with a lock, and passes signals on ------------------------------------------

#ifndef __SANITIZE_THREAD__

static struct sigaction intruded;
static pthread_mutex_t intruders = PTHREAD_MUTEX_INITIALIZER;

static void intrudes(int signal, siginfo_t *info, void *context) {
  CHECK(pthread_mutex_lock(&intruders) == 0);
  if ((intruded.sa_flags & SA_SIGINFO) != 0) intruded.sa_sigaction(signal, info, context);
  CHECK(pthread_mutex_unlock(&intruders) == 0);
}

static int32_t send_to_intruder(int32_t tid) {
  return syscall(SYS_tgkill, getpid(), tid, SIGURG) == 0 ? 0 : -errno;
}

static void is_intruded(bool is_heard) {
  struct sigaction intruder = {.sa_sigaction = intrudes, .sa_flags = SA_SIGINFO};
  sigemptyset(&intruder.sa_mask);
  CHECK(sigaction(SIGURG, &intruder, &intruded) == 0);
  // While it is on top, nobody is frozen inside of it.
  send = send_to_intruder;
  int before = frozen;
  for (int i = 0; i < 100; i++) preempts(&ms[below(MS)]);
  CHECK(frozen == before);
  for (int i = 0; i < 10; i++) from_elsewhere(is_heard, i % 3);
  // Ours comes on top of it.
  send = heddle_preempt;
  while (frozen < before + 20) preempts(&ms[below(MS)]);
  CHECK(pthread_mutex_lock(&intruders) == 0 && pthread_mutex_unlock(&intruders) == 0);
  for (int i = 0; i < 10; i++) from_elsewhere(is_heard, i % 3);
}

#endif

// Who asks before anything is installed sends the signal, and that is all.
static void asks_too_early(void) {
  struct sigaction before, after;
  CHECK(sigaction(SIGURG, NULL, &before) == 0);
  CHECK(heddle_preempt(NO_THREAD) == -ESRCH);
  CHECK(sigaction(SIGURG, NULL, &after) == 0 && after.sa_handler == before.sa_handler);
}

int main(int count, char **arguments) {
  CHECK(count == 2);
  bool is_heard = listen_as(arguments[1]);
  asks_too_early();
  CHECK(heddle_install_preemption() == 0 && heddle_install_preemption() == 0);
  CHECK(heddle_preempt(NO_THREAD) == -ESRCH && heddle_cpu_ns(NO_THREAD) == -1);
  heddle_number before = heddle_cpu_ns(heddle_gettid());
  make_code();
  finds_code();
  counts_down(5000000);
  CHECK(before >= 0 && heddle_cpu_ns(heddle_gettid()) > before);
  for (int i = 0; i < 30; i++) from_elsewhere(is_heard, i % 3);

  for (int i = 0; i < MS; i++) start(&ms[i]);
#ifdef __SANITIZE_THREAD__
  puts("left out: signals from elsewhere to threads that are asked. Of one kind TSan keeps one for each thread.");
#endif
  for (int i = 0; i < 1000 || frozen < 100 || seized < 10; i++) {
    preempts(&ms[below(MS)]);
#ifndef __SANITIZE_THREAD__
    if (i % 8 == 0) from_elsewhere(is_heard, (int)below(3));
#endif
  }
#ifdef __SANITIZE_THREAD__
  puts("left out: a handler that is installed later. TSan calls all handlers from its own.");
#else
  is_intruded(is_heard);
#endif
  int32_t refusals = 0;
  for (int i = 0; i < MS; i++) refusals += ms[i].self.refused_in_native + ms[i].self.refused_in_scheduler;
  // It refuses questions to an M that was seized as well.
  CHECK(refused > 0 && refusals >= refused);
  is_given_up(&ms[0]);
  is_lost(&ms[1]);
  atomic_store(&is_closing, true);
  // Its last question may have been answered by a handler that sleeps now.
  CHECK(pthread_join(ms[2].thread, NULL) == 0 && atomic_load(&ms[2].is_over));
  CHECK(!is_heard || strcmp(arguments[1], "siginfo") != 0 || atomic_load(&heard_codes) == 7);
  puts("done");
  return 0;
}

// Drives every function of native/shim.h from several threads: to be built with it under a sanitizer, which says what
// is wrong. Plays the host's part and sysmon's as scheduler/native/queue.ts and native_watch.ts do. Ends with 0.
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// What a thread asks and sets for itself ---------------------------------------------------------------------------

static void *looks_at_itself(void *argument) {
  (void)argument;
  CHECK(heddle_abi() == HEDDLE_ABI);
  CHECK(heddle_gettid() == (int32_t)syscall(SYS_gettid));
  CHECK(heddle_cpu() >= 0);
  CHECK(heddle_yield() == 0);
  heddle_number before = heddle_now_ns();
  CHECK(heddle_now_ns() >= before);
  CHECK(heddle_ticks() > 0);

  char longest[HEDDLE_NAME_MAX + 1] = "fifteen-bytes-x";
  CHECK(strlen(longest) == HEDDLE_NAME_MAX && heddle_set_thread_name(longest) == 0);
  // Without an end: 16 bytes are looked at, and no more.
  char *endless = malloc(HEDDLE_NAME_MAX + 1);
  memset(endless, 'x', HEDDLE_NAME_MAX + 1);
  CHECK(heddle_set_thread_name(endless) == -ERANGE);
  free(endless);

  uint8_t *mask = malloc(1024);
  int32_t bytes = heddle_get_affinity(0, mask, 1024);
  CHECK(bytes > 0 && bytes % 8 == 0);
  CHECK(heddle_set_affinity(mask, (uint32_t)bytes) == 0);
  memset(mask, 0, 1024);
  CHECK(heddle_set_affinity(mask, 1024) == -EINVAL);
  CHECK(heddle_get_affinity(INT_MAX, mask, 1024) == -ESRCH);
  CHECK(heddle_get_affinity(0, mask, 7) == -EINVAL);
  free(mask);

  CHECK(heddle_set_nice(19) == 0);
  int32_t fifo = heddle_set_fifo_priority(0);
  CHECK(fifo == -EINVAL || fifo == -EPERM);
  CHECK(heddle_set_timer_slack(1) == 0 && heddle_set_timer_slack(0) == 0);

  _Atomic int32_t word = 5;
  CHECK(heddle_futex_wait(address(&word), 4, -1) == -EAGAIN);
  CHECK(heddle_futex_wait(address(&word), 5, 0) == -ETIMEDOUT);
  CHECK(heddle_futex_wait(address(&word), 5, 1500) == -ETIMEDOUT);
  CHECK(heddle_futex_wait(address(&word) + 1, 5, 0) == -EINVAL);
  CHECK(heddle_futex_wait(8, 5, 0) == -EFAULT);
  CHECK(heddle_futex_wake(address(&word), INT_MAX) == 0);
  return NULL;
}

// Futexes ------------------------------------------------------------------------------------------------------------

enum { TURNS = 300, TURN_TAKERS = 4 };
static _Atomic int32_t turn;
static int32_t guarded;

// Each in turn, so the plain counter is never touched by two.
static void *takes_turns(void *argument) {
  int32_t own = (int32_t)(intptr_t)argument;
  for (int i = 0; i < TURNS; i++) {
    for (int32_t now; (now = atomic_load(&turn)) % TURN_TAKERS != own;) {
      int32_t result = heddle_futex_wait(address(&turn), now, below(2) ? -1 : 200);
      CHECK(result == 0 || result == -EAGAIN || result == -ETIMEDOUT);
    }
    guarded++;
    atomic_fetch_add(&turn, 1);
    CHECK(heddle_futex_wake(address(&turn), INT_MAX) >= 0);
  }
  return NULL;
}

static void futexes(void) {
  pthread_t threads[TURN_TAKERS];
  for (intptr_t i = 0; i < TURN_TAKERS; i++) {
    CHECK(pthread_create(&threads[i], NULL, takes_turns, (void *)i) == 0);
  }
  for (int i = 0; i < TURN_TAKERS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK(guarded == TURNS * TURN_TAKERS);
}

// Native Ms ----------------------------------------------------------------------------------------------------------

enum { CALLS = 64, MAX_THREADS = 5 };

struct stage {
  struct heddle_native_host host;
  struct heddle_native_queue queue;
  struct heddle_call calls[CALLS];
  _Atomic int32_t ring[CALLS];
  _Atomic int32_t statuses[MAX_THREADS * HEDDLE_STATUS_STRIDE];
  _Atomic int32_t sysmon;
  _Atomic int32_t host_sleeps;
  _Atomic int32_t closing;
};

static int64_t sums(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, int64_t g, int64_t h) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
}

static double halves(double a, double b) {
  return (a + b) / 2;
}

static int64_t fails(int64_t error) {
  errno = (int)error;
  return -1;
}

static int64_t dozes(int64_t us) {
  usleep((useconds_t)us);
  return us;
}

#if defined(__aarch64__)
enum { INT_REGISTERS = 8 };
#else
enum { INT_REGISTERS = 6 };
#endif

static void fill(struct heddle_call *call, int32_t kind, int32_t n) {
  memset(call, 0, sizeof *call);
  if (kind == 0) {
    call->function = (uint64_t)(uintptr_t)sums;
    call->kind = HEDDLE_CALL_USES_STACK;
    for (int i = 0; i < 8; i++) {
      uint64_t *to = i < INT_REGISTERS ? &call->ints[i] : &call->stack[i - INT_REGISTERS];
      *to = (uint64_t)(int64_t)(n + i);
    }
  } else if (kind == 1) {
    call->function = (uint64_t)(uintptr_t)halves;
    call->kind = HEDDLE_CALL_RETURNS_FLOAT | (n % 2 ? HEDDLE_CALL_USES_STACK : 0);
    call->floats[0] = n;
    call->floats[1] = 1;
  } else {
    call->function = (uint64_t)(uintptr_t)(kind == 2 ? fails : dozes);
    call->ints[0] = kind == 2 ? (uint64_t)(n % 100 + 1) : below(3000);
  }
}

static void verify(const struct heddle_call *call, int32_t kind, int32_t n) {
  double number;
  memcpy(&number, &call->result, sizeof number);
  if (kind == 0) CHECK((int64_t)call->result == sums(n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7));
  if (kind == 1) CHECK(number == (n + 1.0) / 2);
  if (kind == 2) CHECK((int64_t)call->result == -1 && call->error == n % 100 + 1);
  if (kind == 3) CHECK(call->result == call->ints[0]);
}

static struct stage *open_stage(bool is_pool) {
  struct stage *stage = NULL;
  CHECK(posix_memalign((void **)&stage, 64, sizeof *stage) == 0);
  memset(stage, 0, sizeof *stage);
  stage->host.calls = address(stage->calls);
  stage->host.sysmon = address(&stage->sysmon);
  stage->queue.host = address(&stage->host);
  stage->queue.ring = address(stage->ring);
  stage->queue.statuses = is_pool ? address(stage->statuses) : 0;
  stage->queue.stack_bytes = is_pool ? 512 << 10 : 0;
  stage->queue.idle_us = is_pool ? 2000 : -1;
  stage->queue.mask = CALLS - 1;
  stage->queue.limit = is_pool ? 2 : 1;
  stage->queue.max_threads = is_pool ? MAX_THREADS : 1;
  return stage;
}

static void *plays_sysmon(void *argument) {
  struct stage *stage = argument;
  int32_t before[MAX_THREADS] = {0};
  while (!atomic_load(&stage->closing)) {
    if (atomic_exchange(&stage->host.call_host, 0) == 1) {
      atomic_store(&stage->host_sleeps, 0);
      heddle_futex_wake(address(&stage->host_sleeps), 1);
    }
    bool waits = atomic_load(&stage->queue.head) != atomic_load(&stage->queue.tail);
    for (int i = 0; waits && i < MAX_THREADS; i++) {
      _Atomic int32_t *status = &stage->statuses[i * HEDDLE_STATUS_STRIDE];
      int32_t seen = atomic_load(status);
      if ((seen & 3) == HEDDLE_IN_CALL && seen == before[i]) {
        int32_t expected = seen;
        if (atomic_compare_exchange_strong(status, &expected, seen | HEDDLE_STUCK)) {
          atomic_fetch_sub(&stage->queue.state, HEDDLE_ONE_ACTIVE);
        }
      }
      before[i] = seen;
    }
    if (waits && (atomic_load(&stage->queue.state) >> 1 & 0x7fff) < (uint32_t)stage->queue.limit) {
      CHECK(heddle_native_wake(address(&stage->queue)) == 0);
    }
    // As it does when it sleeps for long: announce, look once more, sleep.
    bool announces = below(2);
    if (announces) atomic_store(&stage->sysmon, 2);
    bool is_wanted = atomic_load(&stage->host.call_host) == 1 ||
                     atomic_load(&stage->queue.head) != atomic_load(&stage->queue.tail);
    if (!is_wanted || !announces) heddle_futex_wait(address(&stage->sysmon), announces ? 2 : 0, 100);
    atomic_store(&stage->sysmon, 0);
  }
  return NULL;
}

static void push(struct stage *stage, int32_t number) {
  uint32_t tail = atomic_load(&stage->queue.tail);
  atomic_store_explicit(&stage->ring[tail & (CALLS - 1)], number, memory_order_relaxed);
  atomic_store(&stage->queue.tail, tail + 1);
  atomic_store(&stage->host.cpu, heddle_cpu());
  CHECK(heddle_native_wake(address(&stage->queue)) == 0);
}

// Until a call is done. Returns the list.
static int32_t await_done(struct stage *stage) {
  for (;;) {
    int32_t done = atomic_exchange(&stage->host.done, 0);
    if (done != 0) return done;
    atomic_store(&stage->host_sleeps, 1);
    atomic_store(&stage->host.asleep, 1);
    if (atomic_load(&stage->host.done) == 0) heddle_futex_wait(address(&stage->host_sleeps), 1, -1);
    atomic_store(&stage->host.asleep, 0);
  }
}

static void pool(int rounds) {
  struct stage *stage = open_stage(true);
  pthread_t sysmon;
  CHECK(pthread_create(&sysmon, NULL, plays_sysmon, stage) == 0);
  int32_t kinds[CALLS], numbers[CALLS], spare[CALLS];
  int free_calls = CALLS;
  for (int i = 0; i < CALLS; i++) spare[i] = i;
  for (int made = 0, done = 0; done < rounds;) {
    int burst = (int)below(20);
    for (; burst > 0 && free_calls > 0 && made < rounds; burst--, made++) {
      int32_t number = spare[--free_calls];
      kinds[number] = below(20) == 0 ? 3 : (int32_t)below(3);
      numbers[number] = made;
      fill(&stage->calls[number], kinds[number], made);
      push(stage, number);
    }
    if (made == done) continue;
    for (int32_t next = await_done(stage); next != 0;) {
      struct heddle_call *call = &stage->calls[next - 1];
      verify(call, kinds[next - 1], numbers[next - 1]);
      spare[free_calls++] = next - 1;
      done++;
      next = call->next;
    }
    // Long enough for threads to end, at times.
    if (below(200) == 0) usleep(4000);
  }
  // Closed with calls under way, which nobody waits for.
  for (int i = 0; i < 4 && free_calls > 0; i++) {
    int32_t number = spare[--free_calls];
    fill(&stage->calls[number], 3, 0);
    push(stage, number);
  }
  atomic_fetch_or(&stage->queue.permits, HEDDLE_CLOSED);
  heddle_futex_wake(address(&stage->queue.permits), INT_MAX);
  atomic_store(&stage->closing, 1);
  CHECK(pthread_join(sysmon, NULL) == 0);
  while (atomic_load(&stage->host.threads) != 0) usleep(100);
  free(stage);
}

// A thread of its own: calls in order, then the call without a function.
static void native_thread(void) {
  struct stage *stage = open_stage(false);
  for (int i = 0; i < 40; i++) {
    fill(&stage->calls[i], i < 39 ? i % 3 : 0, i);
    if (i == 39) stage->calls[i].function = 0;
    push(stage, i);
  }
  for (int done = 0; done < 40;) {
    int32_t next = atomic_exchange(&stage->host.done, 0);
    if (next == 0) usleep(100);
    for (; next != 0; next = stage->calls[next - 1].next, done++) {
      if (next - 1 < 39) verify(&stage->calls[next - 1], (next - 1) % 3, next - 1);
    }
  }
  while (atomic_load(&stage->host.threads) != 0) usleep(100);
  CHECK(atomic_load(&stage->queue.threads) == 0);
  free(stage);
}

// They are never freed; as pointers they are known to LeakSanitizer.
static void *lives[3];

static void *lives_on(void *argument) {
  heddle_number life = heddle_life();
  CHECK(life > 0 && heddle_life() == life && heddle_has_ended(life) == 0);
  *(void **)argument = (void *)(uintptr_t)life;
  return NULL;
}

static void ends(void) {
  lives_on(&lives[2]);
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    CHECK(pthread_create(&threads[i], NULL, lives_on, &lives[i]) == 0);
  }
  for (int i = 0; i < 2; i++) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(heddle_has_ended((heddle_number)(uintptr_t)lives[i]) == 1);
  }
  CHECK(lives[0] != lives[1] && heddle_has_ended((heddle_number)(uintptr_t)lives[2]) == 0);
}

static void descriptors(void) {
  struct rlimit usual, few;
  CHECK(getrlimit(RLIMIT_NOFILE, &usual) == 0);
  CHECK(heddle_try_worker(0) == 0 && heddle_try_worker(64) == 0 && heddle_try_worker(257) == -EINVAL);
  few = (struct rlimit){.rlim_cur = 16, .rlim_max = usual.rlim_max};
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  // None stays open.
  for (int i = 0; i < 3; i++) CHECK(heddle_try_worker(4) == 0 && heddle_try_worker(17) == -EMFILE);
  CHECK(setrlimit(RLIMIT_NOFILE, &usual) == 0);
}

// Descriptors that are waited for ------------------------------------------------------------------------------------

enum { ROUNDS = 200 };

struct waiting {
  struct heddle_poller poller;
  _Atomic int32_t sysmon;
  _Atomic int32_t word;
};

// sysmon's part and that of the thread with the set: the word is MAILED, then NONE, and the set is looked into.
static void hears(struct waiting *waiting, int32_t set, int32_t descriptor, int32_t generation) {
  int32_t ready[3] = {0};
  while (heddle_poll_take(set, ready, 1) == 0) {
    CHECK(heddle_poller_arm(address(&waiting->poller), set, address(&waiting->word)) == 0);
    while (atomic_load(&waiting->word) == HEDDLE_POLL_NONE) {
      atomic_store(&waiting->sysmon, 1);
      if (atomic_exchange(&waiting->poller.fired, 0) == 0) heddle_futex_wait(address(&waiting->sysmon), 1, -1);
      atomic_store(&waiting->sysmon, 0);
    }
    CHECK(atomic_exchange(&waiting->word, HEDDLE_POLL_NONE) == HEDDLE_POLL_FIRED);
  }
  CHECK(ready[0] == descriptor && ready[1] == generation && (ready[2] & EPOLLIN) != 0);
}

static void *writes(void *argument) {
  int *ends = argument;
  char byte;
  for (int round = 0; round < ROUNDS; round++) CHECK(write(ends[3], "x", 1) == 1 && read(ends[0], &byte, 1) == 1);
  return NULL;
}

static void *polls(void *argument) {
  struct waiting waiting = {0};
  (void)argument;
  heddle_number poller = address(&waiting.poller);
  CHECK(heddle_poller_open(poller, address(&waiting.sysmon)) == 0);
  CHECK(heddle_poller_open(poller, address(&waiting.sysmon)) == 0);
  int32_t set = heddle_poll_open();
  CHECK(set >= 0);
  int ends[4];
  CHECK(pipe(ends) == 0 && pipe(ends + 2) == 0);
  pthread_t writer;
  CHECK(heddle_poll_control(set, EPOLL_CTL_MOD, ends[2], EPOLLIN, 1) == -ENOENT);
  CHECK(heddle_poll_control(set, EPOLL_CTL_ADD, ends[2], EPOLLIN | EPOLLONESHOT, INT_MIN) == 0);
  CHECK(pthread_create(&writer, NULL, writes, ends) == 0);
  for (int round = 0; round < ROUNDS; round++) {
    char byte;
    hears(&waiting, set, ends[2], round == 0 ? INT_MIN : round);
    CHECK(read(ends[2], &byte, 1) == 1);
    CHECK(heddle_poll_control(set, EPOLL_CTL_MOD, ends[2], EPOLLIN | EPOLLONESHOT, round + 1) == 0);
    CHECK(write(ends[1], "x", 1) == 1);
  }
  CHECK(pthread_join(writer, NULL) == 0);
  CHECK(heddle_poll_control(set, EPOLL_CTL_DEL, ends[2], 0, 0) == 0);
  for (int i = 0; i < 4; i++) CHECK(heddle_close_descriptor(ends[i]) == 0);
  CHECK(heddle_close_descriptor(ends[0]) == -EBADF);
  heddle_poller_close(poller);
  heddle_poller_close(poller);
  CHECK(heddle_poller_arm(poller, set, address(&waiting.word)) == -ESHUTDOWN);
  CHECK(heddle_poller_open(poller, address(&waiting.sysmon)) == -ESHUTDOWN);
  CHECK(heddle_close_descriptor(set) == 0);
  return NULL;
}

static void *plays(void *argument) {
  state = (uint32_t)(uintptr_t)argument * 2654435761u | 1;
  looks_at_itself(NULL);
  for (int i = 0; i < 5; i++) native_thread();
  pool(20000);
  return NULL;
}

int main(void) {
  futexes();
  ends();
  descriptors();
  pthread_t threads[3];
  for (intptr_t i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, plays, (void *)(i + 1)) == 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  // By themselves: numbers of descriptors that were closed are not used again.
  for (int i = 0; i < 3; i++) polls(NULL);
  puts("done");
  return 0;
}

// Two threads of C that pass a ball, by futexes or by pipes, and sleep as soon as they have none: what a round trip costs at the
// least.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NO_BALL = 0, BALL = 1 };

// Each word on a cache line of its own.
struct side {
  _Alignas(64) _Atomic int32_t mine;
  _Atomic int32_t *theirs;
  int32_t balls;
};

static void pass(_Atomic int32_t *to) {
  atomic_store(to, BALL);
  syscall(SYS_futex, to, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

static void *plays(void *argument) {
  struct side *side = argument;
  for (int32_t ball = 0; ball < side->balls; ball++) {
    while (atomic_load(&side->mine) == NO_BALL) {
      syscall(SYS_futex, &side->mine, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, NO_BALL, NULL, NULL, 0);
    }
    atomic_store(&side->mine, NO_BALL);
    pass(side->theirs);
  }
  return NULL;
}

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

// Microseconds of a round trip, with the threads' start and end; -1 if there can be no threads.
double round_trip_us(int32_t times) {
  static struct side one, two;
  one = (struct side){.theirs = &two.mine, .balls = times};
  two = (struct side){.theirs = &one.mine, .balls = times};
  pthread_t threads[2];
  double start = now_us();
  if (pthread_create(&threads[0], NULL, plays, &one) != 0) return -1;
  if (pthread_create(&threads[1], NULL, plays, &two) != 0) return -1;
  pass(&one.mine);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  return (now_us() - start) / times;
}

// By pipes -----------------------------------------------------------------------------------------------------------

struct player {
  int reader;
  int writer;
  int32_t balls;
  // The how manieth CPU of those that it may use, from 0; below 0: any.
  int cpu;
  bool failed;
};

static bool stay_on(int nth) {
  if (nth < 0) return true;
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || nth-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  }
  return false;
}

static void *plays_by_pipe(void *argument) {
  struct player *player = argument;
  player->failed = !stay_on(player->cpu);
  char byte = 0;
  for (int32_t ball = 0; ball < player->balls; ball++) {
    if (read(player->reader, &byte, 1) != 1 || write(player->writer, &byte, 1) != 1) player->failed = true;
  }
  return NULL;
}

// The same by pipes: on any CPUs (0), both on one (1), or each on one of its own (2). -1 if that cannot be.
double pipe_round_trip_us(int32_t times, int32_t cpus) {
  int there[2], back[2];
  if (pipe(there) != 0) return -1;
  if (pipe(back) != 0) return -1;
  struct player one = {.reader = back[0], .writer = there[1], .balls = times, .cpu = cpus == 0 ? -1 : 0};
  struct player two = {.reader = there[0], .writer = back[1], .balls = times, .cpu = cpus - 1};
  pthread_t threads[2];
  double start = now_us();
  if (pthread_create(&threads[0], NULL, plays_by_pipe, &one) != 0) return -1;
  if (pthread_create(&threads[1], NULL, plays_by_pipe, &two) != 0) return -1;
  bool served = write(there[1], "", 1) == 1;
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  double us = (now_us() - start) / times;
  for (int i = 0; i < 2; i++) {
    close(there[i]);
    close(back[i]);
  }
  return served && !one.failed && !two.failed ? us : -1;
}

// Two threads of C that pass a ball by futexes, and sleep as soon as they have none: what a round trip costs at the least.
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
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

// Microseconds of a round trip, with the threads' start and end; -1 if there can be no threads.
double round_trip_us(int32_t times) {
  static struct side one, two;
  one = (struct side){.theirs = &two.mine, .balls = times};
  two = (struct side){.theirs = &one.mine, .balls = times};
  pthread_t threads[2];
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (pthread_create(&threads[0], NULL, plays, &one) != 0) return -1;
  if (pthread_create(&threads[1], NULL, plays, &two) != 0) return -1;
  pass(&one.mine);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  clock_gettime(CLOCK_MONOTONIC, &end);
  return ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / 1e3 / times;
}

// "The netpoller" in scheduler/sysmon/README.md has the protocol. tests/model/scenarios/netpoll.ts is the thread once more, for
// the model checker: change both.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

_Static_assert(sizeof(struct heddle_poller) == 64, "scheduler/arena/layout/native.ts lays it out");
_Static_assert(offsetof(struct heddle_poller, fired) == 8, "see above");
_Static_assert(sizeof(pthread_t) == 8, "it has 64 bits in the struct");

// What one wait takes: as many poll sets as a scheduler has threads, or there is a next time.
enum { POLLER_BATCH = 64 };
// What a thread takes out of its set at once. Its caller has room for no more.
enum { MOST_READY = 256 };
// Bytes of a stack that has no more on it than the events. Only what is touched takes memory, and glibc refuses less than 128 KiB on
// aarch64.
enum { POLLER_STACK = 256 << 10 };

// Held to write by who starts or ends a poller, to read by who arms in one: so nobody arms in a descriptor that is closed, whose
// number is another one's by then. One for all schedulers of the process, as the structs are in arenas, plain memory.
static pthread_rwlock_t pollers = PTHREAD_RWLOCK_INITIALIZER;

static void *pointer(heddle_number address) {
  return (void *)(uintptr_t)address;
}

static int32_t negative_errno(int result) {
  return result < 0 ? -errno : result;
}

// Poll sets: each belongs to one thread --------------------------------------------------------------------------------------

int32_t heddle_poll_open(void) {
  return negative_errno(epoll_create1(EPOLL_CLOEXEC));
}

int32_t heddle_poll_control(int32_t set, int32_t operation, int32_t descriptor, uint32_t events, int32_t generation) {
  struct epoll_event event = {
      .events = events,
      .data.u64 = (uint64_t)(uint32_t)generation << 32 | (uint32_t)descriptor,
  };
  return negative_errno(epoll_ctl(set, operation, descriptor, &event));
}

int32_t heddle_poll_take(int32_t set, int32_t *ready, int32_t most) {
  struct epoll_event events[MOST_READY];
  int count;
  do {
    count = epoll_wait(set, events, most < MOST_READY ? most : MOST_READY, 0);
  } while (count < 0 && errno == EINTR);
  for (int i = 0; i < count; i++) {
    *ready++ = (int32_t)(uint32_t)events[i].data.u64;
    *ready++ = (int32_t)(uint32_t)(events[i].data.u64 >> 32);
    *ready++ = (int32_t)events[i].events;
  }
  return negative_errno(count);
}

int32_t heddle_close_descriptor(int32_t descriptor) {
  return negative_errno(close(descriptor));
}

// The thread that waits for all of them --------------------------------------------------------------------------------------

static void *heddle_poller_loop(void *argument) {
  struct heddle_poller *poller = argument;
  struct epoll_event events[POLLER_BATCH];
  heddle_set_thread_name("heddle-poller");
  for (;;) {
    int count = epoll_wait(poller->epoll - 1, events, POLLER_BATCH, -1);
    bool has_fired = false;
    for (int i = 0; i < count; i++) {
      _Atomic int32_t *word = pointer((heddle_number)events[i].data.u64);
      if (word == NULL) return NULL;
      int32_t none = HEDDLE_POLL_NONE;
      // If something is there, a mail is to come. Its reader stores NONE, then looks at the set, and at last arms it again.
      has_fired |= atomic_compare_exchange_strong(word, &none, HEDDLE_POLL_FIRED);
    }
    if (!has_fired) continue;
    // Partner: sysmon takes it by exchange, then looks at all words.
    atomic_store(&poller->fired, 1);
    heddle_kick_sysmon(poller->sysmon, true);
  }
}

static int32_t open_poller(struct heddle_poller *poller) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};
  int error = epoll < 0 || stop < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, stop, &event) < 0 ? errno : 0;
  if (error == 0) {
    pthread_t thread;
    poller->epoll = epoll + 1;
    poller->stop = stop;
    error = heddle_start_thread(&thread, heddle_poller_loop, poller, POLLER_STACK);
    poller->thread = (uint64_t)thread;
  }
  if (error == 0) return 0;
  poller->epoll = 0;
  if (epoll >= 0) close(epoll);
  if (stop >= 0) close(stop);
  return -error;
}

int32_t heddle_poller_open(heddle_number address, heddle_number sysmon) {
  struct heddle_poller *poller = pointer(address);
  pthread_rwlock_wrlock(&pollers);
  int32_t result = poller->epoll < 0 ? -ESHUTDOWN : 0;
  if (poller->epoll == 0) {
    poller->sysmon = sysmon;
    result = open_poller(poller);
  }
  pthread_rwlock_unlock(&pollers);
  if (result != 0) return result;
  atomic_store(&poller->fired, 1);
  heddle_kick_sysmon(sysmon, true);
  return 0;
}

int32_t heddle_poller_arm(heddle_number address, int32_t set, heddle_number word) {
  struct heddle_poller *poller = pointer(address);
  struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = (uint64_t)word};
  pthread_rwlock_rdlock(&pollers);
  int32_t result = -ESHUTDOWN;
  if (poller->epoll > 0) {
    int epoll = poller->epoll - 1;
    result = epoll_ctl(epoll, EPOLL_CTL_MOD, set, &event) == 0 ? 0 : -errno;
    if (result == -ENOENT) result = negative_errno(epoll_ctl(epoll, EPOLL_CTL_ADD, set, &event));
  }
  pthread_rwlock_unlock(&pollers);
  return result;
}

void heddle_poller_close(heddle_number address) {
  struct heddle_poller *poller = pointer(address);
  pthread_rwlock_wrlock(&pollers);
  if (poller->epoll > 0) {
    eventfd_write(poller->stop, 1);
    pthread_join((pthread_t)poller->thread, NULL);
    close(poller->epoll - 1);
    close(poller->stop);
  }
  poller->epoll = -1;
  pthread_rwlock_unlock(&pollers);
}

// What the drivers of the shim have in common.
#ifndef CHECK_H
#define CHECK_H

#include "../../native/shim.h"

#include <stdio.h>
#include <unistd.h>

#define CHECK(what)                                                     \
  do {                                                                  \
    if (!(what)) {                                                      \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      _exit(1);                                                         \
    }                                                                   \
  } while (0)

static inline heddle_number address(const void *memory) {
  return heddle_address(memory);
}

// A random number of each thread's own.
static _Thread_local uint32_t state = 1;

static uint32_t below(uint32_t n) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % n;
}

#endif

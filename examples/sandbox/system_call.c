// A system call by its number, with its error as the result: errno itself may be another call's by the time that a second
// call from TypeScript reads it.

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

// The result, which fits an int for the calls that are made here, or -errno. Arguments that a call does not take are 0.
int32_t sandbox_system_call(int32_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
  long result = syscall(number, a, b, c, d, e);
  return result < 0 ? -errno : (int32_t)result;
}

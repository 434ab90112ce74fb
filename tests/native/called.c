// What tests call through native Ms: every kind of parameter and result, errno, and calls that wait to be let go.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int32_t answer = 42;
const char *motto = "warp and weft";

// Of the type that the caller says: what is above its bits is set all the same.
uint64_t dirty(uint64_t low) {
  return low | 0xdead0000u | 0xbeefcafe00000000u;
}

int64_t whole(int64_t register_as_it_is) {
  return register_as_it_is;
}

bool is_true(bool b) {
  return b;
}

float half(float x) {
  return x / 2;
}

double twice(double x) {
  return x * 2;
}

void *next_byte(char *pointer) {
  return pointer + 1;
}

// Each argument has its own weight. Integers from the 7th and floats from the 9th come by the stack.
double mixed(int8_t a, double b, uint8_t c, float d, int16_t e, double f, uint16_t g, float h, int32_t i, double j,
             uint32_t k, float l, int64_t m, double n, uint64_t o, float p, bool q, double r, const uint8_t *s, float t,
             double u, const uint8_t *v) {
  return 1 * a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * h + 19 * i + 23 * j + 29 * (double)k + 31 * l +
         37 * m + 41 * n + 43 * (double)o + 47 * p + 53 * q + 59 * r + 61 * s[0] + 67 * t + 71 * u + 73 * v[1];
}

// 6 integers and 8 floats in registers, 8 integers and 8 floats on the stack: all that there can be.
double most(int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, double g, double h, double i, double j,
            double k, double l, double m, double n, int64_t o, int64_t p, int64_t q, int64_t r, int64_t s, int64_t t,
            int64_t u, int64_t v, double w, double x, double y, double z, double a2, double b2, double c2, double d2) {
  return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l + 13 * m +
         14 * n + 15 * o + 16 * p + 17 * q + 18 * r + 19 * s + 20 * t + 21 * u + 22 * v + 23 * w + 24 * x + 25 * y +
         26 * z + 27 * a2 + 28 * b2 + 29 * c2 + 30 * d2;
}

int32_t fail_with(int32_t error) {
  errno = error;
  return -1;
}

int32_t errno_before(void) {
  return errno;
}

uint64_t sum(const uint8_t *bytes, uint64_t count) {
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; i++) total += bytes[i];
  return total;
}

// Counts itself in word 0, returns `value` once word 1 is set.
int32_t wait_for(_Atomic int32_t *gate, int32_t value) {
  atomic_fetch_add(&gate[0], 1);
  while (atomic_load(&gate[1]) == 0) usleep(1000);
  return value;
}

// The same, and then writes.
int32_t fill_after(_Atomic int32_t *gate, uint8_t *bytes, uint64_t count, uint8_t value) {
  wait_for(gate, 0);
  for (uint64_t i = 0; i < count; i++) bytes[i] = value;
  return 0;
}

static _Thread_local int32_t calls_here;

int32_t count_here(void) {
  return ++calls_here;
}

// Puts `value` behind those that are there; entry 0 is their number. Not atomic, on purpose.
void append(int32_t *list, int32_t value) {
  list[++list[0]] = value;
}

// Allocates and frees for so many milliseconds: most of the time it is in malloc.
int32_t churn(int32_t ms) {
  struct timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  int32_t rounds = 0;
  do {
    void *blocks[64];
    for (int i = 0; i < 64; i++) {
      blocks[i] = malloc((size_t)(16 + (rounds * 64 + i) % 4096));
      if (blocks[i] != NULL) *(volatile char *)blocks[i] = 1;
    }
    for (int i = 0; i < 64; i++) free(blocks[i]);
    rounds++;
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < ms);
  return rounds;
}

// Reads lines of /proc/self/maps as no kernel writes them, and as one does with hostile names of files.
#include "../../native/preempt.c"

#include "check.h"

#include <stdlib.h>

enum { RANGES = 4, LONGEST = 3000, INPUTS = 60000 };

static const char *const pieces[] = {
    "1000-2000 r-xp 00000000 00:00 0 \n",
    "2000-3000 r-xp 00000000 fd:01 77                         /usr/bin/deno\n",
    "3000-4000 rwxp 00000000 00:00 0 \n",
    "7f0000000000-7fffffffffff --xp 00000000 00:00 0                          [vdso]\n",
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 \n",
    "ffffffffffffffffffffffff-0 --xp 0 0:0 0\n",
    "5000-4000 --xp 0 0:0 0",
    "-1--1 --xp 0 0:0 0 \n",
    "0-0 x 0 0:0 0\n",
    "1000-2000 r",
    "xp 0 0:0 ",
    "0 0:0 18446744073709551616",
    "\n",
    " ",
    "-",
    "/a/name 8000-9000 r-xp 0 0:0 0 ",
    "[anon:",
    "%n%s",
};

static heddle_number *read_text(const char *text, size_t length, int32_t most, int32_t *count) {
  // Exactly as much as it may write: what is beyond the sanitizer guards.
  heddle_number *ranges = malloc((2 * (size_t)most + 2) * sizeof *ranges);
  FILE *maps = fmemopen((void *)(uintptr_t)text, length, "r");
  CHECK(ranges != NULL && maps != NULL);
  *count = code_in(maps, ranges, most);
  fclose(maps);
  CHECK(*count >= 0 && *count <= most && ranges[2 * *count] == 0 && ranges[2 * *count + 1] == 0);
  return ranges;
}

static void expects(const char *text, int32_t expected, heddle_number start, heddle_number end) {
  int32_t count;
  heddle_number *ranges = read_text(text, strlen(text), RANGES, &count);
  CHECK(count == expected && ranges[0] == start && ranges[1] == end);
  free(ranges);
}

static void as_it_should(void) {
  char long_name[1200];
  expects(pieces[0], 1, 0x1000, 0x2000);
  expects(pieces[1], 0, 0, 0);
  expects(pieces[3], 0, 0, 0);
  // V8's builtins are between: one range.
  expects("1000-2000 r-xp 00000000 00:00 0 \n2000-3000 r-xp 00000000 fd:01 77 /deno\n3000-4000 rwxp 0 00:00 0 \n", 1, 0x1000,
          0x4000);
  expects("1000-2000 r-xp 0 00:00 0 \n5000-6000 r-xp 0 00:00 0 \n", 2, 0x1000, 0x2000);
  expects("1000-2000 r--p 0 00:00 0 \n5000-6000 r-xp 0 00:00 0 \n", 1, 0x5000, 0x6000);
  // A file whose long name goes on as a line would.
  int length = snprintf(long_name, sizeof long_name, "1000-2000 r-xp 0 fd:01 77 /");
  memset(long_name + length, 'a', 511 - (size_t)length);
  strcpy(long_name + 511, "8000-9000 r-xp 0 00:00 0 \n");
  expects(long_name, 0, 0, 0);
}

int main(void) {
  as_it_should();
  for (int i = 0; i < INPUTS; i++) {
    static char text[LONGEST + 1];
    size_t length = 0;
    for (uint32_t left = below(12) + 1; left > 0; left--) {
      const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];
      for (uint32_t times = below(20) == 0 ? 40 : 1; times > 0 && length + strlen(piece) <= LONGEST; times--) {
        memcpy(text + length, piece, strlen(piece));
        length += strlen(piece);
      }
    }
    for (uint32_t changes = below(6); changes > 0; changes--) text[below((uint32_t)length)] = (char)below(256);
    int32_t count;
    free(read_text(text, length, (int32_t)below(RANGES + 1), &count));
  }
  puts("done");
  return 0;
}

// `asks TIMES PATH`: so often, every 2 ms, writes a request to the pipe at that path, and waits for a byte of stdin. A request is the
// time in nanoseconds, as a double. For servers of programs that have no thread outside of their pool.
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count != 3) return 2;
  int requests = open(arguments[2], O_WRONLY);
  if (requests < 0) return 1;
  for (long left = strtol(arguments[1], NULL, 10); left > 0; left--) {
    usleep(2000);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double sent = (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
    if (write(requests, &sent, sizeof sent) != sizeof sent) return 1;
    char reply;
    if (read(STDIN_FILENO, &reply, 1) != 1) return 1;
  }
  return 0;
}

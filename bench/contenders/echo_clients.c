// Clients of an echo server: echo_clients PORT CONNECTIONS IN_FLIGHT SECONDS. Opens so many connections to 127.0.0.1, prints "open"
// and waits for a line on stdin. Then so many requests of 64 bytes are in flight, each on another connection, in turn. Prints how many
// were answered in a second.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST = 64, BATCH = 256 };

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int connect_to(uint16_t port) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void ask(int fd) {
  char request[REQUEST];
  memset(request, 'x', sizeof request);
  if (send(fd, request, sizeof request, MSG_NOSIGNAL) != REQUEST) fail("send");
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int connections = atoi(argv[2]), in_flight = atoi(argv[3]);
  double seconds = atof(argv[4]);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int *fds = calloc((size_t)connections, sizeof *fds);
  // The idle ones behind those that wait for an answer, as a ring.
  int *idle = calloc((size_t)connections + 1, sizeof *idle);
  int *missing = calloc((size_t)connections, sizeof *missing);
  int epoll = epoll_create1(EPOLL_CLOEXEC), head = 0, tail = 0;
  for (int i = 0; i < connections; i++) {
    fds[i] = connect_to((uint16_t)atoi(argv[1]));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) < 0) fail("epoll_ctl");
    idle[tail++] = i;
  }
  puts("open");
  fflush(stdout);
  if (getchar() == EOF) return 0;
  long answers = 0;
  double begin = now(), end = begin + seconds;
  for (int i = 0; i < in_flight && i < connections; i++) {
    missing[idle[head]] = REQUEST;
    ask(fds[idle[head++]]);
  }
  while (now() < end) {
    struct epoll_event events[BATCH];
    int count = epoll_wait(epoll, events, BATCH, 1000);
    for (int i = 0; i < count; i++) {
      char answer[REQUEST];
      int at = (int)events[i].data.u32;
      ssize_t got = recv(fds[at], answer, sizeof answer, 0);
      if (got <= 0) fail("recv");
      missing[at] -= (int)got;
      if (missing[at] > 0) continue;
      answers++;
      idle[tail] = at;
      tail = (tail + 1) % (connections + 1);
      int next = idle[head];
      head = (head + 1) % (connections + 1);
      missing[next] = REQUEST;
      ask(fds[next]);
    }
  }
  printf("%.0f\n", (double)answers / (now() - begin));
  return 0;
}

// `opens alone TIMES`: opens and closes this file so often, and prints the microseconds of one time.
// `opens paced TIMES`: the same, one each millisecond.
// `opens landlocked TIMES`: the same under Landlock, with one rule that lets everything be read, and nothing else.
// `opens filtered TIMES`: the same under a seccomp filter that looks for 60 calls, none of which is made, and nothing else.
// `opens traced TIMES`, `opens emulated TIMES`: the same under a supervisor in C, in the child of which it runs. That one
// reads each path; then it lets the call go on, or opens the file itself and puts the descriptor into the child. It has no
// policy, and checks nothing: what a supervisor costs at the least.
// `opens polled TIMES`: traced, under Landlock, and by a supervisor that waits in epoll: as one that has many boxes has to.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int opens(const char *path, long times) {
  double start = 0;
  for (long i = -times / 10; i < times; i++) {
    if (i == 0) start = now_us();
    int file = openat(AT_FDCWD, path, O_RDONLY);
    if (file < 0) return 1;
    close(file);
  }
  printf("%f\n", (now_us() - start) / (double)times);
  return 0;
}

static int paced_opens(const char *path, long times) {
  double taken = 0;
  for (long i = 0; i < times; i++) {
    usleep(1000);
    double start = now_us();
    int file = openat(AT_FDCWD, path, O_RDONLY);
    if (file < 0) return 1;
    close(file);
    taken += now_us() - start;
  }
  printf("%f\n", taken / (double)times);
  return 0;
}

// What a wall costs at the least: the kernel's part of it. All rights to files are denied but one.
static int landlock(void) {
  struct landlock_ruleset_attr handled = {.handled_access_fs = (1 << 15) - 1};
  int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled.handled_access_fs, 0);
  struct landlock_path_beneath_attr all = {
      .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
      .parent_fd = open("/", O_PATH),
  };
  if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &all, 0) < 0) return -1;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return (int)syscall(SYS_landlock_restrict_self, rules, 0);
}

static int filter(void) {
  struct sock_filter filter[122] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  for (int i = 0; i < 60; i++) {
    filter[1 + 2 * i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1000 + i, 0, 1);
    filter[2 + 2 * i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  }
  filter[121] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static int listener_for_openat(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void supervise(int listener, int emulates, int polls) {
  struct seccomp_notif call;
  int ready = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(ready, EPOLL_CTL_ADD, listener, &event);
  ioctl(listener, _IOW('!', 4, uint64_t), 1); // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, where there is that
  for (;;) {
    char path[4096];
    if (polls) {
      if (epoll_wait(ready, &event, 1, -1) < 0) continue; // EINTR
      if (!(event.events & EPOLLIN)) return; // nobody is left
    }
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
      if (errno == EINTR) continue;
      return; // nobody is left
    }
    size_t rest = 4096 - call.data.args[1] % 4096;
    struct iovec local = {path, rest}, remote = {(void *)(uintptr_t)call.data.args[1], rest};
    if (process_vm_readv((pid_t)call.pid, &local, 1, &remote, 1, 0) < 0) continue;
    struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    if (emulates) {
      char directory[64];
      struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
      int found = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
      snprintf(directory, sizeof directory, "/proc/self/fd/%d", found);
      int file = open(directory, (int)call.data.args[2] | O_CLOEXEC);
      struct seccomp_notif_addfd added = {.id = call.id, .srcfd = (uint32_t)file, .flags = SECCOMP_ADDFD_FLAG_SEND};
      int given = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &added);
      close(file);
      close(found);
      if (given >= 0) continue;
    }
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long times = atol(argv[2]);
  if (strcmp(argv[1], "alone") == 0) return opens(argv[0], times);
  if (strcmp(argv[1], "paced") == 0) return paced_opens(argv[0], times);
  if (strcmp(argv[1], "landlocked") == 0) return landlock() < 0 ? 1 : opens(argv[0], times);
  if (strcmp(argv[1], "filtered") == 0) return filter() < 0 ? 1 : opens(argv[0], times);
  int polls = strcmp(argv[1], "polled") == 0;
  int shared[2];
  if (pipe(shared) < 0) return 1;
  pid_t child = fork();
  if (child == 0) {
    if (polls && landlock() < 0) return 1;
    int listener = listener_for_openat();
    if (write(shared[1], &listener, sizeof listener) < 0) return 1;
    int status = opens(argv[0], times);
    fflush(stdout);
    _exit(status);
  }
  int theirs;
  if (read(shared[0], &theirs, sizeof theirs) != sizeof theirs) return 1;
  int process = (int)syscall(SYS_pidfd_open, child, 0);
  int listener = (int)syscall(SYS_pidfd_getfd, process, theirs, 0);
  if (listener < 0) return 1;
  if (fork() == 0) {
    supervise(listener, strcmp(argv[1], "emulated") == 0, polls);
    _exit(0);
  }
  close(listener);
  int status;
  waitpid(child, &status, 0);
  while (wait(NULL) > 0) {}
  return WEXITSTATUS(status);
}

// The part of the sandbox that cannot be TypeScript: what happens between fork and exec. The child is a copy of a
// process with many threads, so that only async-signal-safe calls are legal there, and no JavaScript runs.
//
//   parent (TypeScript)                     child
//   fork ---------------------------------> no_new_privs, seccomp filter: the listener
//   listener <------- SCM_RIGHTS ---------- sendmsg                     (not intercepted)
//   supervising starts                      execve                      (intercepted: sleeps until answered)
//   answer -------------------------------> the program runs; the socket closes
//   or: errno of execve <-------------------- write, _exit(127)

#define _GNU_SOURCE
#include <errno.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(sizeof(struct sock_filter) == 8, "seccomp.ts writes the filter's instructions");

// What the child reports over the socket. A success carries the listener.
struct report {
  int32_t stage;
  int32_t error;
};
enum { STAGE_LISTENING = 0, STAGE_PREPARE = 1, STAGE_FILTER = 2, STAGE_EXEC = 3 };
_Static_assert(sizeof(struct report) == 8, "launch.ts reads a report");

// What sandbox_launch returns through `out`.
struct launched {
  int32_t pid;
  int32_t pidfd;
  int32_t listener;
  int32_t socket;
};
_Static_assert(sizeof(struct launched) == 16, "launch.ts reads this struct");

static int send_report(int socket, struct report report, int descriptor) {
  struct iovec payload = {.iov_base = &report, .iov_len = sizeof report};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {0};
  struct msghdr message = {.msg_iov = &payload, .msg_iovlen = 1};
  if (descriptor >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == sizeof report ? 0 : -1;
}

static _Noreturn void fail(int socket, int32_t stage) {
  send_report(socket, (struct report){.stage = stage, .error = errno}, -1);
  _exit(127);
}

static int install(const struct sock_fprog *filter) {
  // With the second flag (Linux 5.19) only a fatal signal interrupts a call whose notification was received;
  // without it a program with frequent signals restarts its calls for ever.
  unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | (1u << 5), filter);
  if (listener < 0 && errno == EINVAL) listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);
  return (int)listener;
}

static _Noreturn void child(int socket, pid_t parent, const struct sock_fprog *filter, char *const *strings) {
  // Deno ignores SIGPIPE and may block signals: programs expect neither.
  sigset_t none;
  sigemptyset(&none);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  // Without a supervisor every intercepted call would fail with ENOSYS.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(socket, STAGE_PREPARE);
  if (getppid() != parent) _exit(127);
  syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(socket, STAGE_PREPARE);
  int listener = install(filter);
  if (listener < 0) fail(socket, STAGE_FILTER);
  if (send_report(socket, (struct report){.stage = STAGE_LISTENING}, listener) < 0) _exit(127);
  close(listener);
  execve(strings[0], strings + 1, environ);
  fail(socket, STAGE_EXEC);
}

// Receives the child's report. Returns the listener, or the negative errno of what failed, with the stage.
static int32_t receive_listener(int socket, int32_t *stage) {
  struct report report;
  struct iovec payload = {.iov_base = &report, .iov_len = sizeof report};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message = {
      .msg_iov = &payload, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t received;
  do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  if (received < 0) return -errno;
  *stage = STAGE_PREPARE;
  if (received != sizeof report) return -ECHILD;
  *stage = report.stage;
  if (report.stage != STAGE_LISTENING) return -report.error;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) return -EMFILE;
  int listener;
  memcpy(&listener, CMSG_DATA(header), sizeof listener);
  return listener;
}

// Starts a program under a filter. `strings` holds `count` C strings one after the other: the file, then argv. The
// environment, the working directory and the standard streams are the caller's. `filter` holds `instructions`
// struct sock_filter. Returns 0 and fills `out` (the caller owns its descriptors and reaps the pid); else a
// negative errno, with the stage that failed in out->pid, and no process is left. The program runs when its execve has been
// answered. The socket then gives end of file, or a report with STAGE_EXEC.
int32_t sandbox_launch(char *strings, uint32_t count, struct sock_filter *filter, uint32_t instructions,
                       struct launched *out) {
  out->pid = STAGE_PREPARE;
  char **pointers = calloc(count + 1, sizeof *pointers);
  if (pointers == NULL) return -ENOMEM;
  for (uint32_t i = 0; i < count; i++) {
    pointers[i] = strings;
    strings += strlen(strings) + 1;
  }
  struct sock_fprog program = {.len = (unsigned short)instructions, .filter = filter};
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0) {
    int error = errno;
    free(pointers);
    return -error;
  }
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) child(sockets[1], parent, &program, pointers);
  int32_t result = pid < 0 ? -errno : 0;
  close(sockets[1]);
  free(pointers);
  int pidfd = -1;
  if (pid > 0) {
    result = receive_listener(sockets[0], &out->pid);
    if (result >= 0 && (pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0) {
      int error = errno;
      close(result);
      result = -error;
    }
    if (result < 0) {
      kill(pid, SIGKILL);
      while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    }
  }
  if (result < 0) {
    close(sockets[0]);
    return result;
  }
  *out = (struct launched){.pid = pid, .pidfd = pidfd, .listener = result, .socket = sockets[0]};
  return 0;
}

// Sends a signal to the process of a pidfd; signal 0 only asks. Returns 0, -ESRCH when it has been reaped, -EPERM.
int32_t sandbox_signal(int32_t pidfd, int32_t signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0u) < 0 ? -errno : 0;
}

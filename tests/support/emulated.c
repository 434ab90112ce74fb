// Calls that a policy is asked about, and what they come to: the same with a policy that allows all as without one. Runs in
// an empty directory; addresses of servers are its own.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result) { printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "done"); }
#define TRY(call) say(#call, (call))

// What a descriptor is, and closes it.
static void show(const char *what, int file) {
  struct stat status;
  if (file < 0) {
    say(what, file);
    return;
  }
  fstat(file, &status);
  printf("%s: mode %o, size %ld, flags %o, on exec %d\n", what, status.st_mode, (long)status.st_size,
         fcntl(file, F_GETFL), fcntl(file, F_GETFD));
  close(file);
}
#define OPEN(call) show(#call, (call))

static int open2(int directory, const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static void opens(void) {
  umask(027);
  OPEN(open("file", O_CREAT | O_WRONLY, 0666));
  OPEN(open("file", O_CREAT | O_EXCL | O_WRONLY, 0666));
  OPEN(creat("created", 0777));
  int file = open("file", O_WRONLY | O_APPEND | O_CLOEXEC);
  if (write(file, "12345", 5) != 5) abort();
  show("append", file);
  umask(0);
  OPEN(open("open_to_all", O_CREAT | O_RDWR, 0666));
  OPEN(open("file", O_RDONLY));
  OPEN(open("file", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  OPEN(open("file/", O_RDONLY));
  OPEN(open("file", O_RDONLY | O_DIRECTORY));
  OPEN(open("none", O_RDONLY));
  OPEN(open("none/", O_CREAT | O_WRONLY, 0666));
  OPEN(open("none/none", O_CREAT | O_WRONLY, 0666));
  OPEN(open("", O_RDONLY));
  OPEN(open(".", O_RDONLY | O_DIRECTORY));
  OPEN(open(".", O_WRONLY));
  OPEN(open(".", O_CREAT | O_WRONLY, 0666));
  OPEN(open(".", O_PATH));
  OPEN(open("file", O_PATH | O_CLOEXEC));
  TRY(symlink("file", "link"));
  TRY(symlink("loop", "loop"));
  TRY(symlink("/etc/hostname", "absolute"));
  OPEN(open("link", O_RDONLY));
  OPEN(open("link", O_RDONLY | O_NOFOLLOW));
  OPEN(open("link", O_PATH | O_NOFOLLOW));
  OPEN(open("loop", O_RDONLY));
  OPEN(open("absolute", O_RDONLY));
  OPEN(open("link", O_CREAT | O_EXCL | O_WRONLY, 0666));
  OPEN(open("file", O_WRONLY | O_TRUNC));
  OPEN(open("/dev/null", O_RDWR));
  OPEN(open("/dev/zero", O_RDONLY));
  OPEN(openat(-1, "file", O_RDONLY));
  OPEN(openat(-1, "/etc/hostname", O_RDONLY));
  OPEN(openat(0x7fffffff, "file", O_RDONLY));
  int directory = open(".", O_RDONLY | O_DIRECTORY);
  TRY(mkdir("inner", 0777));
  OPEN(openat(directory, "inner/../file", O_RDONLY));
  OPEN(openat(directory, "../../../../../../../etc/hostname", O_RDONLY));
  int plain = open("file", O_RDONLY);
  OPEN(openat(plain, "file", O_RDONLY));
  OPEN(open2(directory, "file", O_RDONLY, RESOLVE_BENEATH));
  OPEN(open2(directory, "../x", O_RDONLY, RESOLVE_BENEATH));
  OPEN(open2(directory, "/file", O_RDONLY, RESOLVE_IN_ROOT));
  OPEN(open2(directory, "/file", O_RDONLY, RESOLVE_BENEATH));
  OPEN(open2(directory, "absolute", O_RDONLY, RESOLVE_IN_ROOT));
  OPEN(open2(directory, "link", O_RDONLY, RESOLVE_NO_SYMLINKS));
  OPEN(open(".", O_TMPFILE | O_RDWR, 0600));
  int unnamed = open(".", O_TMPFILE | O_RDWR, 0644);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", unnamed);
  TRY(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  OPEN(open(path, O_RDONLY));
  OPEN(open("named", O_RDONLY));
  snprintf(path, sizeof path, "/dev/fd/%d", unnamed);
  OPEN(open(path, O_RDONLY));
  int ends[2];
  if (pipe(ends) < 0) abort();
  snprintf(path, sizeof path, "/proc/thread-self/fd/%d", ends[1]);
  OPEN(open(path, O_WRONLY));
  OPEN(open("/proc/self/status", O_RDONLY));
  OPEN(open("/proc/self/exe", O_RDONLY));
  OPEN(open("/proc/meminfo", O_RDONLY));
  TRY(mkfifo("fifo", 0644));
  OPEN(open("fifo", O_RDWR));
  OPEN(open("fifo", O_RDONLY | O_NONBLOCK));
  OPEN(open("fifo", O_WRONLY | O_NONBLOCK));
}

static void names(void) {
  TRY(mkdir("a", 0750));
  TRY(mkdir("a", 0750));
  TRY(mkdir("a/b/", 0750));
  TRY(mkdir("/", 0750));
  TRY(rename("a", "c"));
  TRY(rename("c/", "a/"));
  TRY(rename("none", "c"));
  TRY(rename("a", "a/b/c"));
  TRY(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "created", 1 /* RENAME_NOREPLACE */));
  TRY(syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "created", 2 /* RENAME_EXCHANGE */));
  TRY(link("file", "hard"));
  TRY(link("file", "hard"));
  TRY(link("none", "x"));
  TRY(link("a", "x"));
  TRY(linkat(AT_FDCWD, "link", AT_FDCWD, "hard_to_link", 0));
  TRY(linkat(AT_FDCWD, "link", AT_FDCWD, "hard_to_file", AT_SYMLINK_FOLLOW));
  OPEN(open("hard_to_link", O_PATH | O_NOFOLLOW));
  OPEN(open("hard_to_file", O_PATH | O_NOFOLLOW));
  TRY(symlinkat("target", AT_FDCWD, "a/link"));
  TRY(unlink("a"));
  TRY(unlink("hard"));
  TRY(unlink("hard"));
  TRY(rmdir("a"));
  TRY(rmdir("a/b"));
  TRY(unlinkat(AT_FDCWD, "a/link", 0));
  TRY(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR));
  TRY(mknod("node", S_IFIFO | 0600, 0));
  TRY(mknod("device", S_IFCHR | 0600, 0x103));
  TRY(truncate("open_to_all", 100));
  TRY(truncate("none", 100));
  TRY(truncate("inner", 100));
  OPEN(open("open_to_all", O_RDONLY));
  int gone = open("inner", O_RDONLY | O_DIRECTORY);
  TRY(rmdir("inner"));
  OPEN(openat(gone, "x", O_CREAT | O_WRONLY, 0666));
}

static void pointers(void) {
  static const uintptr_t addresses[] = {0, 1, 4095, (uintptr_t)-1, (uintptr_t)-4096, 0x7fffffffffff, 1ul << 47};
  static char path[2 * 4096];
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    const char *bad = (const char *)addresses[i];
    TRY(open(bad, O_RDONLY));
    TRY(rename("file", bad));
    TRY(mkdir(bad, 0755));
    TRY(truncate(bad, 0));
    TRY(execve(bad, NULL, NULL));
    TRY(syscall(SYS_openat2, AT_FDCWD, "file", bad, 24));
  }
  TRY(syscall(SYS_openat2, AT_FDCWD, "file", path, 8));
  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page + 4096, 4096);
  memcpy(page + 4096 - 5, "file", 5);
  OPEN(open(page + 4096 - 5, O_RDONLY));
  TRY(open(page + 4096 - 4 - 1 + 0, O_RDONLY | O_DIRECTORY));
  page[4095] = 'x';
  TRY(open(page + 4096 - 5, O_RDONLY));
  for (size_t length = 4094; length < 4098; length++) {
    memset(path, '/', length);
    memcpy(path, "./", 2);
    memcpy(path + length - 4, "file", 5);
    OPEN(open(path, O_RDONLY));
  }
  memset(path, 'n', 256);
  path[256] = 0;
  TRY(open(path, O_CREAT | O_WRONLY, 0644));
}

static struct sockaddr_in local = {.sin_family = AF_INET};

static ssize_t got;

static void *serve(void *listener) {
  char bytes[16];
  for (int i = 0; i < 2; i++) {
    int connection = accept(*(int *)listener, NULL, NULL);
    got += read(connection, bytes, sizeof bytes);
    close(connection);
  }
  return NULL;
}

static void network(void) {
  socklen_t length = sizeof local;
  local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr *to = (const struct sockaddr *)&local;
  TRY(bind(listener, to, sizeof local));
  TRY(listen(listener, 8));
  getsockname(listener, (struct sockaddr *)&local, &length);
  pthread_t server;
  pthread_create(&server, NULL, serve, &listener);
  int stream = socket(AF_INET, SOCK_STREAM, 0);
  TRY(connect(stream, to, sizeof local));
  TRY(connect(stream, to, sizeof local));
  printf("flags %o\n", fcntl(stream, F_GETFL));
  struct iovec parts[] = {{"ab", 2}, {"c", 1}};
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  printf("sendmsg %zd\n", sendmsg(stream, &message, 0));
  close(stream);
  stream = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  TRY(connect(stream, to, sizeof local));
  close(stream);
  pthread_join(server, NULL);
  printf("the server got %zd\n", got);
  close(listener);
  stream = socket(AF_INET, SOCK_STREAM, 0);
  TRY(connect(stream, to, sizeof local)); // nobody serves it any more
  TRY(connect(stream, (const void *)8, sizeof local));
  TRY(connect(stream, to, 1));
  TRY(connect(stream, to, 1000));
  TRY(connect(-1, to, sizeof local));
  TRY(connect(0, to, sizeof local));
  local.sin_port = 0;
  TRY(bind(datagrams, to, sizeof local));
  getsockname(datagrams, (struct sockaddr *)&local, &length);
  char bytes[100];
  TRY(sendto(datagrams, "datagram", 8, 0, to, sizeof local));
  printf("got %zd\n", recv(datagrams, bytes, sizeof bytes, 0));
  message.msg_name = &local, message.msg_namelen = sizeof local;
  printf("sendmsg %zd\n", sendmsg(datagrams, &message, 0));
  printf("got %zd\n", recv(datagrams, bytes, sizeof bytes, 0));
  int other = socket(AF_INET, SOCK_DGRAM, 0);
  TRY(send(other, "x", 1, 0));
  TRY(socket(AF_UNIX, SOCK_SEQPACKET, 0)); // SCTP alone is missing under a policy
  TRY(sendmsg(other, (void *)8, 0));
  int pair[2];
  TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  struct msghdr passing = {.msg_iov = parts, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&passing);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
  int passed = open("open_to_all", O_RDONLY);
  memcpy(CMSG_DATA(header), &passed, sizeof passed);
  printf("sendmsg %zd\n", sendmsg(pair[0], &passing, 0));
  memset(control, 0, sizeof control);
  passing.msg_iov = &(struct iovec){bytes, sizeof bytes};
  printf("recvmsg %zd\n", recvmsg(pair[1], &passing, 0));
  memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&passing)), sizeof passed);
  show("passed", passed);
}

static void executes(void) {
  int script = open("script", O_CREAT | O_WRONLY, 0755);
  dprintf(script, "#!/bin/sh\nexit 7\n");
  close(script);
  const char *const programs[] = {"./script", "/bin/true", "./none", "./file", "./a", "/bin/false"};
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    int status;
    fflush(stdout);
    if (fork() == 0) {
      execl(programs[i], programs[i], NULL);
      _exit(100 + errno);
    }
    wait(&status);
    printf("%s ended with %d\n", programs[i], WEXITSTATUS(status));
  }
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  opens();
  names();
  pointers();
  network();
  executes();
  return 0;
}

// Counts what a process asks the disk to keep: LD_PRELOAD=syncs.so AGENTMEM_SYNCS=FILE COMMAND. One letter a call is appended to FILE:
// w for a -wal file, d for any other regular file, f for a folder. With AGENTMEM_SYNC_DELAY=MICROSECONDS each takes so much longer, as
// on a slower disk: the thread sleeps.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void note(int fd) {
  const char *file = getenv("AGENTMEM_SYNCS");
  if (file == NULL) return;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  path[length < 0 ? 0 : length] = '\0';
  struct stat found;
  char letter = 'd';
  if (fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) letter = 'f';
  else if (strlen(path) > 4 && strcmp(path + strlen(path) - 4, "-wal") == 0) letter = 'w';
  int out = open(file, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (out < 0 || write(out, &letter, 1) != 1) abort();
  close(out);
}

static void wait_longer(void) {
  const char *given = getenv("AGENTMEM_SYNC_DELAY");
  long micros = given == NULL ? 0 : atol(given);
  struct timespec left = {micros / 1000000, micros % 1000000 * 1000};
  if (micros > 0) nanosleep(&left, NULL);
}

int fsync(int fd) {
  note(fd);
  wait_longer();
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return real(fd);
}

int fdatasync(int fd) {
  note(fd);
  wait_longer();
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return real(fd);
}

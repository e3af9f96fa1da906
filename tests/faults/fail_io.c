// Faults of a disk, for tests: a library to preload (LD_PRELOAD) into the program under test. It counts
// the calls that change the folder FAULT_ROOT (opening to create, write, pwrite, ftruncate, fsync, rename,
// unlink), and at the one with the number FAULT_AT (from 1; 0: never) does what FAULT_MODE says:
//
//   once     that call fails with ENOSPC
//   always   that call and all after it; a write first takes half of its bytes, as a full disk does
//   power    the power goes: see below; past the last call, when the process ends
//
// FAULT_REPORT is a file outside of the folder; "CALLS FIRED" is written there at the end.
//
// A power loss leaves what was made durable. Of a file: as many bytes as it had at its last fsync. Of the
// folder: the names as they were at its last fsync, and of what was done to them since, what FAULT_SEED
// says: 0 nothing, 1 all, another number each step or not, by chance. Then the process ends with 137.
// What is there when the process starts is taken to be durable. A folder that is made while the process
// runs is lost with all that is in it unless the folder around it was synced.
//
// One flat folder, absolute names, one process; only what MobileASR calls.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { kMost = 4096, kName = 256, kPath = 4096 };

typedef struct {
  char name[kName];  // "": not there
  ino_t ino;
} Name;

typedef struct {
  ino_t ino;
  off_t synced;
} Inode;

typedef struct {
  char kind;  // 'c'reate, 'r'ename, 'u'nlink
  char from[kName], to[kName];
  ino_t ino;
} Step;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[kPath], shadow[kPath];
static const char* mode;
static const char* report;
static long at, calls, fired;
static unsigned long seed;
static int root_durable;
static Name durable[kMost];
static Inode inodes[kMost];
static Step steps[kMost];
static int names, files, since;

static int (*real_open)(const char*, int, ...);
static ssize_t (*real_write)(int, const void*, size_t);
static ssize_t (*real_pwrite)(int, const void*, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_rename)(const char*, const char*);
static int (*real_unlink)(const char*);

static void Die(const char* what) {
  fprintf(stderr, "fail_io: %s: %s\n", what, strerror(errno));
  _exit(99);
}

static void Report(void) {
  if (report == NULL) return;
  char text[64];
  const int length = snprintf(text, sizeof(text), "%ld %ld\n", calls, fired);
  const int fd = real_open(report, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || real_write(fd, text, (size_t)length) != length) Die(report);
  close(fd);
}

// The name in the folder, or NULL for any other path.
static const char* NameIn(const char* path) {
  const size_t length = strlen(root);
  if (length == 0 || strncmp(path, root, length) != 0 || path[length] != '/') return NULL;
  return path + length + 1;
}

static void Join(char* to, const char* folder, const char* name) {
  if (snprintf(to, kPath, "%s/%s", folder, name) >= kPath) Die("too long a path");
}

static void ShadowPath(char* to, ino_t ino) {
  char name[32];
  snprintf(name, sizeof(name), "%lu", (unsigned long)ino);
  Join(to, shadow, name);
}

// A hard link keeps the bytes of a file whose name is replaced or removed.
static Inode* InodeOf(const char* name, ino_t ino, off_t size) {
  for (int i = 0; i < files; ++i) {
    if (inodes[i].ino == ino) return &inodes[i];
  }
  char path[kPath], kept[kPath];
  Join(path, root, name);
  ShadowPath(kept, ino);
  if (files == kMost || (link(path, kept) < 0 && errno != EEXIST)) Die(kept);
  inodes[files] = (Inode){ino, size};
  return &inodes[files++];
}

// The names in the folder are what they are now.
static void SyncNames(int whole) {
  names = since = 0;
  DIR* folder = opendir(root);
  if (folder == NULL) return;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    char path[kPath];
    struct stat info;
    Join(path, root, entry->d_name);
    if (stat(path, &info) < 0 || !S_ISREG(info.st_mode)) continue;
    if (names == kMost) Die("too many names");
    snprintf(durable[names].name, kName, "%s", entry->d_name);
    durable[names++].ino = info.st_ino;
    InodeOf(entry->d_name, info.st_ino, whole ? info.st_size : 0);
  }
  closedir(folder);
}

static Name* Find(const char* name) {
  for (int i = 0; i < names; ++i) {
    if (strcmp(durable[i].name, name) == 0) return &durable[i];
  }
  return NULL;
}

static void Put(const char* name, ino_t ino) {
  Name* there = Find(name);
  if (there == NULL && names < kMost) {
    there = &durable[names++];
    snprintf(there->name, kName, "%s", name);
  }
  if (there != NULL) there->ino = ino;
}

static void Forget(const char* name) {
  Name* there = Find(name);
  if (there != NULL) there->name[0] = '\0';
}

static int Happened(int step) {
  if (seed <= 1) return (int)seed;
  unsigned long x = (seed + (unsigned long)step * 0x9e3779b97f4a7c15ul) * 0xbf58476d1ce4e5b9ul;
  x ^= x >> 31;
  return (int)(x * 0x94d049bb133111ebul >> 63);
}

static void PowerLoss(void) {
  for (int i = 0; i < since; ++i) {
    if (!Happened(i)) continue;
    if (steps[i].kind == 'u' || steps[i].kind == 'r') Forget(steps[i].from);
    if (steps[i].kind == 'c') Put(steps[i].from, steps[i].ino);
    if (steps[i].kind == 'r') Put(steps[i].to, steps[i].ino);
  }
  if (!root_durable && !Happened(since)) names = 0;
  DIR* folder = opendir(root);
  for (struct dirent* entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    char path[kPath];
    Join(path, root, entry->d_name);
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) real_unlink(path);
  }
  if (folder != NULL) closedir(folder);
  for (int i = 0; i < names; ++i) {
    if (durable[i].name[0] == '\0') continue;
    char path[kPath], kept[kPath];
    Join(path, root, durable[i].name);
    ShadowPath(kept, durable[i].ino);
    if (link(kept, path) < 0) Die(path);
    for (int k = 0; k < files; ++k) {
      struct stat info;
      if (inodes[k].ino != durable[i].ino || stat(path, &info) < 0) continue;
      if (info.st_size > inodes[k].synced && truncate(path, inodes[k].synced) < 0) Die(path);
    }
  }
  if (!root_durable && names == 0) rmdir(root);
  Report();
  _exit(137);
}

// Counts a call. Whether it must fail.
static int Faulty(void) {
  ++calls;
  if (at == 0 || calls < at || (calls > at && strcmp(mode, "always") != 0)) return 0;
  fired = 1;
  if (strcmp(mode, "power") == 0) PowerLoss();
  errno = ENOSPC;
  return 1;
}

static void AddStep(char kind, const char* from, const char* to, ino_t ino) {
  if (since == kMost) Die("too many steps");
  Step* step = &steps[since++];
  step->kind = kind;
  step->ino = ino;
  snprintf(step->from, kName, "%s", from);
  snprintf(step->to, kName, "%s", to);
}

// Whether a descriptor is a file in the folder.
static int IsInside(int fd, struct stat* info) {
  if (fstat(fd, info) < 0 || !S_ISREG(info->st_mode)) return 0;
  for (int i = 0; i < files; ++i) {
    if (inodes[i].ino == info->st_ino) return 1;
  }
  return 0;
}

static int IsFolder(int fd, const char* path) {
  struct stat info, named;
  return fstat(fd, &info) == 0 && stat(path, &named) == 0 && info.st_ino == named.st_ino &&
         info.st_dev == named.st_dev;
}

__attribute__((constructor)) static void Start(void) {
  *(void**)&real_open = dlsym(RTLD_NEXT, "open");
  *(void**)&real_write = dlsym(RTLD_NEXT, "write");
  *(void**)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  *(void**)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
  *(void**)&real_fsync = dlsym(RTLD_NEXT, "fsync");
  *(void**)&real_rename = dlsym(RTLD_NEXT, "rename");
  *(void**)&real_unlink = dlsym(RTLD_NEXT, "unlink");
  const char* folder = getenv("FAULT_ROOT");
  if (folder == NULL) return;
  const char* kept = getenv("FAULT_SHADOW");
  snprintf(root, sizeof(root), "%s", folder);
  snprintf(shadow, sizeof(shadow), "%s", kept != NULL ? kept : "/nowhere");
  mode = getenv("FAULT_MODE");
  if (mode == NULL) mode = "once";
  report = getenv("FAULT_REPORT");
  at = getenv("FAULT_AT") != NULL ? atol(getenv("FAULT_AT")) : 0;
  seed = getenv("FAULT_SEED") != NULL ? strtoul(getenv("FAULT_SEED"), NULL, 10) : 0;
  struct stat info;
  root_durable = stat(root, &info) == 0;
  SyncNames(1);
}

__attribute__((destructor)) static void End(void) {
  if (at > calls && strcmp(mode, "power") == 0) {
    fired = 1;
    PowerLoss();
  }
  Report();
}

int open(const char* path, int flags, ...) {
  mode_t rights = 0;
  if (flags & O_CREAT) {
    va_list more;
    va_start(more, flags);
    rights = va_arg(more, mode_t);
    va_end(more);
  }
  const char* name = NameIn(path);
  if (name == NULL || !(flags & O_CREAT)) return real_open(path, flags, rights);
  pthread_mutex_lock(&mutex);
  struct stat info;
  const int there = stat(path, &info) == 0;
  int fd = -1;
  if (!Faulty()) {
    fd = real_open(path, flags, rights);
    if (fd >= 0 && fstat(fd, &info) == 0) {
      InodeOf(name, info.st_ino, 0);
      if (!there) AddStep('c', name, "", info.st_ino);
    }
  }
  pthread_mutex_unlock(&mutex);
  return fd;
}

ssize_t write(int fd, const void* bytes, size_t count) {
  struct stat info;
  pthread_mutex_lock(&mutex);
  ssize_t written = -1;
  if (!IsInside(fd, &info) || !Faulty()) {
    written = real_write(fd, bytes, count);
  } else if (calls == at && count > 1 && strcmp(mode, "always") == 0) {
    written = real_write(fd, bytes, count / 2);
  }
  pthread_mutex_unlock(&mutex);
  return written;
}

ssize_t pwrite(int fd, const void* bytes, size_t count, off_t place) {
  struct stat info;
  pthread_mutex_lock(&mutex);
  const ssize_t written =
      IsInside(fd, &info) && Faulty() ? -1 : real_pwrite(fd, bytes, count, place);
  pthread_mutex_unlock(&mutex);
  return written;
}

int ftruncate(int fd, off_t size) {
  struct stat info;
  pthread_mutex_lock(&mutex);
  int result = -1;
  if (!IsInside(fd, &info)) {
    result = real_ftruncate(fd, size);
  } else if (!Faulty()) {
    result = real_ftruncate(fd, size);
    for (int i = 0; i < files; ++i) {
      if (inodes[i].ino == info.st_ino && inodes[i].synced > size) inodes[i].synced = size;
    }
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

int fsync(int fd) {
  struct stat info;
  pthread_mutex_lock(&mutex);
  int result = -1;
  if (IsInside(fd, &info)) {
    if (!Faulty()) result = 0;  // what is durable is this library's affair
    for (int i = 0; i < files && result == 0; ++i) {
      if (inodes[i].ino == info.st_ino) inodes[i].synced = info.st_size;
    }
  } else if (root[0] != '\0' && IsFolder(fd, root)) {
    if (!Faulty()) result = 0;
    if (result == 0) SyncNames(0);
  } else {
    char around[kPath];
    Join(around, root, "..");
    if (root[0] != '\0' && IsFolder(fd, around)) root_durable = 1;
    result = real_fsync(fd);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

int rename(const char* from, const char* to) {
  const char* old_name = NameIn(from);
  const char* new_name = NameIn(to);
  if (old_name == NULL || new_name == NULL) return real_rename(from, to);
  pthread_mutex_lock(&mutex);
  struct stat info;
  int result = -1;
  if (!Faulty()) {
    const int there = stat(from, &info) == 0;
    result = real_rename(from, to);
    if (result == 0 && there) AddStep('r', old_name, new_name, info.st_ino);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

int unlink(const char* path) {
  const char* name = NameIn(path);
  struct stat info;
  if (name == NULL || stat(path, &info) < 0) return real_unlink(path);
  pthread_mutex_lock(&mutex);
  int result = -1;
  if (!Faulty()) {
    result = real_unlink(path);
    if (result == 0) AddStep('u', name, "", info.st_ino);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

#include "memory_limit.h"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

#include "child_process.h"

namespace masr::cli {
namespace {

constexpr std::string_view kPrefix = "mobileasr.";  // of the names of groups
constexpr size_t kMostText = 1 << 20;

// To a file that is there: a folder that is no control group has none, and must get none.
bool Write(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "r+e");
  if (file == nullptr) return false;
  const bool written = std::fputs(text.c_str(), file) >= 0;
  return std::fclose(file) == 0 && written;
}

std::string Read(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return "";
  std::string text;
  char part[4096];
  for (size_t got;
       (got = std::fread(part, 1, sizeof(part), file)) > 0 && text.size() < kMostText;) {
    text.append(part, got);
  }
  std::fclose(file);
  return text;
}

// The kernel rounds down to whole pages.
bool Limits(const std::string& path, int64_t bytes) {
  const std::string text = Read(path);
  char* end = nullptr;
  const long long limit = std::strtoll(text.c_str(), &end, 10);
  return end != text.c_str() && limit <= bytes && limit > bytes - sysconf(_SC_PAGESIZE);
}

// A process that has just ended may hold its group for a moment longer.
void Remove(const std::string& path) {
  for (int tries = 0; tries < 100 && rmdir(path.c_str()) != 0 && errno == EBUSY; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// Groups of processes that were killed before they could remove them.
void RemoveLeftGroups(const std::string& root) {
  DIR* folder = opendir(root.c_str());
  if (folder == nullptr) return;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (!name.starts_with(kPrefix)) continue;
    const pid_t owner = std::atoi(name.substr(kPrefix.size()).data());
    if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH)
      rmdir((root + "/").append(name).c_str());
  }
  closedir(folder);
}

bool LimitData(int64_t bytes) {
  const rlimit limit = {static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  return setrlimit(RLIMIT_DATA, &limit) == 0;
}

}  // namespace

std::vector<ControlGroupRoot> SystemControlGroups() {
  return {{"/sys/fs/cgroup", "memory.max"}, {"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}};
}

ControlGroup::ControlGroup(const std::vector<ControlGroupRoot>& roots, int64_t bytes) {
  for (const ControlGroupRoot& root : roots) {
    RemoveLeftGroups(root.folder);
    std::string path = (root.folder + "/").append(kPrefix) + std::to_string(getpid());
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) continue;
    const std::string file = path + "/" + root.limit_file;
    if (Write(file, std::to_string(bytes)) && Limits(file, bytes)) {
      // What does not fit must not go to swap; a system without any has no such file.
      Write(path + "/memory.swap.max", "0");
      Write(path + "/memory.memsw.limit_in_bytes", std::to_string(bytes));
      path_ = std::move(path);
      return;
    }
    Remove(path);
  }
}

ControlGroup::~ControlGroup() {
  if (!path_.empty()) Remove(path_);
}

bool ControlGroup::Join() const {
  if (path_.empty()) return false;
  const std::string procs = path_ + "/cgroup.procs";
  if (!Write(procs, std::to_string(getpid()))) return false;
  std::istringstream inside(Read(procs));
  for (pid_t process; inside >> process;) {
    if (process == getpid()) return true;
  }
  return false;
}

bool ControlGroup::Killed() const {
  for (const char* file : {"/memory.events", "/memory.oom_control"}) {
    std::istringstream events(Read(path_ + file));
    int64_t count = 0;
    for (std::string name; events >> name >> count;) {
      if (name == "oom_kill") return count > 0;
    }
  }
  return false;
}

Result<int> RunWithinMemory(int64_t bytes, const std::vector<ControlGroupRoot>& roots,
                            const std::function<int(const std::string& limit)>& work) {
  const ControlGroup group(roots, bytes);
  const Result<int> status = RunInChild([&] {
    return work(group.Join() ? "control group" : LimitData(bytes) ? "data limit" : "none");
  });
  if (!status.has_value()) return status;
  if (!WIFSIGNALED(*status)) return WEXITSTATUS(*status);
  if (group.Killed()) {
    return Fail(ErrorCode::kNoSpace, "the kernel ended the round at its limit of " +
                                         std::to_string(bytes) +
                                         " bytes; give more, or go on with --resume");
  }
  return Fail(ErrorCode::kIo, "the round was ended by signal " + std::to_string(WTERMSIG(*status)) +
                                  "; go on with --resume");
}

}  // namespace masr::cli

#include "memory_limit.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "child_process.h"

namespace masr::cli {
namespace {

bool Write(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return false;
  const bool written = std::fputs(text.c_str(), file) >= 0;
  return std::fclose(file) == 0 && written;
}

// A control group that is gone with this object. Empty where none can be made.
class ControlGroup {
 public:
  explicit ControlGroup(int64_t bytes) {
    const std::string name = "/mobileasr." + std::to_string(getpid());
    for (const auto& [root, file] : {std::pair("/sys/fs/cgroup", "memory.max"),
                                     std::pair("/sys/fs/cgroup/memory", "memory.limit_in_bytes")}) {
      const std::string path = root + name;
      if (mkdir(path.c_str(), 0755) != 0) continue;
      if (Write(path + "/" + file, std::to_string(bytes))) {
        path_ = path;
        return;
      }
      rmdir(path.c_str());
    }
  }
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  ~ControlGroup() {
    if (!path_.empty()) rmdir(path_.c_str());
  }

  // This process.
  bool Join() const {
    return !path_.empty() && Write(path_ + "/cgroup.procs", std::to_string(getpid()));
  }

 private:
  std::string path_;
};

bool LimitData(int64_t bytes) {
  const rlimit limit = {static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  return setrlimit(RLIMIT_DATA, &limit) == 0;
}

}  // namespace

Status RunWithinMemory(int64_t bytes, const std::function<int(const std::string& limit)>& work) {
  const ControlGroup group(bytes);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return Fail(ErrorCode::kIo, "cannot start another process");
  if (child == 0) {
    const std::string limit = group.Join()       ? "control group"
                              : LimitData(bytes) ? "data limit"
                                                 : "none";
    const int code = work(limit);
    std::fflush(nullptr);
    std::_Exit(code);
  }
  const int status = WaitFor(child);
  if (WIFSIGNALED(status)) {
    return Fail(ErrorCode::kNoSpace,
                WTERMSIG(status) == SIGKILL
                    ? "the kernel ended the round at its limit of " + std::to_string(bytes) +
                          " bytes; give more, or go on with --resume"
                    : "the round was ended by signal " + std::to_string(WTERMSIG(status)));
  }
  // What was wrong has been said.
  if (WEXITSTATUS(status) != 0) return Fail(ErrorCode::kCancelled, "");
  return {};
}

}  // namespace masr::cli

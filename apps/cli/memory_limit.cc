#include "memory_limit.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "child_process.h"
#include "command.h"
#include "io/file.h"

namespace masr::cli {
namespace {

// Into a file that is there: the kernel's, not one that this would make.
bool Write(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "r+e");
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
      if (Write(path + "/" + file, std::to_string(bytes)) && Holds(path + "/" + file, bytes)) {
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
  // To whole pages.
  static bool Holds(const std::string& file, int64_t bytes) {
    const auto text = ReadTextFile(file, 64);
    const int64_t limit = text.has_value() ? std::atoll(text->c_str()) : 0;
    return limit > bytes - sysconf(_SC_PAGESIZE) && limit <= bytes;
  }

  std::string path_;
};

bool LimitData(int64_t bytes) {
  const rlimit limit = {static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  return setrlimit(RLIMIT_DATA, &limit) == 0;
}

std::atomic<pid_t> child_to_stop{0};  // a signal handler can reach nothing else

void StopChild(int signal) {
  if (const pid_t child = child_to_stop.load(); child > 0) kill(child, signal);
}

// Hands what asks this process to stop on to its child, until it is gone.
class HandOver {
 public:
  HandOver() {
    for (size_t i = 0; i < 2; ++i) old_[i] = std::signal(kSignals[i], StopChild);
  }
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;
  ~HandOver() {
    child_to_stop = 0;
    for (size_t i = 0; i < 2; ++i) std::signal(kSignals[i], old_[i]);
  }

  // In the child.
  void Undo() const {
    for (size_t i = 0; i < 2; ++i) std::signal(kSignals[i], old_[i]);
  }

 private:
  static constexpr int kSignals[2] = {SIGINT, SIGTERM};
  void (*old_[2])(int) = {};
};

}  // namespace

Result<int> RunWithinMemory(int64_t bytes,
                            const std::function<int(const std::string& limit)>& work) {
  const ControlGroup group(bytes);
  const HandOver signals;
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return Fail(ErrorCode::kIo, "cannot start another process");
  if (child == 0) {
    signals.Undo();
    // Ctrl-C reaches it through its parent alone, once; and nobody leaves it behind.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) std::_Exit(1);
    const std::string limit = group.Join()       ? "control group"
                              : LimitData(bytes) ? "data limit"
                                                 : "none";
    const int code = work(limit);
    std::fflush(nullptr);
    std::_Exit(code);
  }
  child_to_stop = child;
  // A signal that came before there was a child.
  if (StopRequested()) StopChild(SIGTERM);
  const int status = WaitFor(child);
  if (WIFSIGNALED(status)) {
    return Fail(ErrorCode::kNoSpace,
                WTERMSIG(status) == SIGKILL
                    ? "the kernel ended the round at its limit of " + std::to_string(bytes) +
                          " bytes; give more, or go on with --resume"
                    : "the round was ended by signal " + std::to_string(WTERMSIG(status)));
  }
  return WEXITSTATUS(status);
}

}  // namespace masr::cli

// A process that the kernel lets have no more than so much memory.
#ifndef MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_
#define MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace masr::cli {

// Where groups may be made, and the file of a group that limits its memory.
struct ControlGroupRoot {
  std::string folder;
  std::string limit_file;
};

// Of control groups v2, and of v1's groups for memory.
std::vector<ControlGroupRoot> SystemControlGroups();

// A control group that limits what is in it together, and is gone with this object: what is in it
// must have ended. Empty where none can be made, or what can be made does not limit: a group is
// believed only once the kernel has told the limit back.
class ControlGroup {
 public:
  ControlGroup(const std::vector<ControlGroupRoot>& roots, int64_t bytes);
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  ~ControlGroup();

  const std::string& path() const { return path_; }
  // Puts this process in; whether it is in it then.
  bool Join() const;
  // Whether the kernel has ended a process in it, for memory.
  bool Killed() const;

 private:
  std::string path_;
};

// Runs `work` in a child process under a limit of `bytes`, and waits for it: in a control group of
// its own where this user may make one (the kernel then ends a process that wants more), else with
// a limit on its data (allocations then fail). `work` gets the name of the limit that holds. What
// it writes to the standard streams goes where this process's does; its exit code is returned.
// SIGINT and SIGTERM are passed on to it meanwhile. Fails if it is ended by a signal.
Result<int> RunWithinMemory(int64_t bytes, const std::vector<ControlGroupRoot>& roots,
                            const std::function<int(const std::string& limit)>& work);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_

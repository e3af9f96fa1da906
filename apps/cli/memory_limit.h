// A process that the kernel lets have no more than so much memory.
#ifndef MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_
#define MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace masr::cli {

// Runs `work` in a child process under a limit of `bytes`, waits for it and gives its exit code: in
// a control group of its own where this user may make one (the kernel then ends a process that
// wants more), else with a limit on its data (allocations then fail). `work` gets the name of the
// limit that holds. What it writes to the standard streams goes where this process's does; what
// asks this process to stop (SIGINT, SIGTERM) asks the child, which ends with this process. Fails
// if there is no child, or a signal ended it.
Result<int> RunWithinMemory(int64_t bytes,
                            const std::function<int(const std::string& limit)>& work);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_MEMORY_LIMIT_H_

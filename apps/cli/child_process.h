// Processes that this one has started.
#ifndef MOBILEASR_APPS_CLI_CHILD_PROCESS_H_
#define MOBILEASR_APPS_CLI_CHILD_PROCESS_H_

#include <sys/types.h>
#include <sys/wait.h>

#include <functional>

#include "base/result.h"

namespace masr::cli {

// A child's status, as waitpid gives it, once it has ended.
int WaitFor(pid_t child);

// Runs `work` in a child process, whose exit code it gives, and returns the status as waitpid does.
// SIGINT and SIGTERM to this process meanwhile go to the child instead, once for each time: it is
// in a process group of its own, where a terminal or `timeout` does not reach it a second time. If
// this process dies nevertheless, the child gets SIGTERM. No other thread may run here.
Result<int> RunInChild(const std::function<int()>& work);

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_CHILD_PROCESS_H_

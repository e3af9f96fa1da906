// A process that this one has started.
#ifndef MOBILEASR_APPS_CLI_CHILD_PROCESS_H_
#define MOBILEASR_APPS_CLI_CHILD_PROCESS_H_

#include <sys/wait.h>

#include <cerrno>

namespace masr::cli {

// Its status, as waitpid gives it, once it has ended.
inline int WaitFor(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_CHILD_PROCESS_H_

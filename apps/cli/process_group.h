// Processes that mpirun started together. Only they load MPI, in a module of its own beside the
// command (mpi_process_group.cc): a command that is alone neither needs it nor pays for it.
#ifndef MOBILEASR_APPS_CLI_PROCESS_GROUP_H_
#define MOBILEASR_APPS_CLI_PROCESS_GROUP_H_

#include <atomic>
#include <memory>

#include "train/collective.h"

namespace masr::cli {

class ProcessGroup : public Collective {
 public:
  // How many of the processes are on this machine, to share its cores.
  virtual int processes_here() const = 0;

  // Call it last, with how the work ended. What ends in every process alike (success, kCancelled,
  // kDiverged) is left to rank 0 to say: the others get an error without a message. Any other error
  // is this process's alone: it is printed and the whole job is ended.
  virtual Status Leave(Status status) = 0;
};

using JoinedGroup = Result<std::unique_ptr<ProcessGroup>>;

// Null if the command was started alone. `stop` is the owner's wish to stop; while it is true and
// the others do not answer, standard error says so.
JoinedGroup JoinProcessGroup(const std::atomic<bool>& stop);

// The module's one function. Module and command are built together.
extern "C" void masr_join_mpi(const std::atomic<bool>& stop, JoinedGroup& joined);

// What mpirun (Open MPI, or another launcher by PMIx or PMI) says in the environment; 0 if the
// command was started alone.
int ProcessesByLauncher();

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_PROCESS_GROUP_H_

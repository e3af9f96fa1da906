#include "mpi_collective.h"

namespace masr::cli {

Result<std::unique_ptr<ProcessGroup>> JoinProcessGroup(const std::atomic<bool>&) {
  if (ProcessesByLauncher() > 1) {
    // Each would train alone and write over the others' files.
    return Fail(ErrorCode::kUnsupported,
                "started as one of several processes, but built without MPI; install "
                "libopenmpi-dev and configure with -DMASR_MPI=ON");
  }
  return std::unique_ptr<ProcessGroup>();
}

}  // namespace masr::cli

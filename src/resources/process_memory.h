// How much memory this process holds.
#ifndef MOBILEASR_RESOURCES_PROCESS_MEMORY_H_
#define MOBILEASR_RESOURCES_PROCESS_MEMORY_H_

#include <cstdint>

namespace masr {

// Bytes; -1 where the system does not tell.
int64_t ResidentBytes();
// The most that was ever resident.
int64_t PeakResidentBytes();

}  // namespace masr

#endif  // MOBILEASR_RESOURCES_PROCESS_MEMORY_H_

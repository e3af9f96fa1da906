#include "resources/process_memory.h"

#include <sys/resource.h>

#include <cstdio>

namespace masr {
namespace {

// A field of /proc/self/status; -1 where there is none.
int64_t StatusBytes(const char* format) {
  std::FILE* status = std::fopen("/proc/self/status", "re");
  if (status == nullptr) return -1;
  char line[256];
  long long kilobytes = -1;
  while (kilobytes < 0 && std::fgets(line, sizeof(line), status) != nullptr) {
    if (std::sscanf(line, format, &kilobytes) != 1) kilobytes = -1;
  }
  std::fclose(status);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

}  // namespace

int64_t ResidentBytes() { return StatusBytes("VmRSS: %lld kB"); }

int64_t PeakResidentBytes() {
  // Linux's rusage goes on from the process that started this one; its status does not.
  if (const int64_t peak = StatusBytes("VmHWM: %lld kB"); peak >= 0) return peak;
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return -1;
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace masr

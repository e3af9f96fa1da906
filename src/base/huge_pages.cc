#include "base/huge_pages.h"

#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace masr {

void AdviseHugePages(void* block, size_t bytes) {
#if defined(MADV_HUGEPAGE)
  // Only pages that are wholly inside: what lies beside the block stays as it is.
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const auto begin = reinterpret_cast<uintptr_t>(block);
  const uintptr_t first = (begin + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t last = (begin + bytes) / kHugePage * kHugePage;
  if (first >= last) return;
  // A refusal (a kernel without them) changes nothing.
  void* inside = static_cast<char*>(block) + (first - begin);
  static_cast<void>(madvise(inside, last - first, MADV_HUGEPAGE));
#else
  static_cast<void>(block);
  static_cast<void>(bytes);
#endif
}

}  // namespace masr

#include "resources/process_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace masr {
namespace {

TEST(ProcessMemory, GrowsWithWhatIsTouchedAndThePeakStays) {
  const int64_t before = ResidentBytes();
  ASSERT_GT(before, 0);
  constexpr size_t kBytes = size_t{64} << 20;
  int64_t with = 0;
  {
    const std::vector<char> block(kBytes, 1);
    with = ResidentBytes();
    EXPECT_GT(with, before + static_cast<int64_t>(kBytes * 9 / 10)) << block.back();
  }
  // The kernel counts in batches of pages by thread.
  EXPECT_GT(PeakResidentBytes(), with - (int64_t{1} << 20));
  EXPECT_LT(ResidentBytes(), with);
}

}  // namespace
}  // namespace masr

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
  EXPECT_GE(PeakResidentBytes(), with);
  EXPECT_LT(ResidentBytes(), with);
}

}  // namespace
}  // namespace masr

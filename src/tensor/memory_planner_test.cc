#include "tensor/memory_planner.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace masr {
namespace {

TEST(MemoryPlanner, NothingNeedsNothing) { EXPECT_EQ(PlanMemory({}).peak_bytes, 0); }

TEST(MemoryPlanner, BuffersOfDifferentTimesShareBytes) {
  const std::vector<BufferRequest> requests = {{640, 0, 1}, {640, 2, 3}, {320, 4, 4}};
  const MemoryPlan plan = PlanMemory(requests);
  EXPECT_EQ(plan.peak_bytes, 640);
  EXPECT_EQ(plan.floor_bytes, 640);
}

TEST(MemoryPlanner, TouchingLifetimesDoNotShare) {
  const std::vector<BufferRequest> requests = {{64, 0, 2}, {64, 2, 3}};
  EXPECT_EQ(PlanMemory(requests).peak_bytes, 128);
}

TEST(MemoryPlanner, RandomPlansNeverOverlapAndStayNearTheFloor) {
  Rng rng(3);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<BufferRequest> requests(1 + rng.Below(80));
    for (BufferRequest& r : requests) {
      r.bytes = static_cast<int64_t>(rng.Below(5000));
      r.first_use = static_cast<int64_t>(rng.Below(40));
      r.last_use = r.first_use + static_cast<int64_t>(rng.Below(15));
    }
    const MemoryPlan plan = PlanMemory(requests);
    EXPECT_GE(plan.peak_bytes, plan.floor_bytes);
    EXPECT_LE(plan.peak_bytes, plan.floor_bytes * 2);
    for (size_t a = 0; a < requests.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 64, 0);
      EXPECT_LE(plan.offsets[a] + requests[a].bytes, plan.peak_bytes);
      for (size_t b = 0; b < a; ++b) {
        const bool meet = requests[a].first_use <= requests[b].last_use &&
                          requests[b].first_use <= requests[a].last_use;
        const bool overlap = plan.offsets[a] < plan.offsets[b] + requests[b].bytes &&
                             plan.offsets[b] < plan.offsets[a] + requests[a].bytes;
        EXPECT_FALSE(meet && overlap) << a << " and " << b;
      }
    }
  }
}

}  // namespace
}  // namespace masr

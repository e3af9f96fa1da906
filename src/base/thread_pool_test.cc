#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <vector>

namespace masr {
namespace {

TEST(ThreadPool, RunsEveryTaskOnceForAnyThreadsAndCounts) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (size_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> runs(count);
      pool.ParallelFor(count, [&](size_t i, int thread) {
        EXPECT_GE(thread, 0);
        EXPECT_LT(thread, threads);
        runs[i].fetch_add(1);
      });
      for (auto& r : runs) EXPECT_EQ(r.load(), 1);
    }
  }
}

TEST(ThreadPool, ManySmallJobsInARowSeeEachOthersWrites) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64, 0);
  for (int round = 0; round < 20000; ++round) {
    pool.ParallelFor(values.size(), [&](size_t i, int) { values[i] += 1; });
  }
  for (int64_t v : values) EXPECT_EQ(v, 20000);
}

TEST(ThreadPool, ScratchIsAlignedAndSeparate) {
  ThreadPool pool(2);
  for (int t = 0; t < 2; ++t) {
    auto scratch = pool.Scratch(t);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(scratch.data()) % 64, 0u);
    EXPECT_EQ(scratch.size(), ThreadPool::kScratchFloats);
  }
  EXPECT_NE(pool.Scratch(0).data(), pool.Scratch(1).data());
}

}  // namespace
}  // namespace masr

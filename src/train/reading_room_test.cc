#include "train/reading_room.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

namespace masr {
namespace {

TEST(ReadingRoom, NeverHoldsMoreThanItsSeconds) {
  ReadingRoom room(10);
  const std::vector<double> lengths = {3, 7, 10, 0.1, 4, 25, 6};
  std::atomic<int> tenths = 0;
  std::atomic<int> most = 0;
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        const double length = lengths[static_cast<size_t>(i + t) % lengths.size()];
        const ReadingRoom::Seat seat(room, length);
        const int mine = static_cast<int>(10 * std::min(length, 10.0));
        const int now = tenths.fetch_add(mine) + mine;
        for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        tenths.fetch_sub(mine);
        ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 4 * 300) << "somebody waited for ever";
  EXPECT_LE(most, 100);
}

TEST(ReadingRoom, HasRoomForSeveralShortOnes) {
  ReadingRoom room(10);
  std::optional<ReadingRoom::Seat> first(std::in_place, room, 4);
  std::optional<ReadingRoom::Seat> second(std::in_place, room, 6);
  std::atomic<bool> entered = false;
  std::thread third([&] {
    const ReadingRoom::Seat seat(room, 1);
    entered = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(entered);
  second.reset();
  third.join();
  EXPECT_TRUE(entered);
}

}  // namespace
}  // namespace masr

// Several "processes" that are threads of one.
#ifndef MOBILEASR_TRAIN_TESTING_THREAD_COLLECTIVE_H_
#define MOBILEASR_TRAIN_TESTING_THREAD_COLLECTIVE_H_

#include <algorithm>
#include <barrier>
#include <functional>
#include <thread>
#include <vector>

#include "train/collective.h"

namespace masr::testing {

// What the threads share.
struct ThreadGroup {
  explicit ThreadGroup(int size) : barrier(size), addresses(static_cast<size_t>(size)) {}
  std::barrier<> barrier;
  std::vector<const void*> addresses;  // by rank, of what each has come with
};

class ThreadCollective final : public Collective {
 public:
  ThreadCollective(ThreadGroup& group, int rank) : group_(group), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(group_.addresses.size()); }
  void StartSum(std::span<float> values) override { started_.push_back(values); }
  Status FinishSums() override {
    for (const std::span<float> values : started_) SumNow(values);
    started_.clear();
    return {};
  }
  Status Sum(std::span<double> values) override {
    SumNow(values);
    return {};
  }
  Status Broadcast(std::span<uint8_t> bytes) override {
    group_.addresses[static_cast<size_t>(rank_)] = bytes.data();
    group_.barrier.arrive_and_wait();
    const auto* from = static_cast<const uint8_t*>(group_.addresses[0]);
    if (rank_ != 0) std::copy_n(from, bytes.size(), bytes.data());
    group_.barrier.arrive_and_wait();
    return {};
  }

 private:
  template <class T>
  void SumNow(std::span<T> values) {
    group_.addresses[static_cast<size_t>(rank_)] = values.data();
    group_.barrier.arrive_and_wait();
    std::vector<T> sum(values.size());
    for (const void* address : group_.addresses) {
      const T* theirs = static_cast<const T*>(address);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += theirs[i];
    }
    group_.barrier.arrive_and_wait();
    std::copy(sum.begin(), sum.end(), values.begin());
  }

  ThreadGroup& group_;
  int rank_;
  std::vector<std::span<float>> started_;
};

// Runs run(collective) in `size` threads at once.
inline void RunTogether(int size, const std::function<void(Collective&)>& run) {
  ThreadGroup group(size);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(size));
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadCollective collective(group, rank);
      run(collective);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace masr::testing

#endif  // MOBILEASR_TRAIN_TESTING_THREAD_COLLECTIVE_H_

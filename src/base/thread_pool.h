// A thread pool that is passed in, never global.
//
// ParallelFor hands out task numbers one at a time from a shared counter, so that a thread held up
// by other work on the device (phones are always contended) takes fewer tasks instead of making all
// wait at a barrier with an equal share. The calling thread works too. Which thread runs a task is
// not determined; kernels therefore split work over rows and columns, never over a reduction, and
// results do not depend on the number of threads.
//
// Each thread owns a scratch block of kScratchFloats floats, 64-byte aligned, for packed operands
// and the like: allocated with the pool, counted in the memory plan, valid within one task only.
//
// Thread-safety: one ParallelFor at a time per pool, from the thread that owns it; no nesting.
#ifndef MOBILEASR_BASE_THREAD_POOL_H_
#define MOBILEASR_BASE_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace masr {

class ThreadPool {
 public:
  static constexpr size_t kScratchFloats = 192 * 1024;  // 768 KiB: fits in a big core's L2

  // `threads` counts the caller; values below 1 mean 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }
  std::span<float> Scratch(int thread) const;

  // Calls task(index, thread) for each index in [0, count), 0 <= thread < threads(). Returns when
  // all are done, with their writes visible.
  template <class Task>
  void ParallelFor(size_t count, const Task& task) const {
    if (count == 0) return;
    if (count == 1 || threads_ == 1) {
      for (size_t i = 0; i < count; ++i) task(i, 0);
      return;
    }
    Run(
        count,
        [](const void* context, size_t index, int thread) {
          (*static_cast<const Task*>(context))(index, thread);
        },
        &task);
  }

 private:
  using Invoke = void (*)(const void* context, size_t index, int thread);
  struct State;
  void Run(size_t count, Invoke invoke, const void* context) const;

  int threads_;
  std::unique_ptr<State> state_;
};

}  // namespace masr

#endif  // MOBILEASR_BASE_THREAD_POOL_H_

#include "base/thread_pool.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "base/floating_point.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace masr {
namespace {

// Kernels of one training step follow each other within microseconds; sleeping between them would
// cost more than the kernels. Past this many polls (about 50 microseconds) a worker sleeps.
constexpr int kSpinPolls = 2000;

void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;
  std::vector<float*> scratch;

  // A job is published by raising `generation` to an odd number (open), and closed by the next even
  // one. A worker joins by raising `inside` and then re-reading `generation`: either it sees the
  // job open, or the caller, which closes first and then waits for `inside` to fall to zero, has
  // gone on.
  std::atomic<uint64_t> generation{0};
  std::atomic<int> inside{0};
  std::atomic<int> sleeping{0};
  std::atomic<bool> quit{false};
  // Each thread begins with a part of its own, the same share of every job: what it wrote in one
  // kernel it finds in its own cache in the next. Done with it, it takes what others have left.
  struct alignas(64) Part {
    std::atomic<size_t> next{0};
    size_t end = 0;
  };
  std::vector<Part> parts;
  Invoke invoke = nullptr;
  const void* context = nullptr;

  void Work(int thread) {
    for (size_t p = 0; p < parts.size(); ++p) {
      Part& part = parts[(static_cast<size_t>(thread) + p) % parts.size()];
      for (size_t i = part.next.fetch_add(1); i < part.end; i = part.next.fetch_add(1)) {
        invoke(context, i, thread);
      }
    }
  }

  void Loop(int thread) {
    const DefaultFloatingPoint mode;  // not that of the thread which made the pool
    uint64_t seen = 0;
    while (WaitForJob(seen)) {
      inside.fetch_add(1);
      const uint64_t now = generation.load();
      if (now % 2 == 1 && now != seen) {
        seen = now;
        Work(thread);
      }
      inside.fetch_sub(1);
    }
  }

  bool HasNews(uint64_t seen) const {
    const uint64_t now = generation.load();
    return quit.load() || (now % 2 == 1 && now != seen);
  }

  // False when the pool is going away.
  bool WaitForJob(uint64_t seen) {
    for (int poll = 0; poll < kSpinPolls; ++poll) {
      if (HasNews(seen)) return !quit.load();
      Relax();
    }
    std::unique_lock lock(mutex);
    sleeping.fetch_add(1);
    wake.wait(lock, [&] { return HasNews(seen); });
    sleeping.fetch_sub(1);
    return !quit.load();
  }

  void WakeSleepers() {
    if (sleeping.load() == 0) return;
    { std::lock_guard lock(mutex); }
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads)
    : threads_(threads < 1 ? 1 : threads), state_(std::make_unique<State>()) {
  state_->parts = std::vector<State::Part>(static_cast<size_t>(threads_));
  for (int i = 0; i < threads_; ++i) {
    state_->scratch.push_back(
        static_cast<float*>(::operator new(kScratchFloats * sizeof(float), std::align_val_t(64))));
  }
  for (int i = 1; i < threads_; ++i) {
    state_->workers.emplace_back([this, i] { state_->Loop(i); });
  }
}

ThreadPool::~ThreadPool() {
  state_->quit.store(true);
  { std::lock_guard lock(state_->mutex); }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
  for (float* block : state_->scratch) ::operator delete(block, std::align_val_t(64));
}

std::span<float> ThreadPool::Scratch(int thread) const {
  return {state_->scratch[thread], kScratchFloats};
}

void ThreadPool::Run(size_t count, Invoke invoke, const void* context) const {
  State& state = *state_;
  const size_t parts = state.parts.size();
  for (size_t p = 0; p < parts; ++p) {
    state.parts[p].next.store(count * p / parts);
    state.parts[p].end = count * (p + 1) / parts;
  }
  state.invoke = invoke;
  state.context = context;
  state.generation.fetch_add(1);  // open
  state.WakeSleepers();
  state.Work(0);
  state.generation.fetch_add(1);  // closed: nobody new gets in
  while (state.inside.load() != 0) Relax();
}

}  // namespace masr

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <queue>
#include <string>
#include <thread>

#include "process_group.h"

namespace masr::cli {
namespace {

using Clock = std::chrono::steady_clock;

// MPI counts in int.
constexpr size_t kMostAtOnce = size_t{1} << 28;

// mpirun ends a job by SIGTERM and, a second later, SIGKILL: what is to be said must be said
// before.
constexpr std::chrono::milliseconds kPatience{400};

std::string ErrorText(int code) {
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return {text, static_cast<size_t>(length)};
}

Status Check(int code) {
  if (code == MPI_SUCCESS) return {};
  return Fail(ErrorCode::kIo, "MPI: " + ErrorText(code) +
                                  "; another process or the network is gone, --resume goes on "
                                  "from the last checkpoint");
}

// MPI moves data only while it is called. A thread of our own calls it during the backward, so that
// sums advance while the main thread computes; at all other times it sleeps and the main thread may
// call MPI (MPI_THREAD_SERIALIZED).
class MpiGroup final : public ProcessGroup {
 public:
  explicit MpiGroup(const std::atomic<bool>& stop) : stop_(stop) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm here = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    MPI_Comm_size(here, &processes_here_);
    MPI_Comm_free(&here);
    worker_ = std::thread([this] { Work(); });
  }
  ~MpiGroup() override { EndWorker(); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int processes_here() const override { return processes_here_; }

  void StartSum(std::span<float> values) override {
    {
      const std::lock_guard lock(mutex_);
      started_.push(values);
    }
    changed_.notify_all();
  }

  Status FinishSums() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return started_.empty(); });
    return status_;
  }

  Status Sum(std::span<double> values) override {
    MPI_Request request = MPI_REQUEST_NULL;
    MASR_RETURN_IF_ERROR(
        Check(MPI_Iallreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()),
                             MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD, &request)));
    return Finish(request);
  }

  Status Broadcast(std::span<uint8_t> bytes) override {
    for (size_t at = 0; at < bytes.size(); at += kMostAtOnce) {
      const std::span<uint8_t> part = bytes.subspan(at, std::min(kMostAtOnce, bytes.size() - at));
      MPI_Request request = MPI_REQUEST_NULL;
      MASR_RETURN_IF_ERROR(Check(MPI_Ibcast(part.data(), static_cast<int>(part.size()), MPI_BYTE, 0,
                                            MPI_COMM_WORLD, &request)));
      MASR_RETURN_IF_ERROR(Finish(request));
    }
    return {};
  }

  Status Leave(Status status) override {
    const bool alike = status.has_value() || status.error().code == ErrorCode::kCancelled ||
                       status.error().code == ErrorCode::kDiverged;
    if (!alike) {
      std::fprintf(stderr, "mobileasr: process %d of %d: %s; ending the others\n", rank_ + 1, size_,
                   status.error().message.c_str());
      std::fflush(stderr);
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
    EndWorker();
    MPI_Finalize();
    if (!status.has_value() && rank_ != 0) return Fail(status.error().code, "");
    return status;
  }

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return ended_ || !started_.empty(); });
      if (started_.empty()) return;
      const std::span<float> values = started_.front();
      const bool good = status_.has_value();
      lock.unlock();
      // After an error nobody answers any more.
      const Status status = good ? SumNow(values) : Status();
      lock.lock();
      if (!status.has_value()) status_ = status;
      started_.pop();
      if (started_.empty()) changed_.notify_all();
    }
  }

  Status SumNow(std::span<float> values) {
    for (size_t at = 0; at < values.size(); at += kMostAtOnce) {
      const std::span<float> part = values.subspan(at, std::min(kMostAtOnce, values.size() - at));
      MPI_Request request = MPI_REQUEST_NULL;
      MASR_RETURN_IF_ERROR(
          Check(MPI_Iallreduce(MPI_IN_PLACE, part.data(), static_cast<int>(part.size()), MPI_FLOAT,
                               MPI_SUM, MPI_COMM_WORLD, &request)));
      MASR_RETURN_IF_ERROR(Finish(request));
    }
    return {};
  }

  // MPI_Wait would take a whole core from the computing threads for as long as another process is
  // behind.
  Status Finish(MPI_Request request) {
    const auto start = Clock::now();
    for (;;) {
      int done = 0;
      MASR_RETURN_IF_ERROR(Check(MPI_Test(&request, &done, MPI_STATUS_IGNORE)));
      if (done != 0) return {};
      const auto waited = Clock::now() - start;
      if (waited < std::chrono::milliseconds(1)) {
        sched_yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      if (waited > kPatience && stop_.load() && !said_.exchange(true)) {
        std::fprintf(stderr,
                     "mobileasr: process %d of %d was asked to stop while it waits for the others; "
                     "if one of them has ended, --resume goes on from the last checkpoint\n",
                     rank_ + 1, size_);
        std::fflush(stderr);
      }
    }
  }

  void EndWorker() {
    if (!worker_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    worker_.join();
  }

  const std::atomic<bool>& stop_;
  std::atomic<bool> said_ = false;
  int rank_ = 0;
  int size_ = 1;
  int processes_here_ = 1;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::queue<std::span<float>> started_;  // the front one is being summed
  bool ended_ = false;
  Status status_;
  std::thread worker_;
};

}  // namespace
}  // namespace masr::cli

extern "C" __attribute__((visibility("default"))) void masr_join_mpi(
    const std::atomic<bool>& stop, masr::cli::JoinedGroup& joined) {
  int provided = MPI_THREAD_SINGLE;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided) != MPI_SUCCESS ||
      provided < MPI_THREAD_SERIALIZED) {
    joined = masr::Fail(masr::ErrorCode::kUnsupported,
                        "MPI cannot be called from two threads in turn (MPI_THREAD_SERIALIZED); "
                        "use an MPI library that can");
    return;
  }
  joined = std::make_unique<masr::cli::MpiGroup>(stop);
}

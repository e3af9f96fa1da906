// What processes that train one model together need of each other. The library opens no socket:
// whoever has several processes brings this with them (the command does, over MPI).
#ifndef MOBILEASR_TRAIN_COLLECTIVE_H_
#define MOBILEASR_TRAIN_COLLECTIVE_H_

#include <atomic>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace masr {

// Every process makes the same calls in the same order with the same sizes, from one thread, and
// every one gets the same bits. After an error the others cannot be reached any more.
class Collective {
 public:
  virtual ~Collective() = default;

  virtual int rank() const = 0;  // from 0
  virtual int size() const = 0;

  // Begins to replace `values` by their sum over all processes, and returns at once: the caller
  // computes on. They must stay where they are, untouched, until FinishSums, before which nothing
  // but StartSum may be called. The order of the sum depends on size() alone.
  virtual void StartSum(std::span<float> values) = 0;
  // Returns when all sums that were started are there.
  virtual Status FinishSums() = 0;

  // At once, for a few numbers.
  virtual Status Sum(std::span<double> values) = 0;
  // `bytes` become those of rank 0.
  virtual Status Broadcast(std::span<uint8_t> bytes) = 0;
};

// True if the owner of any process has asked it to stop. Both may be null.
inline Result<bool> StopAgreed(Collective* collective, const std::atomic<bool>* cancel) {
  double asked = cancel != nullptr && cancel->load() ? 1 : 0;
  if (collective != nullptr) MASR_RETURN_IF_ERROR(collective->Sum({&asked, 1}));
  return asked > 0;
}

}  // namespace masr

#endif  // MOBILEASR_TRAIN_COLLECTIVE_H_

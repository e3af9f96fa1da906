#include "tensor/memory_planner.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "tensor/arena.h"

namespace masr {
namespace {

int64_t Aligned(int64_t bytes) {
  constexpr int64_t kAlignment = Arena::kAlignment;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int64_t MostAliveAtOnce(std::span<const BufferRequest> requests) {
  std::map<int64_t, int64_t> change;
  for (const BufferRequest& r : requests) {
    change[r.first_use] += Aligned(r.bytes);
    change[r.last_use + 1] -= Aligned(r.bytes);
  }
  int64_t alive = 0;
  int64_t most = 0;
  for (const auto& [time, bytes] : change) {
    alive += bytes;
    most = std::max(most, alive);
  }
  return most;
}

}  // namespace

MemoryPlan PlanMemory(std::span<const BufferRequest> requests) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].bytes > requests[b].bytes; });

  MemoryPlan plan;
  plan.offsets.assign(requests.size(), 0);
  std::vector<size_t> placed;  // by increasing offset
  for (size_t index : order) {
    const BufferRequest& request = requests[index];
    const int64_t bytes = Aligned(request.bytes);
    int64_t offset = 0;
    for (size_t other : placed) {
      const BufferRequest& o = requests[other];
      if (o.last_use < request.first_use || request.last_use < o.first_use) continue;
      if (plan.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[other] + Aligned(o.bytes));
    }
    plan.offsets[index] = offset;
    plan.peak_bytes = std::max(plan.peak_bytes, offset + bytes);
    const auto where =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t value, size_t other) { return value < plan.offsets[other]; });
    placed.insert(where, index);
  }
  plan.floor_bytes = MostAliveAtOnce(requests);
  return plan;
}

}  // namespace masr

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

// A request that has its place, in bytes from the arena's start.
struct Placed {
  int64_t begin;
  int64_t end;
  int64_t first_use;
  int64_t last_use;
};

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
  // By increasing offset, and side by side in memory: a plan looks at every pair, and a choice
  // among sub-models makes hundreds of plans.
  std::vector<Placed> placed;
  placed.reserve(requests.size());
  for (size_t index : order) {
    const BufferRequest& request = requests[index];
    const int64_t bytes = Aligned(request.bytes);
    int64_t offset = 0;
    for (const Placed& o : placed) {
      if (o.last_use < request.first_use || request.last_use < o.first_use) continue;
      if (o.begin >= offset + bytes) break;
      offset = std::max(offset, o.end);
    }
    plan.offsets[index] = offset;
    plan.peak_bytes = std::max(plan.peak_bytes, offset + bytes);
    const auto after =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [](int64_t value, const Placed& other) { return value < other.begin; });
    placed.insert(after, {offset, offset + bytes, request.first_use, request.last_use});
  }
  plan.floor_bytes = MostAliveAtOnce(requests);
  return plan;
}

}  // namespace masr

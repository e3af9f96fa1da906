#include "data/batcher.h"

#include <algorithm>
#include <numeric>

namespace masr {
namespace {

// NaN, negative and unknown durations count as none.
double Seconds(std::span<const double> durations_s, int64_t index) {
  const double seconds = durations_s[static_cast<size_t>(index)];
  return seconds > 0 ? seconds : 0;
}

std::vector<std::vector<int64_t>> Cut(std::span<const int64_t> order,
                                      std::span<const double> durations_s,
                                      const BatcherOptions& options) {
  const auto max_utterances = static_cast<size_t>(std::max<int64_t>(options.max_utterances, 1));
  std::vector<std::vector<int64_t>> batches;
  double total_s = 0;
  for (int64_t index : order) {
    const double seconds = Seconds(durations_s, index);
    if (batches.empty() || batches.back().size() >= max_utterances ||
        total_s + seconds > options.max_seconds) {
      batches.emplace_back();
      total_s = 0;
    }
    batches.back().push_back(index);
    total_s += seconds;
  }
  return batches;
}

}  // namespace

std::vector<std::vector<int64_t>> MakeBatches(std::span<const double> durations_s,
                                              const BatcherOptions& options, Rng& rng) {
  std::vector<int64_t> order(durations_s.size());
  std::iota(order.begin(), order.end(), 0);
  const auto shorter = [&](int64_t a, int64_t b) {
    return Seconds(durations_s, a) < Seconds(durations_s, b);
  };
  if (options.sorted) {
    std::stable_sort(order.begin(), order.end(), shorter);
    return Cut(order, durations_s, options);
  }

  Shuffle(order, rng);
  const auto bucket = static_cast<size_t>(std::max<int64_t>(options.bucket, 1));
  std::vector<std::vector<int64_t>> batches;
  for (size_t begin = 0; begin < order.size(); begin += bucket) {
    const std::span<int64_t> part =
        std::span(order).subspan(begin, std::min(bucket, order.size() - begin));
    std::stable_sort(part.begin(), part.end(), shorter);
    for (auto& batch : Cut(part, durations_s, options)) batches.push_back(std::move(batch));
  }
  // Otherwise every bucket would go from short to long.
  Shuffle(batches, rng);
  return batches;
}

}  // namespace masr

#include "train/micro_batches.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan/step_plan.h"

namespace masr {
namespace {

// Utterances [begin, end); `row` is where their features begin.
Batch Part(const Batch& batch, size_t begin, size_t end, int64_t row, int64_t width) {
  Batch part;
  part.first_block = batch.first_block;
  int64_t rows = 0;
  for (size_t u = begin; u < end; ++u) {
    part.utterances.push_back(batch.utterances[u]);
    part.frames.push_back(batch.frames[u]);
    part.targets.push_back(batch.targets[u]);
    rows += batch.frames[u];
  }
  const float* from = batch.features.data() + row * width;
  part.features.assign(from, from + rows * width);
  return part;
}

class Splitter {
 public:
  Splitter(const Model& model, std::span<const uint8_t> trainable, const MicroBatchOptions& options,
           const Batch& batch)
      : model_(model), trainable_(trainable), options_(options), batch_(batch) {}

  // Arena bytes of utterances [begin, end).
  Result<int64_t> Bytes(size_t begin, size_t end) const {
    StepShape shape{.first_block = batch_.first_block};
    for (size_t u = begin; u < end; ++u) {
      shape.frames.push_back(batch_.frames[u]);
      shape.targets.push_back(batch_.targets[u]);
    }
    MASR_TRY(const StepPlan step, PlanStep(model_.encoder, trainable_, shape, options_.parts));
    return step.arena_bytes;
  }

  Result<bool> Fits(size_t begin, size_t end) const {
    if (options_.max_seconds > 0 && end - begin > 1) {
      int64_t frames = 0;
      for (size_t u = begin; u < end; ++u) frames += batch_.frames[u];
      if (static_cast<double>(frames) * FrameSeconds() > options_.max_seconds) return false;
    }
    if (options_.arena_bytes == 0) return true;
    MASR_TRY(const int64_t bytes, Bytes(begin, end));
    return bytes <= options_.arena_bytes;
  }

  // The end of the longest run from `begin` that fits; `begin` where not even one does.
  Result<size_t> End(size_t begin) const {
    const size_t all = batch_.frames.size();
    MASR_TRY(const bool whole, Fits(begin, all));
    if (whole) return all;
    size_t end = begin + 1;
    MASR_TRY(bool fits, Fits(begin, end));
    if (!fits) return begin;
    while (end < all) {
      MASR_TRY(fits, Fits(begin, end + 1));
      if (!fits) break;
      ++end;
    }
    return end;
  }

 private:
  // Of a frame of what enters the batch's first block.
  double FrameSeconds() const {
    constexpr int64_t kMany = 1 << 20;
    const double hop_s = model_.config.features.frame_s();
    const int64_t frames = model_.encoder.InputFrames(batch_.first_block, kMany);
    return hop_s * std::round(static_cast<double>(kMany) / static_cast<double>(frames));
  }

  const Model& model_;
  std::span<const uint8_t> trainable_;
  const MicroBatchOptions& options_;
  const Batch& batch_;
};

}  // namespace

Result<std::vector<Batch>> SplitBatch(const Model& model, std::span<const uint8_t> trainable,
                                      const MicroBatchOptions& options, Batch batch,
                                      std::vector<LoadProblem>& problems) {
  std::vector<Batch> parts;
  if (batch.frames.empty()) return parts;
  const Splitter splitter(model, trainable, options, batch);
  const int64_t width = model.encoder.InputDim(batch.first_block);
  int64_t row = 0;
  for (size_t begin = 0; begin < batch.frames.size();) {
    MASR_TRY(const size_t end, splitter.End(begin));
    if (end == begin) {
      MASR_TRY(const int64_t bytes, splitter.Bytes(begin, begin + 1));
      problems.push_back({batch.utterances[begin],
                          "needs " + std::to_string(bytes) + " bytes alone, more than the " +
                              std::to_string(options.arena_bytes) +
                              " that are planned; train less or allow more memory"});
      row += batch.frames[begin];
      begin += 1;
      continue;
    }
    if (begin == 0 && end == batch.frames.size()) {
      parts.push_back(std::move(batch));
      return parts;
    }
    parts.push_back(Part(batch, begin, end, row, width));
    for (size_t u = begin; u < end; ++u) row += batch.frames[u];
    begin = end;
  }
  // Targets of joined utterances are owned by the batch that joined them.
  if (!parts.empty()) parts.front().joined = std::move(batch.joined);
  return parts;
}

}  // namespace masr

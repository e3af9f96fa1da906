#include "plan/arena_planner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "plan/step_plan.h"

namespace masr {
namespace {

using Pieces = std::vector<SpeechPiece>;

// As SplitBatch cuts: as many as fit in turn, and at least one.
std::vector<Pieces> Cut(const Pieces& batch, double max_seconds) {
  std::vector<Pieces> parts;
  double seconds = 0;
  for (const SpeechPiece& piece : batch) {
    if (parts.empty() || (max_seconds > 0 && seconds + piece.seconds > max_seconds)) {
      parts.emplace_back();
      seconds = 0;
    }
    parts.back().push_back(piece);
    seconds += piece.seconds;
  }
  return parts;
}

// Of those that are long enough to give something; `tokens` has theirs then.
std::vector<int64_t> FramesOfPieces(const Model& model, const Pieces& pieces,
                                    std::vector<int64_t>& tokens) {
  std::vector<int64_t> frames;
  tokens.clear();
  for (const SpeechPiece& piece : pieces) {
    const int64_t count = FeatureFrames(model, piece.seconds);
    if (model.encoder.OutputFrames(count) == 0) continue;
    frames.push_back(count);
    tokens.push_back(piece.tokens);
  }
  return frames;
}

// The same utterances where a batch begins at a block.
std::vector<int64_t> FramesEntering(const Model& model, size_t block, std::vector<int64_t> frames) {
  // One more: tempo is changed there by resampling, which rounds.
  if (block > 0) {
    for (int64_t& f : frames) f = model.encoder.InputFrames(block, f) + 1;
  }
  return frames;
}

}  // namespace

int64_t FeatureFrames(const Model& model, double seconds) {
  return static_cast<int64_t>(std::ceil(seconds / model.config.features.frame_s())) + 1;
}

size_t KeptBlocks(const Encoder& encoder, const Candidate& candidate) {
  return candidate.cache ? std::min(candidate.first_block, encoder.blocks().size() - 1) : 0;
}

Result<const Encoder*> ArenaPlanner::EncoderOf(const Candidate& candidate) {
  const AdapterShape shape = AdaptersOf(model_.encoder, candidate);
  if (shape == model_.encoder.adapters()) return &model_.encoder;
  if (!encoder_ || encoder_->adapters() != shape) {
    MASR_TRY(encoder_, Encoder::Create(model_.config, shape));
  }
  return &*encoder_;
}

ArenaPlanner::Key ArenaPlanner::KeyOf(const Encoder& encoder, size_t begin, size_t end) const {
  return {.rank = encoder.adapters().rank,
          .width = encoder.adapters().width,
          .beside_from = encoder.adapters().first_block,
          .begin = begin,
          .end = end};
}

Result<int64_t> ArenaPlanner::InferenceBytes(const Encoder& encoder, const BlockRange& range,
                                             std::vector<int64_t> frames) {
  Key key = KeyOf(encoder, range.begin, range.end);
  key.frames = std::move(frames);
  if (const auto known = bytes_.find(key); known != bytes_.end()) return known->second;
  ++planned_;
  LayerPlanner planner({}, /*stochastic=*/false);
  MASR_RETURN_IF_ERROR(encoder.PlanBlocks(range, key.frames, {}, planner));
  return bytes_[std::move(key)] = PlanMemory(planner.requests()).peak_bytes;
}

Result<int64_t> ArenaPlanner::StepBytes(const Encoder& encoder, const Candidate& candidate,
                                        std::vector<int64_t> frames, std::vector<int64_t> tokens) {
  Key key = KeyOf(encoder, KeptBlocks(encoder, candidate), encoder.blocks().size());
  key.parts = std::max<int64_t>(candidate.parts, 1);
  key.learns_from = candidate.first_block;
  key.tuning = candidate.tuning;
  key.frames = std::move(frames);
  key.tokens = std::move(tokens);
  if (const auto known = bytes_.find(key); known != bytes_.end()) return known->second;
  ++planned_;
  std::vector<std::vector<int32_t>> targets;
  for (const int64_t count : key.tokens) targets.emplace_back(count, 1);
  const StepShape shape = {
      .first_block = key.begin, .frames = key.frames, .targets = {targets.begin(), targets.end()}};
  const std::vector<uint8_t> trainable = TrainableParameters(encoder, candidate);
  MASR_TRY(const StepPlan step, PlanStep(encoder, trainable, shape, key.parts));
  return bytes_[std::move(key)] = step.arena_bytes;
}

Result<int64_t> ArenaPlanner::StepsBytes(const Encoder& encoder, const Candidate& candidate) {
  int64_t most = 0;
  std::vector<int64_t> tokens;
  for (const Pieces& update : speech_.updates_at_once) {
    for (const Pieces& part : Cut(update, candidate.micro_batch_seconds)) {
      std::vector<int64_t> frames = FramesEntering(model_, KeptBlocks(encoder, candidate),
                                                   FramesOfPieces(model_, part, tokens));
      if (frames.empty()) continue;
      MASR_TRY(const int64_t bytes, StepBytes(encoder, candidate, std::move(frames), tokens));
      most = std::max(most, bytes);
    }
  }
  return most;
}

// Of validation batches, and of the kept blocks' run over an utterance.
Result<int64_t> ArenaPlanner::ValidationBytes(const Encoder& encoder, const Candidate& candidate) {
  const size_t kept_blocks = KeptBlocks(encoder, candidate);
  const BlockRange above = {kept_blocks, encoder.blocks().size()};
  int64_t most = 0;
  std::vector<int64_t> tokens;
  for (const Pieces& batch : speech_.validated_at_once) {
    for (const Pieces& part : Cut(batch, candidate.micro_batch_seconds)) {
      const std::vector<int64_t> frames = FramesOfPieces(model_, part, tokens);
      if (frames.empty()) continue;
      MASR_TRY(const int64_t bytes,
               InferenceBytes(encoder, above, FramesEntering(model_, kept_blocks, frames)));
      most = std::max(most, bytes);
    }
  }
  if (kept_blocks == 0) return most;
  MASR_TRY(const int64_t one,
           InferenceBytes(encoder, {0, kept_blocks}, {FeatureFrames(model_, speech_.longest_s)}));
  return std::max(most, one);
}

Result<int64_t> ArenaPlanner::Bytes(const Candidate& candidate) {
  MASR_TRY(const Encoder* encoder, EncoderOf(candidate));
  MASR_TRY(const int64_t steps, StepsBytes(*encoder, candidate));
  MASR_TRY(const int64_t validation, ValidationBytes(*encoder, candidate));
  return std::max(steps, validation);
}

}  // namespace masr

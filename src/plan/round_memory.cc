#include "plan/round_memory.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/thread_pool.h"
#include "kernels/optimizer_step_8bit.h"
#include "plan/step_plan.h"

namespace masr {
namespace {

constexpr int64_t kFloat = sizeof(float);
// A sample is there as f32 in what is read and in what is made of it (another rate, another tempo),
// and as 16 bits where it is kept.
constexpr int64_t kBytesPerSample = 2 + 2 * kFloat;

int64_t FramesOf(const Model& model, double seconds) {
  return static_cast<int64_t>(std::ceil(seconds / model.config.features.frame_s())) + 1;
}

int64_t SamplesOf(const Model& model, double seconds) {
  return static_cast<int64_t>(std::ceil(seconds * model.config.features.sample_rate_hz()));
}

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

// Of those that are long enough to give something; `kept` has them too then.
std::vector<int64_t> FramesOfPieces(const Model& model, const Pieces& pieces, Pieces& kept) {
  std::vector<int64_t> frames;
  kept.clear();
  for (const SpeechPiece& piece : pieces) {
    const int64_t count = FramesOf(model, piece.seconds);
    if (model.encoder.OutputFrames(count) == 0) continue;
    frames.push_back(count);
    kept.push_back(piece);
  }
  return frames;
}

// Blocks that do not run with every batch.
size_t KeptBlocks(const Model& model, const Candidate& candidate) {
  return candidate.cache ? std::min(candidate.first_block, model.encoder.blocks().size() - 1) : 0;
}

// The same utterances where a batch begins at a block.
std::vector<int64_t> FramesEntering(const Model& model, size_t block, std::vector<int64_t> frames) {
  // One more: tempo is changed there by resampling, which rounds.
  if (block > 0) {
    for (int64_t& f : frames) f = model.encoder.InputFrames(block, f) + 1;
  }
  return frames;
}

// Inference of some blocks.
Result<int64_t> ArenaBytesOf(const Encoder& encoder, const BlockRange& range,
                             const std::vector<int64_t>& frames) {
  LayerPlanner planner({}, /*stochastic=*/false);
  MASR_RETURN_IF_ERROR(encoder.PlanBlocks(range, frames, {}, planner));
  return PlanMemory(planner.requests()).peak_bytes;
}

// Of validation batches, and of the kept blocks' run over an utterance.
Result<int64_t> ValidationArenaBytes(const Model& model, const Encoder& encoder,
                                     const Candidate& candidate, const RoundSpeech& speech) {
  const size_t kept_blocks = KeptBlocks(model, candidate);
  const BlockRange above = {kept_blocks, encoder.blocks().size()};
  int64_t most = 0;
  Pieces kept;
  for (const Pieces& batch : speech.validated_at_once) {
    for (const Pieces& part : Cut(batch, candidate.micro_batch_seconds)) {
      const std::vector<int64_t> frames = FramesOfPieces(model, part, kept);
      if (frames.empty()) continue;
      MASR_TRY(const int64_t bytes,
               ArenaBytesOf(encoder, above, FramesEntering(model, kept_blocks, frames)));
      most = std::max(most, bytes);
    }
  }
  if (kept_blocks == 0) return most;
  MASR_TRY(const int64_t one,
           ArenaBytesOf(encoder, {0, kept_blocks}, {FramesOf(model, speech.longest_s)}));
  return std::max(most, one);
}

// Of `seconds` of speech in so many utterances: rows of what enters the lowest block.
int64_t KeptRows(const Model& model, size_t block, double seconds, double utterances) {
  const int64_t frames = FramesOf(model, seconds);
  return model.encoder.InputFrames(block, frames) + 2 * static_cast<int64_t>(std::ceil(utterances));
}

int64_t PrefixBytes(const Model& model, const Candidate& candidate, const RoundSpeech& speech) {
  if (!candidate.cache) return 0;
  const size_t block = KeptBlocks(model, candidate);
  const double seconds = speech.training_s + speech.held_out_s;
  const double utterances =
      static_cast<double>(speech.utterances) * seconds / std::max(speech.training_s, 1e-9);
  return std::min(speech.prefix_ram_bytes, KeptRows(model, block, seconds, utterances) *
                                               model.encoder.InputDim(block) *
                                               speech.prefix_value_bytes);
}

Result<int64_t> StepArenaBytes(const Model& model, const Encoder& encoder,
                               const Candidate& candidate, const RoundSpeech& speech) {
  const std::vector<uint8_t> trainable = TrainableParameters(encoder, candidate);
  int64_t most = 0;
  Pieces kept;
  for (const Pieces& update : speech.updates_at_once) {
    for (const Pieces& part : Cut(update, candidate.micro_batch_seconds)) {
      StepShape shape{.first_block = KeptBlocks(model, candidate)};
      shape.frames = FramesEntering(model, shape.first_block, FramesOfPieces(model, part, kept));
      if (shape.frames.empty()) continue;
      std::vector<std::vector<int32_t>> targets;
      for (const SpeechPiece& piece : kept) targets.emplace_back(piece.tokens, 1);
      shape.targets.assign(targets.begin(), targets.end());
      MASR_TRY(const StepPlan step, PlanStep(encoder, trainable, shape, candidate.parts));
      most = std::max(most, step.arena_bytes);
    }
  }
  return most;
}

// As the trainer allocates it: for each parameter on its own.
int64_t OptimizerBytes(const Encoder& encoder, const Candidate& candidate,
                       int64_t state_per_parameter) {
  constexpr int64_t kAdamWs = 2;  // SGD's one is never in 8 bits
  const bool bytes = candidate.optimizer_bits == 8 && state_per_parameter == kAdamWs;
  const std::vector<uint8_t> trainable = TrainableParameters(encoder, candidate);
  int64_t sum = 0;
  for (ParameterId id = 0; id < encoder.parameters().size(); ++id) {
    if (trainable[static_cast<size_t>(id)] == 0) continue;
    const int64_t count = encoder.parameters()[id].elements();
    sum += bytes ? Moments8Bytes(count) : state_per_parameter * count * kFloat;
  }
  return sum;
}

// Seconds of the utterances that as many threads read at a time.
double ReadAtOnce(const RoundSpeech& speech, int threads) {
  double seconds = 0;
  for (size_t i = 0; i < speech.longest_read_s.size() && std::cmp_less(i, threads); ++i) {
    seconds += speech.longest_read_s[i];
  }
  return std::max(seconds, speech.longest_s);
}

}  // namespace

Result<RoundMemory> PlanRoundMemory(const Model& model, const Candidate& candidate,
                                    const RoundSpeech& speech, int64_t state_per_parameter,
                                    int threads, int64_t process_bytes) {
  RoundMemory memory;
  memory.process = process_bytes;
  memory.threads = threads * static_cast<int64_t>(ThreadPool::kScratchFloats) * kFloat;
  memory.weights = model.weights.StoredBytes();
  // The round runs with its pairs, which the model may not have yet.
  MASR_TRY(const Encoder encoder,
           Encoder::Create(model.config, AdaptersOf(model.encoder, candidate)));
  const int64_t trained = CountTrainable(encoder, candidate) * kFloat;
  memory.trained = trained;
  memory.gradients = trained;
  memory.optimizer = OptimizerBytes(encoder, candidate, state_per_parameter);
  memory.averages = 2 * trained;
  MASR_TRY(const int64_t step, StepArenaBytes(model, encoder, candidate, speech));
  MASR_TRY(const int64_t validation, ValidationArenaBytes(model, encoder, candidate, speech));
  memory.arena = std::max(step, validation);
  const double batch_s = std::max({speech.update_s, speech.validation_s, speech.longest_s});
  const int64_t mels = model.config.features.width();
  // Each utterance's features, and the batch that they are put into; samples of one per thread.
  memory.inputs = 2 * FramesOf(model, batch_s) * mels * kFloat +
                  SamplesOf(model, ReadAtOnce(speech, threads)) * kBytesPerSample;
  if (const size_t kept = KeptBlocks(model, candidate); kept > 0) {
    // What is made of the features, as it is kept, and the batch.
    memory.inputs +=
        3 * KeptRows(model, kept, batch_s, batch_s) * model.encoder.InputDim(kept) * kFloat;
  }
  memory.speech = speech.cached_bytes;
  memory.prefixes = PrefixBytes(model, candidate, speech);
  return memory;
}

}  // namespace masr

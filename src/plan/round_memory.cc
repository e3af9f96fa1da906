#include "plan/round_memory.h"

#include <algorithm>
#include <cmath>

#include "audio/log_mel.h"
#include "base/thread_pool.h"
#include "kernels/optimizer_step_8bit.h"
#include "plan/step_plan.h"

namespace masr {
namespace {

constexpr int64_t kFloat = sizeof(float);
// A sample passes through 16-bit, f32 at its own rate, f32 at the model's and f32 at another tempo;
// the last two are there at once with what they were made from.
constexpr int64_t kBytesPerSample = 2 + 3 * kFloat;

int64_t FramesOf(const Model& model, double seconds) {
  const LogMelOptions& options = model.config.features.log_mel;
  return static_cast<int64_t>(std::ceil(seconds * 1000 / options.hop_ms)) + 1;
}

int64_t SamplesOf(const Model& model, double seconds) {
  return static_cast<int64_t>(std::ceil(seconds * model.config.features.log_mel.sample_rate_hz));
}

// `seconds` of utterances of the longest kind, at least one; the last one is what is left.
std::vector<int64_t> FramesOfBatch(const Model& model, double seconds, double longest_s) {
  std::vector<int64_t> frames = {FramesOf(model, longest_s)};
  for (seconds -= longest_s; seconds > 0; seconds -= longest_s) {
    const int64_t more = FramesOf(model, std::min(seconds, longest_s));
    if (model.encoder.OutputFrames(more) > 0) frames.push_back(more);
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

// Of a validation batch, and of the kept blocks' run over an utterance.
Result<int64_t> ValidationArenaBytes(const Model& model, const Encoder& encoder,
                                     const Candidate& candidate, const RoundSpeech& speech) {
  const size_t kept = KeptBlocks(model, candidate);
  const std::vector<int64_t> frames = FramesOfBatch(model, speech.validation_s, speech.longest_s);
  MASR_TRY(const int64_t batch, ArenaBytesOf(encoder, {kept, encoder.blocks().size()},
                                             FramesEntering(model, kept, frames)));
  if (kept == 0) return batch;
  MASR_TRY(const int64_t one,
           ArenaBytesOf(encoder, {0, kept}, {FramesOf(model, speech.longest_s)}));
  return std::max(batch, one);
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

// On micro-batches of utterances of the longest kind.
Result<int64_t> StepArenaBytes(const Model& model, const Encoder& encoder,
                               const Candidate& candidate, const RoundSpeech& speech) {
  const std::vector<uint8_t> trainable = TrainableParameters(encoder, candidate);
  const std::vector<int32_t> target(static_cast<size_t>(speech.longest_target), 1);
  StepShape shape;
  const double seconds = candidate.micro_batch_seconds > 0
                             ? std::min(candidate.micro_batch_seconds, speech.update_s)
                             : speech.update_s;
  shape.first_block = KeptBlocks(model, candidate);
  shape.frames =
      FramesEntering(model, shape.first_block, FramesOfBatch(model, seconds, speech.longest_s));
  shape.targets.assign(shape.frames.size(), target);
  MASR_TRY(const StepPlan step, PlanStep(encoder, trainable, shape, candidate.parts));
  return step.arena_bytes;
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
  const int64_t mels = model.config.features.log_mel.mels;
  // Each utterance's features, and the batch that they are put into; samples of one per thread.
  memory.inputs = 2 * FramesOf(model, batch_s) * mels * kFloat +
                  threads * SamplesOf(model, speech.longest_s) * kBytesPerSample;
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

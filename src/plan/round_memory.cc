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

Result<int64_t> ValidationArenaBytes(const Model& model, const Encoder& encoder,
                                     const RoundSpeech& speech) {
  LayerPlanner planner({}, /*stochastic=*/false);
  MASR_RETURN_IF_ERROR(encoder.Plan(FramesOfBatch(model, speech.validation_s, speech.longest_s),
                                    /*backward=*/false, planner));
  return PlanMemory(planner.requests()).peak_bytes;
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
  shape.frames = FramesOfBatch(model, seconds, speech.longest_s);
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
  MASR_TRY(const int64_t validation, ValidationArenaBytes(model, encoder, speech));
  memory.arena = std::max(step, validation);
  const double batch_s = std::max({speech.update_s, speech.validation_s, speech.longest_s});
  const int64_t mels = model.config.features.log_mel.mels;
  // Each utterance's features, and the batch that they are put into; samples of one per thread.
  memory.inputs = 2 * FramesOf(model, batch_s) * mels * kFloat +
                  threads * SamplesOf(model, speech.longest_s) * kBytesPerSample;
  memory.speech = speech.cached_bytes;
  return memory;
}

}  // namespace masr

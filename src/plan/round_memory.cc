#include "plan/round_memory.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/thread_pool.h"
#include "kernels/optimizer_step_8bit.h"
#include "plan/arena_planner.h"

namespace masr {
namespace {

constexpr int64_t kFloat = sizeof(float);
// A sample is there as f32 in what is read and in what is made of it (another rate, another tempo),
// and as 16 bits where it is kept.
constexpr int64_t kBytesPerSample = 2 + 2 * kFloat;

int64_t SamplesOf(const Model& model, double seconds) {
  return static_cast<int64_t>(std::ceil(seconds * model.config.features.sample_rate_hz()));
}

// Of `seconds` of speech in so many utterances: rows of what enters the lowest block.
int64_t KeptRows(const Model& model, size_t block, double seconds, double utterances) {
  const int64_t frames = FeatureFrames(model, seconds);
  return model.encoder.InputFrames(block, frames) + 2 * static_cast<int64_t>(std::ceil(utterances));
}

int64_t PrefixBytes(const Model& model, const Candidate& candidate, const RoundSpeech& speech) {
  if (!candidate.cache) return 0;
  const size_t block = KeptBlocks(model.encoder, candidate);
  const double seconds = speech.training_s + speech.held_out_s;
  const double utterances =
      static_cast<double>(speech.utterances) * seconds / std::max(speech.training_s, 1e-9);
  return std::min(speech.prefix_ram_bytes, KeptRows(model, block, seconds, utterances) *
                                               model.encoder.InputDim(block) *
                                               speech.prefix_value_bytes);
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

Result<RoundMemory> PlanRoundMemory(ArenaPlanner& arenas, const Candidate& candidate,
                                    int64_t state_per_parameter, int threads,
                                    int64_t process_bytes) {
  const Model& model = arenas.model();
  const RoundSpeech& speech = arenas.speech();
  RoundMemory memory;
  memory.process = process_bytes;
  memory.threads = threads * static_cast<int64_t>(ThreadPool::kScratchFloats) * kFloat;
  memory.weights = model.weights.StoredBytes();
  MASR_TRY(const Encoder* encoder, arenas.EncoderOf(candidate));
  const int64_t trained = CountTrainable(*encoder, candidate) * kFloat;
  memory.trained = trained;
  memory.gradients = trained;
  memory.optimizer = OptimizerBytes(*encoder, candidate, state_per_parameter);
  memory.averages = 2 * trained;
  MASR_TRY(memory.arena, arenas.Bytes(candidate));
  const double batch_s = std::max({speech.update_s, speech.validation_s, speech.longest_s});
  const int64_t mels = model.config.features.width();
  // Each utterance's features, and the batch that they are put into; samples of as much speech as
  // the longest has (ReadingRoom).
  memory.inputs = 2 * FeatureFrames(model, batch_s) * mels * kFloat +
                  SamplesOf(model, speech.longest_s) * kBytesPerSample;
  if (const size_t kept = KeptBlocks(model.encoder, candidate); kept > 0) {
    // What is made of the features, as it is kept, and the batch.
    memory.inputs +=
        3 * KeptRows(model, kept, batch_s, batch_s) * model.encoder.InputDim(kept) * kFloat;
  }
  memory.speech = speech.cached_bytes;
  memory.prefixes = PrefixBytes(model, candidate, speech);
  return memory;
}

Result<RoundMemory> PlanRoundMemory(const Model& model, const Candidate& candidate,
                                    const RoundSpeech& speech, int64_t state_per_parameter,
                                    int threads, int64_t process_bytes) {
  ArenaPlanner arenas(model, speech);
  return PlanRoundMemory(arenas, candidate, state_per_parameter, threads, process_bytes);
}

}  // namespace masr

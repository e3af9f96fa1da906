// What a round will need, to the byte, before it runs.
#ifndef MOBILEASR_PLAN_ROUND_MEMORY_H_
#define MOBILEASR_PLAN_ROUND_MEMORY_H_

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "plan/candidate.h"

namespace masr {

// An utterance, as far as memory is concerned.
struct SpeechPiece {
  double seconds = 0;  // at the tempo that it is heard in
  int64_t tokens = 0;

  bool operator==(const SpeechPiece&) const = default;
};

// The speech that a round learns from and is validated on.
struct RoundSpeech {
  double longest_s = 0;     // of the longest utterance at the slowest tempo, above 0
  double update_s = 0;      // of speech in the largest update
  double validation_s = 0;  // of speech in the largest batch of a validation
  // What is computed at once, the heaviest of it: updates, and batches of a validation. Candidates
  // with micro-batches cut both.
  std::vector<std::vector<SpeechPiece>> updates_at_once;
  std::vector<std::vector<SpeechPiece>> validated_at_once;
  int64_t cached_bytes = 0;  // of decoded samples that stay in memory
  // What an epoch has of it, at its own tempo: for the time that it takes (CostOfEpoch).
  double training_s = 0;       // of speech that is learned from
  double held_out_s = 0;       // of speech that it is validated on
  int64_t utterances = 0;      // that are learned from
  int64_t updates = 0;         // about
  double augmented_share = 0;  // of the utterances whose tempo is changed
  // Of what enters a candidate's lowest block, where it is kept (Candidate::cache): at most so many
  // bytes in memory, of numbers of so many.
  int64_t prefix_ram_bytes = 0;
  int64_t prefix_value_bytes = 2;
};

// Bytes. Every item is one allocation of a round, or a group of them.
struct RoundMemory {
  int64_t process = 0;    // the program, its libraries and what its owner holds already
  int64_t threads = 0;    // scratch of the thread pool
  int64_t weights = 0;    // the model's mapped file, of which a step reads every page
  int64_t trained = 0;    // f32 values of what learns
  int64_t gradients = 0;  // of the same
  int64_t optimizer = 0;
  int64_t averages = 0;  // the running mean, and the weights that the best epoch offered
  int64_t arena = 0;     // activations of a step or of a validation batch
  int64_t inputs = 0;    // samples and features on their way into the arena
  int64_t speech = 0;    // decoded samples that are kept
  int64_t prefixes = 0;  // what the frozen blocks gave, where it is kept in memory

  int64_t total() const {
    return process + threads + weights + trained + gradients + optimizer + averages + arena +
           inputs + speech + prefixes;
  }
  // By their names.
  std::vector<std::pair<const char*, int64_t>> items() const {
    return {{"process", process},   {"threads", threads},     {"weights", weights},
            {"trained", trained},   {"gradients", gradients}, {"optimizer", optimizer},
            {"averages", averages}, {"arena", arena},         {"inputs", inputs},
            {"speech", speech},     {"prefixes", prefixes}};
  }
};

// `process_bytes` is what the process holds before the round, the model's pages not counted;
// `state_per_parameter` numbers of optimizer state (Optimizer::StatePerParameter), of
// candidate.optimizer_bits each.
Result<RoundMemory> PlanRoundMemory(const Model& model, const Candidate& candidate,
                                    const RoundSpeech& speech, int64_t state_per_parameter,
                                    int threads, int64_t process_bytes);

// The same with what `arenas` remembers of its model and speech: for one candidate after another.
class ArenaPlanner;
Result<RoundMemory> PlanRoundMemory(ArenaPlanner& arenas, const Candidate& candidate,
                                    int64_t state_per_parameter, int threads,
                                    int64_t process_bytes);

}  // namespace masr

#endif  // MOBILEASR_PLAN_ROUND_MEMORY_H_

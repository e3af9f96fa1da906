// The arenas of a round: of its steps, and of the batches that it validates.
#ifndef MOBILEASR_PLAN_ARENA_PLANNER_H_
#define MOBILEASR_PLAN_ARENA_PLANNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "plan/candidate.h"
#include "plan/round_memory.h"

namespace masr {

// Of features, of so much speech.
int64_t FeatureFrames(const Model& model, double seconds);

// Blocks that do not run with every batch, since what they give is kept (Candidate::cache).
size_t KeptBlocks(const Encoder& encoder, const Candidate& candidate);

// Of one model and the speech of one round, which must outlive it. Candidates compute much alike:
// an utterance by itself is the same step whether it is all of an update or a micro-batch, and an
// optimizer's bits change none. What was planned is remembered; the answers are those of a planner
// that is asked for the first time. Not thread-safe.
class ArenaPlanner {
 public:
  ArenaPlanner(const Model& model, const RoundSpeech& speech) : model_(model), speech_(speech) {}

  const Model& model() const { return model_; }
  const RoundSpeech& speech() const { return speech_; }

  // The candidate's round runs with its pairs or adapters, which the model may not have yet. Good
  // until the next call.
  Result<const Encoder*> EncoderOf(const Candidate& candidate);

  // The largest arena of the candidate's round.
  Result<int64_t> Bytes(const Candidate& candidate);

  // How many arenas were planned and not remembered.
  int64_t planned() const { return planned_; }

 private:
  // All that the arena of a step, or of an inference over some blocks, is made of.
  struct Key {
    int64_t rank = 0;  // of AdapterShape, as the next two
    int64_t width = 0;
    size_t beside_from = 0;
    size_t begin = 0;  // blocks that run
    size_t end = 0;
    int64_t parts = 0;  // 0: inference, of which the next two say nothing
    size_t learns_from = 0;
    Tuning tuning = Tuning::kFull;
    std::vector<int64_t> frames;  // of each utterance
    std::vector<int64_t> tokens;

    auto Tied() const {
      return std::tie(rank, width, beside_from, begin, end, parts, learns_from, tuning, frames,
                      tokens);
    }
    bool operator<(const Key& other) const { return Tied() < other.Tied(); }
  };

  Key KeyOf(const Encoder& encoder, size_t begin, size_t end) const;
  Result<int64_t> InferenceBytes(const Encoder& encoder, const BlockRange& range,
                                 std::vector<int64_t> frames);
  Result<int64_t> StepBytes(const Encoder& encoder, const Candidate& candidate,
                            std::vector<int64_t> frames, std::vector<int64_t> tokens);
  Result<int64_t> StepsBytes(const Encoder& encoder, const Candidate& candidate);
  Result<int64_t> ValidationBytes(const Encoder& encoder, const Candidate& candidate);

  const Model& model_;
  const RoundSpeech& speech_;
  std::optional<Encoder> encoder_;  // the last that had others than the model
  std::map<Key, int64_t> bytes_;
  int64_t planned_ = 0;
};

}  // namespace masr

#endif  // MOBILEASR_PLAN_ARENA_PLANNER_H_

#include "plan/arena_planner.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::Tiny;

// Every piece of it matters to some candidate: two lengths, two texts, alone and together.
const RoundSpeech kSpeech = {.longest_s = 2,
                             .updates_at_once = {{{2, 10}, {1, 10}}, {{2, 10}}, {{2, 30}}},
                             .validated_at_once = {{{2, 10}, {2, 10}, {2, 10}}, {{1, 3}}}};

std::vector<Candidate> AllOf(const Encoder& encoder) {
  std::vector<Candidate> all = EnumerateCandidates(encoder);
  for (const int64_t rank : {1, 16}) {
    all.push_back({.first_block = 1, .tuning = Tuning::kLora, .lora_rank = rank});
  }
  const size_t count = all.size();
  for (size_t i = 0; i < count; ++i) {
    all.push_back(all[i]);
    all.back().cache = true;
  }
  return all;
}

// By planners that have nothing to remember: one for each thing that is computed at once.
int64_t PlannedAlone(const Model& model, const RoundSpeech& all, const Candidate& candidate) {
  const auto alone = [&](const RoundSpeech& speech) {
    ArenaPlanner arenas(model, speech);
    const auto bytes = arenas.Bytes(candidate);
    EXPECT_TRUE(bytes.has_value()) << bytes.error().message;
    return bytes.value_or(0);
  };
  int64_t most = 0;
  for (const auto batches : {&RoundSpeech::updates_at_once, &RoundSpeech::validated_at_once}) {
    for (const std::vector<SpeechPiece>& batch : all.*batches) {
      RoundSpeech speech = {.longest_s = all.longest_s};
      if (candidate.micro_batch_seconds <= 0) {
        speech.*batches = {batch};
        most = std::max(most, alone(speech));
        continue;
      }
      for (const SpeechPiece& piece : batch) {
        speech.*batches = {{piece}};
        most = std::max(most, alone(speech));
      }
    }
  }
  return most;
}

// In any order: what a candidate is told never depends on who asked before it. Of steps and
// validations the steps are the larger, so that the latter are looked at alone too.
TEST(ArenaPlanner, RemembersNothingWrong) {
  const Model model = Tiny();
  RoundSpeech only_validated = kSpeech;
  only_validated.updates_at_once.clear();
  for (const RoundSpeech& speech : {kSpeech, only_validated}) {
    std::vector<Candidate> candidates = AllOf(model.encoder);
    for (const bool backwards : {false, true}) {
      if (backwards) std::ranges::reverse(candidates);
      ArenaPlanner arenas(model, speech);
      for (const Candidate& candidate : candidates) {
        SCOPED_TRACE(CandidateName(model.encoder, candidate));
        const auto bytes = arenas.Bytes(candidate);
        ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
        EXPECT_EQ(*bytes, PlannedAlone(model, speech, candidate));
      }
    }
  }
}

TEST(ArenaPlanner, PlansWhatIsComputedAlikeOnce) {
  const Model model = Tiny();
  ArenaPlanner arenas(model, kSpeech);
  const auto planned_for = [&](const Candidate& candidate) {
    const int64_t before = arenas.planned();
    EXPECT_TRUE(arenas.Bytes(candidate).has_value());
    return arenas.planned() - before;
  };
  EXPECT_EQ(planned_for({.first_block = 1}), 5);  // three updates, two batches of a validation
  EXPECT_EQ(planned_for({.first_block = 1}), 0);
  EXPECT_EQ(planned_for({.first_block = 1, .optimizer_bits = 8}), 0);
  EXPECT_EQ(planned_for({.first_block = 2}), 3);  // validated as the first
  // Of those by themselves, the utterance of one second has not learned yet, and that of two has
  // not been validated.
  EXPECT_EQ(planned_for({.first_block = 1, .micro_batch_seconds = 0.001}), 2);
}

TEST(ArenaPlanner, AnEncoderWithOtherPairsIsMade) {
  const Model model = Tiny();
  ArenaPlanner arenas(model, kSpeech);
  const auto plain = arenas.EncoderOf({.tuning = Tuning::kVectors});
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(*plain, &model.encoder);
  for (const int64_t rank : {2, 3, 2}) {
    const auto lora = arenas.EncoderOf({.tuning = Tuning::kLora, .lora_rank = rank});
    ASSERT_TRUE(lora.has_value());
    EXPECT_EQ((*lora)->adapters().rank, rank);
  }
}

}  // namespace
}  // namespace masr

#include "plan/round_memory.h"

#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "model/adapters.h"
#include "plan/step_plan.h"
#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::Tiny;

using Pieces = std::vector<SpeechPiece>;

// Utterances of two seconds and ten tokens.
Pieces Utterances(size_t count) { return Pieces(count, {2, 10}); }

const RoundSpeech kSpeech = {.longest_s = 2,
                             .update_s = 5,
                             .validation_s = 4,
                             .updates_at_once = {{{2, 10}, {2, 10}, {1, 10}}},
                             .validated_at_once = {Utterances(2)},
                             .cached_bytes = 1000};

RoundMemory Plan(const Model& model, const Candidate& candidate,
                 const RoundSpeech& speech = kSpeech) {
  const auto memory = PlanRoundMemory(model, candidate, speech, /*state_per_parameter=*/2,
                                      /*threads=*/3, /*process_bytes=*/7000);
  EXPECT_TRUE(memory.has_value()) << memory.error().message;
  return memory.value_or(RoundMemory{});
}

TEST(RoundMemory, CountsEachNumberThatLearnsSixTimes) {
  const Model model = Tiny();
  const RoundMemory memory = Plan(model, {.first_block = 1});
  const int64_t bytes = 4 * CountTrainable(model.encoder, {.first_block = 1});
  EXPECT_EQ(memory.trained, bytes);
  EXPECT_EQ(memory.gradients, bytes);
  EXPECT_EQ(memory.optimizer, 2 * bytes);
  EXPECT_EQ(memory.averages, 2 * bytes);
}

TEST(RoundMemory, OfEightBitsAdamTakesAQuarterAndItsScales) {
  const Model model = Tiny();
  const RoundMemory memory = Plan(model, {});
  const RoundMemory small = Plan(model, {.optimizer_bits = 8});
  EXPECT_GT(small.optimizer, memory.optimizer / 4);
  EXPECT_LT(small.optimizer, memory.optimizer * 3 / 10);
  EXPECT_EQ(small.total() - small.optimizer, memory.total() - memory.optimizer);
  // SGD has one number, of 32 bits always.
  const auto sgd = PlanRoundMemory(model, {.optimizer_bits = 8}, kSpeech, 1, 3, 7000);
  ASSERT_TRUE(sgd.has_value());
  EXPECT_EQ(sgd->optimizer, memory.optimizer / 2);
}

TEST(RoundMemory, TakesWhatIsGivenAsItIs) {
  const Model model = Tiny();
  const RoundMemory memory = Plan(model, {});
  EXPECT_EQ(memory.process, 7000);
  EXPECT_EQ(memory.speech, 1000);
  EXPECT_EQ(memory.threads, 3 * static_cast<int64_t>(ThreadPool::kScratchFloats) * 4);
  EXPECT_EQ(memory.weights, model.weights.StoredBytes());
  EXPECT_EQ(memory.total(), memory.process + memory.threads + memory.weights + memory.trained +
                                memory.gradients + memory.optimizer + memory.averages +
                                memory.arena + memory.inputs + memory.speech);
}

// The arena is that of the heaviest of what is computed at once, and of nothing more.
TEST(RoundMemory, TheArenaIsTheHeaviestStep) {
  const Model model = Tiny();
  const auto trainable = TrainableParameters(model.encoder, {});
  const std::vector<int32_t> target(10, 1);
  StepShape shape{.frames = {201, 201, 101}};
  shape.targets.assign(3, target);
  const auto step = PlanStep(model.encoder, trainable, shape, 1);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(Plan(model, {}).arena, step->arena_bytes);
  RoundSpeech speech = kSpeech;
  speech.updates_at_once.insert(speech.updates_at_once.begin(), {{2, 10}});
  speech.updates_at_once.push_back({{1, 3}, {0.001, 1}});  // too short to give a frame: left out
  EXPECT_EQ(Plan(model, {}, speech).arena, step->arena_bytes);
}

// What is cut into micro-batches is planned for the largest of them.
TEST(RoundMemory, MicroBatchesAreCutAsTheTrainerCutsThem) {
  const Model model = Tiny();
  RoundSpeech speech = kSpeech;
  speech.validated_at_once = {};
  speech.updates_at_once = {{{1, 10}, {1, 10}, {1, 10}, {2, 10}}};
  const int64_t cut = Plan(model, {.micro_batch_seconds = 2.5}, speech).arena;
  speech.updates_at_once = {{{1, 10}, {1, 10}}, {{1, 10}}, {{2, 10}}};
  EXPECT_EQ(Plan(model, {}, speech).arena, cut);
}

// What is planned for a model without pairs is what its round will run with.
TEST(RoundMemory, OfLoraCountsThePairs) {
  Model model = Tiny();
  const Candidate lora = {.first_block = 1, .tuning = Tuning::kLora};
  const RoundMemory memory = Plan(model, lora);
  EXPECT_EQ(memory.trained, 4 * CountTrainable(model.encoder, lora));
  EXPECT_GT(memory.arena, Plan(model, {.first_block = 1, .tuning = Tuning::kVectors}).arena);
  ASSERT_TRUE(SetAdapters(model, AdaptersOf(model.encoder, lora), 1).has_value());
  const RoundMemory after = Plan(model, lora);
  EXPECT_EQ(after.arena, memory.arena);
  EXPECT_EQ(after.trained, memory.trained);
}

TEST(RoundMemory, SmallerMicroBatchesAndPartsTakeLess) {
  const Model model = Tiny();
  RoundSpeech speech = kSpeech;
  speech.validated_at_once = {Utterances(1)};
  const int64_t whole = Plan(model, {}, speech).arena;
  const int64_t one = Plan(model, {.micro_batch_seconds = 0.001}, speech).arena;
  const int64_t parts = Plan(model, {.parts = 2, .micro_batch_seconds = 0.001}, speech).arena;
  EXPECT_LT(one, whole);
  EXPECT_LT(parts, one);
}

// Validation runs in the same arena; where it needs more than a step it decides.
TEST(RoundMemory, ValidationMayNeedMoreThanSteps) {
  const Model model = Tiny();
  RoundSpeech speech = kSpeech;
  speech.validated_at_once = {Utterances(30)};
  const Candidate head = {.first_block = 3};
  const Candidate one = {.first_block = 3, .micro_batch_seconds = 0.001};
  EXPECT_GT(Plan(model, head, speech).arena, Plan(model, head).arena);
  // Who learns from an utterance at a time is validated on one at a time.
  EXPECT_EQ(Plan(model, one, speech).arena, Plan(model, one).arena);
}

// Steps and validation begin at the lowest block that learns; the blocks below see an utterance at
// a time; what they give is counted where it is in memory.
TEST(RoundMemory, KeptPrefixesMakeStepsSmaller) {
  const Model model = Tiny();
  RoundSpeech speech = kSpeech;
  speech.training_s = 40;
  speech.held_out_s = 10;
  speech.utterances = 20;
  const Candidate candidate = {.first_block = 2, .cache = true};
  const RoundMemory on_disk = Plan(model, candidate, speech);
  RoundSpeech much = speech;
  much.validated_at_once = {Utterances(30)};  // which the lowest block then decides
  EXPECT_LT(Plan(model, candidate, much).arena, Plan(model, {.first_block = 2}, much).arena);
  EXPECT_EQ(on_disk.prefixes, 0);
  speech.prefix_ram_bytes = 1 << 30;
  const int64_t bf16 = Plan(model, candidate, speech).prefixes;
  // 50 s, 25 frames of 16 numbers a second.
  EXPECT_GE(bf16, 50 * 25 * 16 * 2);
  EXPECT_LE(bf16, 50 * 28 * 16 * 2);
  speech.prefix_value_bytes = 4;
  EXPECT_EQ(Plan(model, candidate, speech).prefixes, 2 * bf16);
  speech.prefix_ram_bytes = 999;
  const RoundMemory little = Plan(model, candidate, speech);
  EXPECT_EQ(little.prefixes, 999);
  EXPECT_EQ(little.total(), on_disk.total() + 999);
  EXPECT_EQ(Plan(model, {.first_block = 2}, speech).prefixes, 0);

  // Batches that begin there, of utterances as long as the longest, fit.
  const auto trainable = TrainableParameters(model.encoder, candidate);
  const std::vector<int32_t> target(10, 1);
  for (const std::vector<int64_t>& frames :
       {std::vector<int64_t>{50, 50, 25}, {50, 38, 37}, {50}}) {
    StepShape shape{.first_block = 2, .frames = frames};
    shape.targets.assign(frames.size(), target);
    const auto step = PlanStep(model.encoder, trainable, shape, 1);
    ASSERT_TRUE(step.has_value());
    EXPECT_LE(step->arena_bytes, on_disk.arena);
  }
}

}  // namespace
}  // namespace masr

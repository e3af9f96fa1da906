#include "plan/candidate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "model/adapters.h"
#include "plan/testing/plan_fixtures.h"

namespace masr {
namespace {

using testing::Tiny;

TEST(Candidate, AllBlocksAreAllThatCanLearn) {
  const Model model = Tiny();
  const auto trainable = TrainableParameters(model.encoder, {});
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    EXPECT_EQ(trainable[static_cast<size_t>(id)] != 0, table[id].trainable) << table[id].name;
  }
}

TEST(Candidate, VectorsLeaveTheMatricesButForTheHead) {
  const Model model = Tiny();
  const auto trainable =
      TrainableParameters(model.encoder, {.first_block = 2, .tuning = Tuning::kVectors});
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const std::string& name = table[id].name;
    const bool expected =
        table[id].trainable &&
        (name.starts_with("head.") || (name.starts_with("blocks.2.") && !table[id].matrix));
    EXPECT_EQ(trainable[static_cast<size_t>(id)] != 0, expected) << name;
  }
}

TEST(Candidate, CountsNumbers) {
  const Model model = Tiny();
  EXPECT_EQ(CountTrainable(model.encoder, {.first_block = 99}), 5 * 16 + 5);  // the head
  int64_t before = 0;
  for (size_t first = 4; first-- > 0;) {
    const int64_t all = CountTrainable(model.encoder, {.first_block = first});
    const int64_t vectors =
        CountTrainable(model.encoder, {.first_block = first, .tuning = Tuning::kVectors});
    EXPECT_GT(all, before);
    EXPECT_LE(vectors, all);
    before = all;
  }
}

// With the pairs in place, and counted before they are.
TEST(Candidate, LoraAddsPairsToTheVectors) {
  Model model = Tiny();
  const Candidate lora = {.first_block = 1, .tuning = Tuning::kLora, .lora_rank = 3};
  const Candidate vectors = {.first_block = 1, .tuning = Tuning::kVectors};
  const int64_t before = CountTrainable(model.encoder, lora);
  // Of two blocks of dim 16: [24, 16] and back twice, [32, 16], [16, 16], [48, 16], [16, 16] twice.
  EXPECT_EQ(before, CountTrainable(model.encoder, vectors) +
                        2 * 3 * (4 * (24 + 16) + (32 + 16) + (48 + 16) + 3 * (16 + 16)));
  ASSERT_TRUE(SetAdapters(model, AdaptersOf(model.encoder, lora), 1).has_value());
  EXPECT_EQ(CountTrainable(model.encoder, lora), before);
  const auto trainable = TrainableParameters(model.encoder, lora);
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const ParameterSpec& spec = table[id];
    const bool learns = spec.name.starts_with("head.") || spec.adapts != kNoParameter ||
                        (!spec.name.starts_with("blocks.0.") && !spec.matrix);
    EXPECT_EQ(trainable[static_cast<size_t>(id)] != 0, spec.trainable && learns) << spec.name;
  }
  // Asked about other pairs than those that are there.
  Candidate other = lora;
  other.lora_rank = 1;
  EXPECT_EQ(CountTrainable(model.encoder, other), CountTrainable(Tiny().encoder, other));
  other.first_block = 2;
  EXPECT_EQ(CountTrainable(model.encoder, other), CountTrainable(Tiny().encoder, other));
}

TEST(Candidate, AdaptersAddTheirOwnToTheVectors) {
  Model model = Tiny();
  const Candidate adapters = {.first_block = 1, .tuning = Tuning::kAdapters, .adapter_width = 3};
  const Candidate vectors = {.first_block = 1, .tuning = Tuning::kVectors};
  const int64_t before = CountTrainable(model.encoder, adapters);
  EXPECT_EQ(before, CountTrainable(model.encoder, vectors) + 2 * (2 * 16 + 2 * 3 * 16 + 3 + 16));
  ASSERT_TRUE(SetAdapters(model, AdaptersOf(model.encoder, adapters), 1).has_value());
  EXPECT_EQ(CountTrainable(model.encoder, adapters), before);
  const auto trainable = TrainableParameters(model.encoder, adapters);
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    const ParameterSpec& spec = table[id];
    const bool learns = spec.name.starts_with("head.") ||
                        spec.name.find(".adapter.") != std::string::npos ||
                        (!spec.name.starts_with("blocks.0.") && !spec.matrix);
    EXPECT_EQ(trainable[static_cast<size_t>(id)] != 0, spec.trainable && learns) << spec.name;
  }
  // Later rounds with vectors alone leave the adapters' matrices as they are.
  EXPECT_EQ(CountTrainable(model.encoder, vectors), before - 2 * 2 * 3 * 16);
}

TEST(Candidate, OfTheHeadAloneThereAreNoPairs) {
  const Model model = Tiny();
  EXPECT_EQ(AdaptersOf(model.encoder, {.first_block = 3, .tuning = Tuning::kLora}), AdapterShape{});
  EXPECT_EQ(AdaptersOf(model.encoder, {.first_block = 1}), AdapterShape{});
}

TEST(Candidate, IsNamed) {
  const Model model = Tiny();
  EXPECT_EQ(CandidateName(model.encoder, {}), "all blocks");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 2}), "top 1 block");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 1, .tuning = Tuning::kVectors}),
            "top 2 blocks, vectors");
  EXPECT_EQ(CandidateName(model.encoder, {.tuning = Tuning::kLora, .lora_rank = 4}),
            "all blocks, LoRA 4");
  EXPECT_EQ(CandidateName(model.encoder, {.tuning = Tuning::kAdapters, .parts = 2}),
            "all blocks, adapters 16, in 2 parts");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 1, .parts = 2}),
            "top 2 blocks, in 2 parts");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 2, .cache = true}), "top 1 block, cached");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 3, .cache = true}), "head, cached");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 3}), "head");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 3, .longest_s = 9.5}),
            "head, up to 9.5 s");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 3, .optimizer_bits = 8}),
            "head, 8-bit Adam");
  EXPECT_EQ(CandidateName(model.encoder, {.first_block = 1, .parts = 2, .optimizer_bits = 8}),
            "top 2 blocks, in 2 parts, 8-bit Adam");
}

TEST(Candidate, EnumerationHasEachOnceAndTheSmallestOfAll) {
  const Model model = Tiny();
  const auto candidates = EnumerateCandidates(model.encoder);
  for (size_t i = 0; i < candidates.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(candidates[i] == candidates[j]);
  }
  std::set<size_t> firsts;
  for (const Candidate& c : candidates) firsts.insert(c.first_block);
  EXPECT_EQ(firsts, (std::set<size_t>{0, 1, 2, 3}));
  EXPECT_TRUE(std::any_of(candidates.begin(), candidates.end(), [](const Candidate& c) {
    return c.first_block == 3 && c.micro_batch_seconds > 0;
  }));
  EXPECT_TRUE(std::ranges::any_of(
      candidates, [](const Candidate& c) { return c.first_block == 0 && c.optimizer_bits == 8; }));
  for (const Tuning tuning : {Tuning::kFull, Tuning::kVectors, Tuning::kLora, Tuning::kAdapters}) {
    EXPECT_TRUE(std::ranges::any_of(
        candidates, [&](const Candidate& c) { return c.first_block == 2 && c.tuning == tuning; }));
  }
}

}  // namespace
}  // namespace masr

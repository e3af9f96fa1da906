#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "model/inference.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::AllWeights;

const std::vector<std::vector<int32_t>> kTargets = {{1, 2, 3}, {4, 4}, {2}};

Batch RandomBatch(uint64_t seed, const std::vector<int64_t>& frames = {40, 31, 12}) {
  Batch batch;
  batch.frames = frames;
  int64_t total = 0;
  for (size_t u = 0; u < frames.size(); ++u) {
    batch.utterances.push_back(static_cast<int64_t>(u));
    batch.targets.push_back(kTargets[u % kTargets.size()]);
    total += frames[u];
  }
  batch.features = testing::RandomFeatures(total, 10, seed);
  return batch;
}

Model TinyModel(uint64_t seed) {
  auto model = testing::MakeTinyModel(seed);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return std::move(*model);
}

Trainer MakeTrainer(Model& model, const ThreadPool& pool, size_t first_block = 0) {
  return Trainer::Create(model, TrainableParameters(model.encoder, {.first_block = first_block}),
                         {}, pool);
}

TEST(Trainer, LearnsABatchByHeart) {
  const ThreadPool pool(2);
  Model model = TinyModel(1);
  Trainer trainer = MakeTrainer(model, pool);
  const Batch batch = RandomBatch(1);
  double first = 0;
  double last = 0;
  for (uint64_t s = 0; s < 120; ++s) {
    const auto report = trainer.Step({&batch, 1}, 3e-3f, s);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    if (s == 0) first = report->loss;
    last = report->loss;
    EXPECT_EQ(report->frames, 83);
    EXPECT_EQ(report->tokens, 6);
  }
  EXPECT_EQ(trainer.step(), 120);
  EXPECT_LT(last, 0.3 * first);
}

// What 8 bits of state forget does not show in what is learned.
TEST(Trainer, AnOptimizerOf8BitsLearnsAsWell) {
  const ThreadPool pool(2);
  const auto loss_of = [&](int bits) {
    Model model = TinyModel(1);
    Trainer trainer = Trainer::Create(model, TrainableParameters(model.encoder, {}),
                                      {.optimizer = {.weight_decay = 0, .state_bits = bits}}, pool);
    constexpr uint64_t kBatches = 6;
    constexpr uint64_t kSteps = 300;
    double last = 0;
    for (uint64_t s = 0; s < kSteps; ++s) {
      const Batch batch = RandomBatch(s % kBatches);
      const auto report = trainer.Step({&batch, 1}, 2e-3f, s);
      EXPECT_TRUE(report.has_value()) << report.error().message;
      if (s >= kSteps - 5 * kBatches) last += report->loss / (5 * kBatches);
    }
    return last;
  };
  const double floats = loss_of(32);
  const double bytes = loss_of(8);
  RecordProperty("loss_of_32_bits", std::to_string(floats));
  RecordProperty("loss_of_8_bits", std::to_string(bytes));
  EXPECT_LT(floats, 0.5);  // of 3 at the start: there is something to lose
  EXPECT_NEAR(bytes, floats, 0.1 * floats + 0.01);
}

TEST(Trainer, ThreadsChangeNothing) {
  std::vector<std::vector<float>> expected;
  for (const int threads : {1, 2, 3}) {
    const ThreadPool pool(threads);
    Model model = TinyModel(1);
    Trainer trainer = MakeTrainer(model, pool);
    for (uint64_t s = 0; s < 3; ++s) {
      const Batch batch = RandomBatch(s);
      ASSERT_TRUE(trainer.Step({&batch, 1}, 1e-2f, s).has_value());
    }
    if (expected.empty()) expected = AllWeights(model);
    EXPECT_EQ(AllWeights(model), expected) << threads << " threads";
  }
  EXPECT_NE(AllWeights(TinyModel(1)), expected);
}

// What frozen blocks gave may stand for the features: the same gradients, where nothing is dropped.
TEST(Trainer, KeptOutputsOfFrozenBlocksGiveTheSameGradients) {
  const ThreadPool pool(2);
  constexpr size_t kFirst = 2;
  auto calm = testing::MakeModel(
      R"({"name": "calm", "features": {"sample_rate_hz": 8000, "mels": 10},
          "characters": [" ", "a", "b", "c"],
          "encoder": [{"layer": "conv_subsampling", "dim": 16, "channels": 4, "dropout": 0},
                      {"layer": "conformer_block", "heads": 2, "feed_forward": 24,
                       "conv_kernel": 5, "dropout": 0, "repeat": 2}]})",
      1);
  ASSERT_TRUE(calm.has_value()) << calm.error().message;
  Model& model = *calm;
  const Batch whole = RandomBatch(1);
  Batch kept = whole;
  auto outputs = Inference(model, pool).RunBlocks({0, kFirst}, whole.frames, whole.features);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message;
  ASSERT_EQ(outputs->values.size(),
            static_cast<size_t>(outputs->offsets.back() * model.encoder.InputDim(kFirst)));
  for (size_t u = 0; u < kept.frames.size(); ++u) {
    kept.frames[u] = outputs->offsets[u + 1] - outputs->offsets[u];
  }
  kept.features = outputs->values;
  kept.first_block = kFirst;

  Trainer trainer = MakeTrainer(model, pool, kFirst);
  ASSERT_TRUE(trainer.Step({&whole, 1}, 0.0f, 1).has_value());
  std::vector<std::vector<float>> expected;
  for (ParameterId id : trainer.trainable()) {
    expected.emplace_back(trainer.Gradient(id).begin(), trainer.Gradient(id).end());
  }
  const size_t whole_bytes = trainer.arena().bytes();
  Trainer short_way = MakeTrainer(model, pool, kFirst);
  ASSERT_TRUE(short_way.Step({&kept, 1}, 0.0f, 1).has_value());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto gradient = short_way.Gradient(short_way.trainable()[i]);
    EXPECT_EQ(std::vector<float>(gradient.begin(), gradient.end()), expected[i]);
  }
  EXPECT_LT(short_way.arena().bytes(), whole_bytes);

  Trainer all = MakeTrainer(model, pool, 1);
  const auto refused = all.Step({&kept, 1}, 0.0f, 1);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("begins at block 2"), std::string::npos);
}

// What is computed twice is the same twice, dropout with it.
TEST(Trainer, PartsChangeNothingButTheMemory) {
  const ThreadPool pool(2);
  const Batch batch = RandomBatch(1);
  for (const size_t first_block : {0, 1, 2}) {
    std::vector<std::vector<float>> expected;
    size_t one_part_bytes = 0;
    for (const int64_t parts : {1, 2, 3, 4, 9}) {
      SCOPED_TRACE(std::to_string(parts) + " parts from block " + std::to_string(first_block));
      Model model = TinyModel(1);
      Trainer trainer =
          Trainer::Create(model, TrainableParameters(model.encoder, {.first_block = first_block}),
                          {.parts = parts}, pool);
      for (uint64_t s = 0; s < 3; ++s) {
        ASSERT_TRUE(trainer.Step({&batch, 1}, 1e-2f, s).has_value());
      }
      if (expected.empty()) {
        expected = AllWeights(model);
        one_part_bytes = trainer.arena().bytes();
      }
      EXPECT_EQ(AllWeights(model), expected);
      if (first_block == 0 && parts > 1) {
        EXPECT_LT(trainer.arena().bytes(), one_part_bytes);
      }
    }
  }
}

TEST(Trainer, TheKeyDrawsTheDropout) {
  const ThreadPool pool(1);
  const Batch batch = RandomBatch(1);
  const auto after = [&](uint64_t key) {
    Model model = TinyModel(1);
    Trainer trainer = MakeTrainer(model, pool);
    EXPECT_TRUE(trainer.Step({&batch, 1}, 1e-2f, key).has_value());
    return AllWeights(model);
  };
  EXPECT_EQ(after(5), after(5));
  EXPECT_NE(after(5), after(6));
}

TEST(Trainer, WhatIsNotFiniteIsUndone) {
  const ThreadPool pool(2);
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e38f}) {
    SCOPED_TRACE(bad);
    Model model = TinyModel(1);
    Model same = TinyModel(1);
    Trainer trainer = MakeTrainer(model, pool);
    Trainer undisturbed = MakeTrainer(same, pool);
    const Batch good = RandomBatch(1);
    ASSERT_TRUE(trainer.Step({&good, 1}, 1e-3f, 1).has_value());
    ASSERT_TRUE(undisturbed.Step({&good, 1}, 1e-3f, 1).has_value());

    Batch poisoned = RandomBatch(2);
    for (size_t i = 150; i < 300; ++i) poisoned.features[i] = bad;
    const std::vector<Batch> batches = {good, poisoned};
    const auto report = trainer.Step(batches, 1e-3f, 2);
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::kDiverged);
    EXPECT_NE(report.error().message.find("lower the learning rate"), std::string::npos);
    EXPECT_EQ(AllWeights(model), AllWeights(same));
    EXPECT_EQ(trainer.step(), 1);

    // ... and forgotten.
    ASSERT_TRUE(trainer.Step({&good, 1}, 1e-3f, 3).has_value());
    ASSERT_TRUE(undisturbed.Step({&good, 1}, 1e-3f, 3).has_value());
    EXPECT_EQ(AllWeights(model), AllWeights(same));
  }
}

TEST(Trainer, NothingToLearnFromIsNoStep) {
  const ThreadPool pool(1);
  Model model = TinyModel(1);
  Trainer trainer = MakeTrainer(model, pool);
  const auto before = AllWeights(model);
  const std::vector<Batch> empty(2);
  for (const auto& batches : {std::span<const Batch>(), std::span<const Batch>(empty)}) {
    const auto report = trainer.Step(batches, 1e-3f, 1);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(report->loss, 0);
  }
  EXPECT_EQ(AllWeights(model), before);
  EXPECT_EQ(trainer.step(), 0);
}

TEST(Trainer, AnEmptyMicroBatchAddsNothing) {
  const ThreadPool pool(1);
  const auto after = [&](const std::vector<Batch>& batches) {
    Model model = TinyModel(1);
    Trainer trainer = MakeTrainer(model, pool);
    EXPECT_TRUE(trainer.Step(batches, 1e-3f, 1).has_value());
    return AllWeights(model);
  };
  EXPECT_EQ(after({RandomBatch(1)}), after({RandomBatch(1), Batch()}));
}

TEST(Trainer, AnEmptyTargetIsLearnedToo) {
  const ThreadPool pool(1);
  Model model = TinyModel(1);
  Trainer trainer = MakeTrainer(model, pool);
  Batch silence = RandomBatch(1, {30});
  silence.targets = {{}};
  const auto report = trainer.Step({&silence, 1}, 1e-3f, 1);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_GT(report->gradient_norm, 0);
  EXPECT_EQ(report->tokens, 0);
}

TEST(Trainer, StatisticsNeverLearn) {
  const ThreadPool pool(1);
  Model model = TinyModel(1);
  // Even if somebody asks for it.
  const auto count = static_cast<size_t>(model.encoder.parameters().size());
  Trainer trainer = Trainer::Create(model, std::vector<uint8_t>(count, 1), {}, pool);
  const auto before = AllWeights(model);
  const Batch batch = RandomBatch(1);
  ASSERT_TRUE(trainer.Step({&batch, 1}, 1e-2f, 1).has_value());
  int statistics = 0;
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    const ParameterSpec& spec = model.encoder.parameters()[id];
    EXPECT_EQ(model.weights.ToFloat(id) == before[static_cast<size_t>(id)], !spec.trainable)
        << spec.name;
    statistics += spec.trainable ? 0 : 1;
  }
  EXPECT_EQ(statistics, 4);
}

// What a phone does: most of the model stays as it lies in the file.
TEST(Trainer, AFrozenInt8PrefixStaysAsItIs) {
  const ThreadPool pool(2);
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(
      SaveModel(TinyModel(1), WeightFormat::kInt8, folder / "base.safetensors").has_value());
  auto loaded = LoadModel(folder / "base.safetensors");
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  Model& model = *loaded;
  const size_t first_block = 2;
  const ParameterId first = model.encoder.blocks()[first_block].first;
  const auto before = AllWeights(model);
  Trainer trainer = MakeTrainer(model, pool, first_block);

  // The same values as f32, all trainable: what the gradients must be.
  auto copy = LoadModel(folder / "base.safetensors");
  ASSERT_TRUE(copy.has_value());
  Trainer full = MakeTrainer(*copy, pool);

  const Batch batch = RandomBatch(1);
  const auto report = trainer.Step({&batch, 1}, 3e-3f, 1);
  const auto full_report = full.Step({&batch, 1}, 3e-3f, 1);
  ASSERT_TRUE(report.has_value() && full_report.has_value());
  EXPECT_EQ(report->loss, full_report->loss);
  EXPECT_LT(trainer.arena().bytes(), full.arena().bytes());
  for (ParameterId id = 0; id < model.encoder.parameters().size(); ++id) {
    const ParameterSpec& spec = model.encoder.parameters()[id];
    EXPECT_EQ(model.weights.IsWritable(id), id >= first && spec.trainable) << spec.name;
    EXPECT_EQ(model.weights.ToFloat(id) == before[static_cast<size_t>(id)],
              id < first || !spec.trainable)
        << spec.name;
    if (!model.weights.IsWritable(id)) continue;
    const auto gradient = trainer.Gradient(id);
    const auto expected = full.Gradient(id);
    EXPECT_TRUE(std::equal(gradient.begin(), gradient.end(), expected.begin(), expected.end()))
        << spec.name;
  }
  double last = 0;
  for (uint64_t s = 2; s < 40; ++s) {
    const auto next = trainer.Step({&batch, 1}, 3e-3f, s);
    ASSERT_TRUE(next.has_value());
    last = next->loss;
  }
  EXPECT_LT(last, 0.8 * report->loss);
}

TEST(Trainer, TheArenaGrowsToTheLargestBatchAndStays) {
  const ThreadPool pool(1);
  Model model = TinyModel(1);
  Trainer trainer = MakeTrainer(model, pool);
  const Batch small = RandomBatch(1, {20});
  const Batch large = RandomBatch(2, {1200, 900});
  ASSERT_TRUE(trainer.Step({&small, 1}, 1e-3f, 1).has_value());
  const int64_t first = trainer.arena().bytes();
  ASSERT_TRUE(trainer.Step({&large, 1}, 1e-3f, 2).has_value());
  const int64_t second = trainer.arena().bytes();
  ASSERT_TRUE(trainer.Step({&small, 1}, 1e-3f, 3).has_value());
  EXPECT_GT(second, first);
  EXPECT_EQ(trainer.arena().bytes(), second);
}

}  // namespace
}  // namespace masr

#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "io/file.h"
#include "io/safetensors.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using testing::AllWeights;

const std::vector<int32_t> kTarget = {1, 2, 3};

Batch BatchOfStep(uint64_t step) {
  Batch batch;
  batch.utterances = {0, 1};
  batch.frames = {33, 27};
  batch.targets = {kTarget, kTarget};
  batch.features = testing::RandomFeatures(33 + 27, 10, step);
  return batch;
}

// A model, and a trainer of it.
struct Training {
  explicit Training(uint64_t seed, size_t first_block = 0, TrainerOptions options = {})
      : model(std::move(*testing::MakeTinyModel(seed))),
        trainer(Trainer::Create(model,
                                TrainableParameters(model.encoder, {.first_block = first_block}),
                                options, pool)) {}

  void Steps(int64_t until) {
    while (trainer.step() < until) {
      const auto key = static_cast<uint64_t>(trainer.step());
      const Batch batch = BatchOfStep(key);
      ASSERT_TRUE(trainer.Step({&batch, 1}, 1e-2f, key).has_value());
    }
  }
  std::vector<std::vector<uint8_t>> States() {
    std::vector<std::vector<uint8_t>> states;
    for (ParameterId id : trainer.trainable()) {
      const auto state = trainer.OptimizerState(id);
      states.emplace_back(state.begin(), state.end());
    }
    return states;
  }

  ThreadPool pool{2};
  Model model;
  Trainer trainer;
};

class Checkpoint : public ::testing::Test {
 protected:
  // Loading `path` is refused and leaves everything as it was; gives the reason.
  Error Refused(Training& training, const std::string& path) {
    const auto weights = AllWeights(training.model);
    const auto states = training.States();
    const int64_t step = training.trainer.step();
    const auto loaded = LoadCheckpoint(path, training.trainer, nullptr);
    EXPECT_EQ(AllWeights(training.model), weights);
    EXPECT_EQ(training.States(), states);
    EXPECT_EQ(training.trainer.step(), step);
    if (loaded.has_value()) {
      ADD_FAILURE() << "loaded";
      return {};
    }
    EXPECT_NE(loaded.error().message.find(path), std::string::npos) << loaded.error().message;
    return loaded.error();
  }

  testing::TemporaryFolder folder_;
  std::string path_ = folder_ / "training.checkpoint";
};

TEST_F(Checkpoint, ContinuesToTheSameBits) {
  Training whole(1);
  whole.Steps(6);

  {
    Training before(1);
    before.Steps(3);
    ASSERT_TRUE(SaveCheckpoint(before.trainer, nullptr, {{"where", "epoch 2"}}, path_).has_value());
  }
  // Another process: the same base model (its frozen statistics are not in the checkpoint), trained
  // to somewhere else.
  Training after(1);
  after.Steps(1);
  const auto metadata = LoadCheckpoint(path_, after.trainer, nullptr);
  ASSERT_TRUE(metadata.has_value()) << metadata.error().message;
  EXPECT_EQ(*metadata, (std::map<std::string, std::string>{{"where", "epoch 2"}}));
  EXPECT_EQ(after.trainer.step(), 3);
  after.Steps(6);
  for (ParameterId id : whole.trainer.trainable()) {
    EXPECT_EQ(after.model.weights.ToFloat(id), whole.model.weights.ToFloat(id))
        << whole.model.encoder.parameters()[id].name;
  }
  EXPECT_EQ(after.States(), whole.States());
}

TEST_F(Checkpoint, HoldsOnlyWhatTrains) {
  Training all(1);
  Training top(1, 3);
  ASSERT_TRUE(SaveCheckpoint(all.trainer, nullptr, {}, folder_ / "all").has_value());
  ASSERT_TRUE(SaveCheckpoint(top.trainer, nullptr, {}, folder_ / "top").has_value());
  EXPECT_LT(std::filesystem::file_size(folder_ / "top"),
            std::filesystem::file_size(folder_ / "all") / 4);
  const auto file = SafetensorsFile::Open(folder_ / "top");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->tensors().size(), 2 * top.trainer.trainable().size());
}

std::vector<std::vector<float>> Averages(Training& training, WeightAverage& average) {
  std::vector<std::vector<float>> values;
  for (size_t i = 0; i < training.trainer.trainable().size(); ++i) {
    values.emplace_back(average.Values(i).begin(), average.Values(i).end());
  }
  return values;
}

TEST_F(Checkpoint, TheAverageIsStoredToTheBit) {
  Training before(1);
  WeightAverage average(before.model, before.trainer.trainable(), 0.99);
  before.Steps(3);
  average.Update(before.pool);
  ASSERT_TRUE(SaveCheckpoint(before.trainer, &average, {{"a", "b"}}, path_).has_value());

  Training after(1);
  WeightAverage loaded(after.model, after.trainer.trainable(), 0.99);
  const auto metadata = LoadCheckpoint(path_, after.trainer, &loaded);
  ASSERT_TRUE(metadata.has_value()) << metadata.error().message;
  EXPECT_EQ(metadata->size(), 1u);
  EXPECT_EQ(loaded.updates(), 1);
  EXPECT_EQ(Averages(after, loaded), Averages(before, average));
  EXPECT_NE(Averages(after, loaded), AllWeights(after.model));

  // Who wants none leaves it.
  Training without(1);
  ASSERT_TRUE(LoadCheckpoint(path_, without.trainer, nullptr).has_value());
  EXPECT_EQ(AllWeights(without.model), AllWeights(before.model));
}

TEST_F(Checkpoint, WithoutAnAverageItStartsFromTheWeights) {
  Training before(1);
  before.Steps(2);
  ASSERT_TRUE(SaveCheckpoint(before.trainer, nullptr, {}, path_).has_value());
  Training after(1);
  WeightAverage average(after.model, after.trainer.trainable(), 0.99);
  average.Update(after.pool);
  ASSERT_TRUE(LoadCheckpoint(path_, after.trainer, &average).has_value());
  EXPECT_EQ(average.updates(), 0);
  for (size_t i = 0; i < after.trainer.trainable().size(); ++i) {
    const auto weights = before.model.weights.Values(before.trainer.trainable()[i]);
    EXPECT_TRUE(std::ranges::equal(average.Values(i), weights));
  }
}

TEST_F(Checkpoint, AnAverageThatIsNotWholeIsRefused) {
  Training training(1);
  WeightAverage average(training.model, training.trainer.trainable(), 0.99);
  ASSERT_TRUE(SaveCheckpoint(training.trainer, &average, {}, path_).has_value());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  auto tensors = file->tensors();
  std::erase_if(tensors, [](const TensorEntry& t) { return t.name == "head.bias.ema"; });
  auto metadata = file->metadata();
  metadata.erase("checkpoint.hash");
  ASSERT_TRUE(WriteSafetensors(folder_ / "cut", tensors, metadata).has_value());
  EXPECT_NE(Refused(training, folder_ / "cut").message.find("'head.bias.ema'"), std::string::npos);
}

TEST_F(Checkpoint, AnotherChoiceOfWhatToTrainIsRefused) {
  Training all(1);
  Training top(1, 3);
  all.Steps(1);
  top.Steps(2);
  ASSERT_TRUE(SaveCheckpoint(all.trainer, nullptr, {}, folder_ / "all").has_value());
  ASSERT_TRUE(SaveCheckpoint(top.trainer, nullptr, {}, folder_ / "top").has_value());
  EXPECT_NE(Refused(top, folder_ / "all").message.find("another choice of what to train"),
            std::string::npos);
  EXPECT_NE(Refused(all, folder_ / "top").message.find("'blocks.0.conv1.weight'"),
            std::string::npos);
}

TEST_F(Checkpoint, AnotherOptimizerIsRefused) {
  Training adam(1);
  Training sgd(1, 0, {.optimizer = {.kind = OptimizerOptions::Kind::kSgd}});
  ASSERT_TRUE(SaveCheckpoint(adam.trainer, nullptr, {}, path_).has_value());
  EXPECT_NE(Refused(sgd, path_).message.find("'blocks.0.conv1.weight.optimizer'"),
            std::string::npos);
}

TEST_F(Checkpoint, AModelFileIsRefused) {
  Training training(1);
  ASSERT_TRUE(SaveModel(training.model, WeightFormat::kF32, path_).has_value());
  EXPECT_NE(Refused(training, path_).message.find("not a checkpoint"), std::string::npos);
}

TEST_F(Checkpoint, StepNumbersThatAreNone) {
  Training training(1);
  ASSERT_TRUE(SaveCheckpoint(training.trainer, nullptr, {}, path_).has_value());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  for (const std::string step : {"", "-1", "x", "99999999999999999999999", "12 monkeys"}) {
    SCOPED_TRACE(step);
    const std::string changed = folder_ / "changed";
    ASSERT_TRUE(
        WriteSafetensors(changed, file->tensors(), {{"checkpoint.step", step}}).has_value());
    EXPECT_EQ(Refused(training, changed).code, ErrorCode::kCorrupt);
  }
}

TEST_F(Checkpoint, AnOptimizerOf8BitsContinuesToTheSameBits) {
  const TrainerOptions options = {.optimizer = {.state_bits = 8}};
  Training whole(1, 0, options);
  whole.Steps(6);
  Training first(1, 0, options);
  first.Steps(3);
  ASSERT_TRUE(SaveCheckpoint(first.trainer, nullptr, {}, path_).has_value());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->Find("head.weight.optimizer")->dtype, DType::kU8);
  Training second(1, 0, options);
  ASSERT_TRUE(LoadCheckpoint(path_, second.trainer, nullptr).has_value());
  EXPECT_EQ(second.States(), first.States());
  second.Steps(6);
  EXPECT_EQ(AllWeights(second.model), AllWeights(whole.model));
  EXPECT_EQ(second.States(), whole.States());
}

TEST_F(Checkpoint, OfAnotherOptimizerIsRefused) {
  Training floats(1);
  floats.Steps(1);
  ASSERT_TRUE(SaveCheckpoint(floats.trainer, nullptr, {}, path_).has_value());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->Find("head.weight.optimizer")->dtype, DType::kF32);
  Training bytes(1, 0, {.optimizer = {.state_bits = 8}});
  EXPECT_NE(Refused(bytes, path_).message.find(".optimizer'"), std::string::npos);
}

// As versions before there were hashes wrote it.
TEST_F(Checkpoint, WithoutAHashItIsTaken) {
  Training before(1);
  before.Steps(2);
  ASSERT_TRUE(SaveCheckpoint(before.trainer, nullptr, {}, path_).has_value());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(
      WriteSafetensors(folder_ / "old", file->tensors(), {{"checkpoint.step", "2"}}).has_value());
  Training after(1);
  ASSERT_TRUE(LoadCheckpoint(folder_ / "old", after.trainer, nullptr).has_value());
  EXPECT_EQ(AllWeights(after.model), AllWeights(before.model));
}

TEST_F(Checkpoint, TruncatedOrMissing) {
  Training training(1);
  training.Steps(1);
  EXPECT_EQ(Refused(training, folder_ / "nowhere").code, ErrorCode::kNotFound);
  ASSERT_TRUE(SaveCheckpoint(training.trainer, nullptr, {}, path_).has_value());
  const auto whole = ReadTextFile(path_);
  ASSERT_TRUE(whole.has_value());
  for (size_t part = 0; part < 20; ++part) {
    const std::string cut = folder_ / "cut";
    ASSERT_TRUE(ReplaceFile(cut, std::string_view(*whole).substr(0, whole->size() * part / 20))
                    .has_value());
    Refused(training, cut);
  }
}

}  // namespace
}  // namespace masr

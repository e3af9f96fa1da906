// An owner of the toy language, with a folder, a base that knows another voice, and two lists of
// speech.
#ifndef MOBILEASR_ROUNDS_TESTING_OWNER_ROUND_FIXTURE_H_
#define MOBILEASR_ROUNDS_TESTING_OWNER_ROUND_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rounds/owner_round.h"
#include "train/testing/toy_speech.h"

namespace masr::testing {

class OwnerRoundFixture : public ::testing::Test {
 protected:
  // A base that knows another voice.
  void SetUp() override {
    auto made = MakeModel(ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    SpeechDataset data = LoadToySpeech(WriteToySpeech(folder_, "base", 48, 1.0, 1), *made);
    ASSERT_TRUE(
        Personalize(*made, data,
                    {.epochs = 12, .batch_seconds = 3, .learning_rate = 1e-2f, .base_share = 0},
                    pool_, {}, nullptr)
            .has_value());
    ASSERT_TRUE(SaveModel(*made, WeightFormat::kInt8, base_).has_value());
    first_ = WriteToySpeech(folder_, "first", 24, 1.06, 2);
    second_ = WriteToySpeech(folder_, "second", 24, 1.06, 3);
    settings_.personalize = {.validation_share = 0.25,
                             .epochs = 3,
                             .batch_seconds = 3,
                             .learning_rate = 1e-2f,
                             .checkpoint = {.every_s = 0}};
    settings_.format = WeightFormat::kAsStored;
  }

  OwnerFolder Open() {
    auto folder = OwnerFolder::Open(state_, base_);
    EXPECT_TRUE(folder.has_value()) << folder.error().message;
    return std::move(*folder);
  }
  Result<RoundRecord> Round(OwnerFolder& folder, const std::string& data,
                            const OwnerRoundEvents& events = {},
                            const std::atomic<bool>* cancel = nullptr,
                            RoundGuard* guard = nullptr) {
    auto round = OwnerRound::Begin(folder, data, 0, settings_);
    if (!round.has_value()) return tl::unexpected(round.error());
    return round->Run(pool_, events, cancel, guard);
  }
  // A round that was stopped after some updates.
  void Stop(OwnerFolder& folder) {
    std::atomic<bool> cancel = false;
    const auto stopped = Round(
        folder, first_,
        {.round = {.progress =
                       [&](const RoundProgress& p) { cancel = p.epoch == 1 && p.update == 3; }}},
        &cancel);
    ASSERT_TRUE(stopped.has_value()) << stopped.error().message;
    ASSERT_TRUE(Exists("round.json"));
  }
  std::vector<std::vector<float>> Accepted() {
    const auto model = LoadModel(state_ + "/accepted.masr");
    EXPECT_TRUE(model.has_value()) << model.error().message;
    return AllWeights(*model);
  }
  bool Exists(const std::string& name) { return FileExists(state_ + "/" + name); }

  TemporaryFolder folder_;
  const std::string state_ = folder_ / "state";
  const std::string base_ = folder_ / "base.masr";
  const ThreadPool pool_{2};
  RoundSettings settings_;
  std::string first_;
  std::string second_;
};

}  // namespace masr::testing

#endif  // MOBILEASR_ROUNDS_TESTING_OWNER_ROUND_FIXTURE_H_

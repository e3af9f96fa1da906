#include "train/personalize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "resources/scripted_monitor.h"
#include "train/round_schedule.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

using testing::AllWeights;

// Quick, and enough for the toy.
const PersonalizeOptions kOptions = {.validation_share = 0.25,
                                     .epochs = 8,
                                     .patience = 8,
                                     .batch_seconds = 3,
                                     .learning_rate = 1e-2f,
                                     .augment = {.gain_db = 3}};

class PersonalizeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    model_.emplace(std::move(*made));
    data_ = testing::LoadToySpeech(testing::WriteToySpeech(folder_, "voice", 32, 1.0, 1), *model_);
  }

  Result<RoundResult> Round(const PersonalizeOptions& options, const RoundEvents& events = {},
                            const std::atomic<bool>* cancel = nullptr) {
    return Personalize(*model_, data_, options, pool_, events, cancel);
  }

  // Validation loss of the model as it is, on the side that `options` kept aside.
  double ValidationLoss(const PersonalizeOptions& options) {
    std::vector<int64_t> indices;
    for (int64_t i = 0; i < data_.size(); ++i) indices.push_back(i);
    const auto split = SplitForValidation(data_, indices, options.validation_share, options.seed);
    const auto e = Evaluate(*model_, data_, split.validation, pool_);
    EXPECT_TRUE(e.has_value());
    return e.has_value() ? e->loss : -1;
  }

  testing::TemporaryFolder folder_;
  const ThreadPool pool_{2};
  std::optional<Model> model_;
  SpeechDataset data_;
};

TEST_F(PersonalizeTest, LearnsAndEndsWithTheBestEpoch) {
  std::vector<RoundEpoch> seen;
  int64_t updates = 0;
  const auto result = Round(kOptions, {.progress =
                                           [&](const RoundProgress& p) {
                                             ++updates;
                                             EXPECT_LE(p.update, p.updates);
                                             EXPECT_GE(p.seconds_left, 0);
                                           },
                                       .epoch = [&](const RoundEpoch& e) { seen.push_back(e); }});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_GT(result->best_epoch, 0);
  EXPECT_FALSE(result->stopped);
  EXPECT_EQ(result->epochs.size(), 9u);
  EXPECT_EQ(seen.size(), result->epochs.size());
  EXPECT_GE(updates, 8);
  EXPECT_EQ(result->training_utterances + result->validation_utterances, 32);
  EXPECT_GT(result->audio_seconds, 0);

  const RoundEpoch& base = result->epochs.front();
  const RoundEpoch& best = result->epochs[static_cast<size_t>(result->best_epoch)];
  EXPECT_LT(best.validation_loss, 0.7 * base.validation_loss);
  EXPECT_LE(best.validation_cer, base.validation_cer);
  EXPECT_EQ(static_cast<size_t>(result->best_epoch), ChooseEpoch(result->epochs));
  EXPECT_EQ(ValidationLoss(kOptions), best.validation_loss);
}

// What is kept is the mean of the base and of the weights after each update: the larger the base's
// share, the nearer to it.
TEST_F(PersonalizeTest, TheBasesShareShortensTheWay) {
  const auto distance = [&](double base_share) {
    SetUp();
    EXPECT_TRUE(Round(kOptions).has_value());
    const auto base = AllWeights(*model_);
    PersonalizeOptions options = kOptions;
    options.base_share = base_share;
    options.learning_rate = 1e-3f;  // too little for the last weights to be told from the mean
    options.epochs = 1;
    const auto result = Round(options);
    EXPECT_TRUE(result.has_value());
    EXPECT_EQ(result->best_epoch, 1);
    EXPECT_TRUE(result->epochs.back().mean);
    double sum = 0;
    const auto now = AllWeights(*model_);
    for (size_t id = 0; id < base.size(); ++id) {
      for (size_t k = 0; k < base[id].size(); ++k) sum += std::abs(now[id][k] - base[id][k]);
    }
    return sum;
  };
  const double none = distance(0);
  EXPECT_GT(none, 0);
  EXPECT_NEAR(distance(0.5), 0.5 * none, 0.02 * none);
  EXPECT_NEAR(distance(0.25), 0.75 * none, 0.02 * none);
}

// Far from what the base knows, the whole way is offered.
TEST_F(PersonalizeTest, OffersTheLastWeightsWhereValidationTellsThemFromTheMean) {
  PersonalizeOptions options = kOptions;
  options.base_share = 0.9;
  const auto result = Round(options);
  ASSERT_TRUE(result.has_value());
  ASSERT_GT(result->best_epoch, 0);
  const RoundEpoch& kept = result->epochs[static_cast<size_t>(result->best_epoch)];
  EXPECT_FALSE(kept.mean);
  EXPECT_EQ(ValidationLoss(options), kept.validation_loss);
}

TEST_F(PersonalizeTest, LittleSpeechIsCutIntoUpdatesEnough) {
  PersonalizeOptions options = kOptions;
  options.epochs = 1;
  options.batch_seconds = 1000;
  options.updates_per_epoch = 6;
  int64_t updates = 0;
  const auto result =
      Round(options, {.progress = [&](const RoundProgress& p) { updates = p.updates; }});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_GE(updates, 6);
  EXPECT_LE(updates, 12);  // utterances are not cut
}

RoundEpoch Epoch(double cer, double error, double loss) {
  return {.validation_loss = loss, .validation_cer = cer, .cer_error = error};
}

TEST(ChooseEpoch, TheLastThatIsAsGoodAsTheBest) {
  const RoundEpoch base = Epoch(40, 2, 1.0);
  EXPECT_EQ(ChooseEpoch(std::vector{base}), 0u);
  EXPECT_EQ(ChooseEpoch(std::vector{base, Epoch(30, 2, 1), Epoch(31, 2, 2), Epoch(33, 2, 1)}), 2u);
  EXPECT_EQ(ChooseEpoch(std::vector{base, Epoch(39, 2, 1), Epoch(41, 2, 0.5)}), 1u);
  // Worse than the base, though within the error.
  EXPECT_EQ(ChooseEpoch(std::vector{base, Epoch(41, 5, 0.5)}), 0u);
  // As many errors: the loss decides.
  EXPECT_EQ(ChooseEpoch(std::vector{base, Epoch(40, 2, 1.1)}), 0u);
  EXPECT_EQ(ChooseEpoch(std::vector{base, Epoch(40, 2, 0.9)}), 1u);
}

TEST_F(PersonalizeTest, IsTheSameForAnyNumberOfThreads) {
  PersonalizeOptions options = kOptions;
  options.epochs = 2;
  std::vector<std::vector<float>> expected;
  for (const int threads : {1, 3}) {
    auto model = testing::MakeModel(testing::ToyModelConfig(), 1);
    ASSERT_TRUE(model.has_value());
    const ThreadPool pool(threads);
    ASSERT_TRUE(Personalize(*model, data_, options, pool, {}, nullptr).has_value());
    if (expected.empty()) expected = AllWeights(*model);
    EXPECT_EQ(AllWeights(*model), expected);
  }
}

TEST_F(PersonalizeTest, KeepsTheBaseWhenNothingIsBetter) {
  PersonalizeOptions useless = kOptions;
  useless.learning_rate = 0;
  useless.patience = 2;
  const auto before = AllWeights(*model_);
  const auto same = Round(useless);
  ASSERT_TRUE(same.has_value()) << same.error().message;
  EXPECT_EQ(same->best_epoch, 0);
  EXPECT_EQ(same->epochs.size(), 3u);  // the base and the patience
  EXPECT_EQ(AllWeights(*model_), before);
}

TEST_F(PersonalizeTest, ARoundThatRunsAwayEndsWithTheBestBefore) {
  ASSERT_TRUE(Round(kOptions).has_value());
  const auto before = AllWeights(*model_);
  PersonalizeOptions wild = kOptions;
  wild.learning_rate = 1e30f;
  const auto result = Round(wild);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->best_epoch, 0);
  EXPECT_EQ(result->attempts, 2);  // a quarter of far too much is too much
  EXPECT_EQ(AllWeights(*model_), before);
}

TEST_F(PersonalizeTest, AStoppedRoundKeepsItsBestEpoch) {
  std::atomic<bool> cancel = false;
  const auto result =
      Round(kOptions,
            {.progress = [&](const RoundProgress& p) { cancel = p.epoch == 4 && p.update == 2; }},
            &cancel);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(result->stopped);
  EXPECT_EQ(result->epochs.size(), 4u);  // the base and three whole epochs
  EXPECT_LE(result->best_epoch, 3);
  EXPECT_EQ(ValidationLoss(kOptions),
            result->epochs[static_cast<size_t>(result->best_epoch)].validation_loss);
}

TEST_F(PersonalizeTest, FrozenBlocksOfAnInt8BaseStayInt8) {
  ASSERT_TRUE(SaveModel(*model_, WeightFormat::kInt8, folder_ / "base.safetensors").has_value());
  auto base = LoadModel(folder_ / "base.safetensors");
  ASSERT_TRUE(base.has_value());
  *model_ = std::move(*base);
  const auto before = AllWeights(*model_);
  PersonalizeOptions top = kOptions;
  top.candidate.first_block = model_->encoder.blocks().size() - 1;
  const auto result = Round(top);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_GT(result->best_epoch, 0);
  for (ParameterId id = 0; id < model_->encoder.blocks().back().first; ++id) {
    EXPECT_FALSE(model_->weights.IsWritable(id));
    EXPECT_EQ(model_->weights.ToFloat(id), before[static_cast<size_t>(id)]);
  }
}

// The toy with matrices that can have pairs.
Result<Model> ToyOfLinearLayers() {
  std::string config = testing::ToyModelConfig();
  const std::string last = R"({"layer": "activation", "function": "relu"}])";
  config.replace(config.find(last), last.size(),
                 R"({"layer": "linear", "dim": 24}, {"layer": "activation", "function": "silu"},
                    {"layer": "linear", "dim": 16}])");
  return testing::MakeModel(config, 1);
}

// Pairs, which are merged as they are written, and adapters, which are written.
TEST_F(PersonalizeTest, WhatLearnsBesideAnInt8BaseIsInTheFile) {
  auto made = ToyOfLinearLayers();
  ASSERT_TRUE(made.has_value()) << made.error().message;
  ASSERT_TRUE(SaveModel(*made, WeightFormat::kInt8, folder_ / "base.safetensors").has_value());
  PersonalizeOptions options = kOptions;
  options.learning_rate = 1e-2f / kBesideRateFactor;
  for (const Candidate& candidate :
       {Candidate{.first_block = 1, .tuning = Tuning::kLora, .lora_rank = 4},
        Candidate{.first_block = 1, .tuning = Tuning::kAdapters, .adapter_width = 4}}) {
    SCOPED_TRACE(TuningNames()[static_cast<size_t>(candidate.tuning)]);
    auto base = LoadModel(folder_ / "base.safetensors");
    ASSERT_TRUE(base.has_value());
    *model_ = std::move(*base);
    options.candidate = candidate;
    const auto result = Round(options);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    ASSERT_GT(result->best_epoch, 0);
    const RoundEpoch& kept = result->epochs[static_cast<size_t>(result->best_epoch)];
    EXPECT_LT(kept.validation_loss, 0.9 * result->epochs.front().validation_loss);
    EXPECT_EQ(ValidationLoss(options), kept.validation_loss);
    const ParameterTable& table = model_->encoder.parameters();
    for (ParameterId id = 0; id < table.size(); ++id) {
      if (!table[id].matrix) continue;
      const bool learned = table[id].adapts != kNoParameter || table[id].name == "head.weight" ||
                           table[id].name.find(".adapter.") != std::string::npos;
      EXPECT_EQ(model_->weights.IsWritable(id), learned) << table[id].name;
    }

    ASSERT_TRUE(SaveModel(*model_, WeightFormat::kF32, folder_ / "mine.safetensors").has_value());
    auto saved = LoadModel(folder_ / "mine.safetensors");
    ASSERT_TRUE(saved.has_value()) << saved.error().message;
    EXPECT_EQ(saved->encoder.adapters(), AdapterShape{});
    *model_ = std::move(*saved);
    EXPECT_NEAR(ValidationLoss(options), kept.validation_loss, 1e-4);
  }
}

TEST_F(PersonalizeTest, AnotherTuningAfterLoraGoesOnFromWhatItLearned) {
  *model_ = std::move(*ToyOfLinearLayers());
  PersonalizeOptions options = kOptions;
  options.epochs = 4;
  options.candidate = {.tuning = Tuning::kLora};
  options.learning_rate = 1e-2f / kBesideRateFactor;
  const auto first = Round(options);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  ASSERT_GT(first->best_epoch, 0);
  options.candidate = {};
  options.epochs = 1;
  const auto second = Round(options);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ(model_->encoder.adapters(), AdapterShape{});
  EXPECT_NEAR(second->epochs.front().validation_loss,
              first->epochs[static_cast<size_t>(first->best_epoch)].validation_loss, 1e-4);
}

// A trace, and a guard that asks it; without a clock it goes on by a second with every look.
class Device {
 public:
  explicit Device(const std::string& csv, ResourcePolicy policy = {},
                  std::function<double()> clock_s = {}) {
    if (!clock_s) clock_s = [this] { return ++now_s_; };
    auto script = ScriptedMonitor::Parse(csv, "trace", {}, clock_s);
    EXPECT_TRUE(script.has_value()) << script.error().message;
    monitor_.emplace(std::move(*script));
    guard_.emplace(*monitor_, RoundGuardOptions{.policy = policy, .wait = [](double) {}});
  }
  RoundGuard* guard() { return &*guard_; }

 private:
  double now_s_ = -1;
  std::optional<ScriptedMonitor> monitor_;
  std::optional<RoundGuard> guard_;
};

TEST_F(PersonalizeTest, APauseChangesNoBit) {
  const auto start = model_->weights.Clone();
  ASSERT_TRUE(Round(kOptions).has_value());
  const auto expected = AllWeights(*model_);
  model_->weights = start.Clone();
  Device device(
      "time_s,temperature_c,temperature_limit_c\n0,30,45\n7,44,45\n20,30,45\n30,44,45\n40,30,45\n");
  const auto result = Personalize(*model_, data_, kOptions, pool_, {}, nullptr, device.guard());
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_FALSE(result->stopped);
  EXPECT_EQ(result->seconds_paused, 13 + 10);
  EXPECT_EQ(AllWeights(*model_), expected);
}

// Each threshold, in the fifth update: no sixth one is made.
TEST_F(PersonalizeTest, AThresholdHaltsWithinAnUpdate) {
  const struct {
    const char* trace;
    const char* halted_by;
  } kCases[] = {
      {"time_s,battery_percent,charging\n0,80,0\n5,29,0\n", "battery"},
      {"time_s,available_mb\n0,900\n5,100\n", "ram"},
      {"time_s,free_disk_mb\n0,900\n5,100\n", "disk"},
  };
  const auto start = model_->weights.Clone();
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.halted_by);
    model_->weights = start.Clone();
    int64_t updates = 0;
    Device device(c.trace, {}, [&] { return static_cast<double>(updates); });
    const auto result = Personalize(*model_, data_, kOptions, pool_,
                                    {.progress = [&](const RoundProgress&) { ++updates; }}, nullptr,
                                    device.guard());
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_TRUE(result->stopped);
    EXPECT_EQ(result->halt.halted_by, c.halted_by);
    EXPECT_FALSE(result->halt.why.empty());
    EXPECT_EQ(updates, 5);
  }
}

// The clock is the device's, on which an update may take an hour; what another process has spent
// before counts too.
TEST_F(PersonalizeTest, TimeIsThatOfTheDevice) {
  PersonalizeOptions options = kOptions;
  options.checkpoint = {.path = folder_ / "round.checkpoint", .every_s = 0, .identity = "this"};
  const auto start = model_->weights.Clone();
  int64_t updates = 0;
  const auto hours = [&](double limit) {
    updates = 0;
    Device device("time_s,battery_percent,charging\n0,80,0\n", {.max_seconds = limit * 3600},
                  [&] { return 1e6 + 3600 * static_cast<double>(updates); });
    model_->weights = start.Clone();
    return Personalize(*model_, data_, options, pool_,
                       {.progress = [&](const RoundProgress&) { ++updates; }}, nullptr,
                       device.guard());
  };
  const auto first = hours(4);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(first->halt.halted_by, "time");
  EXPECT_EQ(updates, 4);
  EXPECT_EQ(first->seconds, 4 * 3600);
  const auto second = hours(6);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_TRUE(second->resumed);
  EXPECT_EQ(updates, 2);
  EXPECT_EQ(second->seconds, 6 * 3600);
}

// Only one part's activations, only one utterance at a time: the round learns as well.
TEST_F(PersonalizeTest, FitsIntoALittleArena) {
  PersonalizeOptions small = kOptions;
  small.candidate.parts = 3;
  small.candidate.micro_batch_seconds = 0.001;
  small.validation_batch_seconds = 0.001;
  const RoundSpeech speech = DescribeSpeech(data_, small);
  const auto memory = PlanRoundMemory(*model_, small.candidate, speech, 2, 2, 0);
  ASSERT_TRUE(memory.has_value()) << memory.error().message;
  small.arena_bytes = memory->arena;
  const auto whole = PlanRoundMemory(*model_, {}, DescribeSpeech(data_, kOptions), 2, 2, 0);
  ASSERT_TRUE(whole.has_value());
  EXPECT_LT(2 * memory->arena, whole->arena);
  const auto result = Round(small);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->skipped, 0);
  EXPECT_GT(result->best_epoch, 0);
}

// The split is by utterance and batches are filled with whole ones: about as described.
TEST_F(PersonalizeTest, SpeechIsDescribedAsARoundFindsIt) {
  PersonalizeOptions one = kOptions;
  one.epochs = 1;
  const RoundSpeech speech = DescribeSpeech(data_, one);
  int64_t updates = 0;
  const RoundEvents events = {.progress = [&](const RoundProgress& p) { updates = p.updates; }};
  const ThreadPool threads(1);
  const auto result = Personalize(*model_, data_, one, threads, events, nullptr);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_NEAR(speech.training_s, result->audio_seconds, 0.1 * result->audio_seconds);
  double total = 0;
  for (const double seconds : data_.durations_s()) total += seconds;
  EXPECT_NEAR(speech.training_s + speech.held_out_s, total, 1e-9);
  EXPECT_NEAR(static_cast<double>(speech.utterances),
              static_cast<double>(result->training_utterances), 2);
  EXPECT_NEAR(static_cast<double>(speech.updates), static_cast<double>(updates),
              0.3 * static_cast<double>(updates));
}

TEST_F(PersonalizeTest, MinutesTakeTheFirstOfTheManifest) {
  PersonalizeOptions few = kOptions;
  few.epochs = 1;
  few.minutes = 0.1;
  const auto result = Round(few);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  double seconds = 0;
  int64_t count = 0;
  while (seconds + data_.utterance(count).duration_s <= 6) {
    seconds += data_.utterance(count++).duration_s;
  }
  EXPECT_EQ(result->training_utterances + result->validation_utterances, count);
  EXPECT_LT(result->audio_seconds, 6);
}

TEST_F(PersonalizeTest, TooLittleToLearnFrom) {
  for (const int count : {0, 1}) {
    data_ = testing::LoadToySpeech(testing::WriteToySpeech(folder_, "few", 1, 1.0, 1), *model_);
    if (count == 0) data_ = SpeechDataset::Create({}, model_->vocabulary, {});
    const auto result = Round(kOptions);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(result.error().message.find("only " + std::to_string(count)), std::string::npos);
  }
}

}  // namespace
}  // namespace masr

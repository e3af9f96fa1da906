#include "train/round_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "plan/step_plan.h"
#include "train/testing/toy_speech.h"

namespace masr {
namespace {

// Utterances that exist only as their lengths.
SpeechDataset OfLengths(const std::vector<double>& seconds) {
  std::vector<Manifest> manifests(1);
  for (size_t i = 0; i < seconds.size(); ++i) {
    manifests[0].utterances.push_back(
        {.audio_path = "none", .text = std::string(1 + i, 'a'), .duration_s = seconds[i]});
  }
  return SpeechDataset::Create(std::move(manifests), Vocabulary::English(), {});
}

PersonalizeOptions Options(const SpeechDataset& data) {
  PersonalizeOptions options = {.epochs = 3, .batch_seconds = 6, .updates_per_epoch = 2};
  options.split.emplace();
  for (int64_t i = 0; i < data.size(); ++i) {
    (i % 4 == 3 ? options.split->validation : options.split->training).push_back(i);
  }
  return options;
}

double Seconds(const std::vector<SpeechPiece>& batch) {
  return std::accumulate(batch.begin(), batch.end(), 0.0,
                         [](double sum, const SpeechPiece& p) { return sum + p.seconds; });
}

TEST(RoundSchedule, AnEpochHasEveryUtteranceOnce) {
  const SpeechDataset data = OfLengths({1, 2, 3, 1, 2, 3, 1, 2, 3, 1});
  const PersonalizeOptions options = Options(data);
  for (const int64_t epoch : {1, 2}) {
    std::vector<int64_t> all;
    for (const auto& update : UpdatesOf(data, options.split->training, options, epoch)) {
      double seconds = 0;
      for (int64_t i : update) seconds += data.utterance(i).duration_s;
      EXPECT_LE(seconds, 6);
      all.insert(all.end(), update.begin(), update.end());
    }
    std::ranges::sort(all);
    EXPECT_EQ(all, options.split->training);
  }
  EXPECT_NE(UpdatesOf(data, options.split->training, options, 1),
            UpdatesOf(data, options.split->training, options, 2));
}

// No update of any epoch is heavier than what was planned for.
TEST(RoundSchedule, TheHeaviestUpdateIsAmongThoseDescribed) {
  const SpeechDataset data = OfLengths({1, 2, 3, 1.5, 2.5, 3, 1, 2, 3.5, 1, 2, 1.25});
  PersonalizeOptions options = Options(data);
  const RoundSpeech speech = DescribeSpeech(data, options);
  double heaviest = 0;
  for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    for (const auto& update : UpdatesOf(data, options.split->training, options, epoch)) {
      double seconds = 0;
      for (int64_t i : update) {
        const uint64_t key = MixKeys(EpochKey(options, epoch), static_cast<uint64_t>(i));
        seconds += data.utterance(i).duration_s / DrawnSpeed(options.augment, key);
      }
      heaviest = std::max(heaviest, seconds);
    }
  }
  EXPECT_DOUBLE_EQ(Seconds(speech.updates_at_once.front()), heaviest);
  EXPECT_DOUBLE_EQ(speech.update_s, heaviest);
  // And the longest utterance alone, as slow as it gets.
  double longest = 0;
  for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    const uint64_t key = MixKeys(EpochKey(options, epoch), 8);
    longest = std::max(longest, 3.5 / DrawnSpeed(options.augment, key));
  }
  const auto alone = std::ranges::find_if(speech.updates_at_once,
                                          [](const auto& update) { return update.size() == 1; });
  ASSERT_NE(alone, speech.updates_at_once.end());
  EXPECT_DOUBLE_EQ(alone->front().seconds, longest);
  EXPECT_DOUBLE_EQ(speech.longest_s, 3.5 / 0.95);  // that may be read
}

TEST(RoundSchedule, CountsAnEpoch) {
  const SpeechDataset data = OfLengths({1, 2, 3, 4, 1, 2, 3, 4});
  const PersonalizeOptions options = Options(data);
  const RoundSpeech speech = DescribeSpeech(data, options);
  EXPECT_DOUBLE_EQ(speech.training_s, 12);
  EXPECT_DOUBLE_EQ(speech.held_out_s, 8);
  EXPECT_EQ(speech.utterances, 6);
  EXPECT_EQ(speech.updates, std::ssize(UpdatesOf(data, options.split->training, options, 1)));
  EXPECT_NEAR(speech.augmented_share, 2.0 / 3, 1e-12);
}

TEST(RoundSchedule, LittleAtATimeIsValidatedLittleAtATime) {
  PersonalizeOptions options = {.validation_batch_seconds = 20};
  EXPECT_EQ(ValidationSeconds(options), 20);
  options.candidate.micro_batch_seconds = 5;
  EXPECT_EQ(ValidationSeconds(options), 5);
  options.candidate.micro_batch_seconds = 50;
  EXPECT_EQ(ValidationSeconds(options), 20);
}

TEST(RoundSchedule, NoSpeechHasNothingToCompute) {
  const SpeechDataset data = OfLengths({});
  const RoundSpeech speech = DescribeSpeech(data, {});
  EXPECT_TRUE(speech.updates_at_once.empty());
  EXPECT_GT(speech.longest_s, 0);
}

}  // namespace
}  // namespace masr

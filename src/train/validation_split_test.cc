#include "train/validation_split.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace masr {
namespace {

// Utterances that exist only as their texts.
SpeechDataset WithTexts(const std::vector<std::string>& texts) {
  Manifest manifest;
  for (const std::string& text : texts) {
    manifest.utterances.push_back({.audio_path = "none", .text = text, .duration_s = 1});
  }
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(manifest));
  return SpeechDataset::Create(std::move(manifests), Vocabulary::English(), {});
}

std::vector<int64_t> Iota(int64_t count) {
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(i);
  return indices;
}

TEST(SplitForValidation, EveryUtteranceIsOnOneSide) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(std::string(1 + i % 30, 'a'));
  const SpeechDataset data = WithTexts(texts);
  for (const double share : {0.0, 0.1, 0.15, 0.5}) {
    for (uint64_t seed = 1; seed < 6; ++seed) {
      const ValidationSplit split = SplitForValidation(data, Iota(40), share, seed);
      std::vector<int64_t> all = split.training;
      all.insert(all.end(), split.validation.begin(), split.validation.end());
      std::sort(all.begin(), all.end());
      EXPECT_EQ(all, Iota(40));
      EXPECT_GE(split.validation.size(), std::max<size_t>(1, static_cast<size_t>(40 * share)));
      EXPECT_LE(split.validation.size(), static_cast<size_t>(40 * share) + 3);
      EXPECT_TRUE(std::is_sorted(split.training.begin(), split.training.end()));
      EXPECT_TRUE(std::is_sorted(split.validation.begin(), split.validation.end()));
    }
  }
}

TEST(SplitForValidation, SharedTextsStayTogether) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(std::string(1 + i % 30, 'a'));
  const SpeechDataset data = WithTexts(texts);
  for (uint64_t seed = 1; seed < 10; ++seed) {
    const ValidationSplit split = SplitForValidation(data, Iota(40), 0.3, seed);
    std::set<std::string> learned;
    for (int64_t i : split.training) learned.insert(data.utterance(i).text);
    for (int64_t i : split.validation) EXPECT_FALSE(learned.contains(data.utterance(i).text));
  }
}

TEST(LeaveOutLonger, KeepsWhatIsAsLong) {
  Manifest manifest;
  for (const double seconds : {2.0, 5.0, 3.0, 5.1}) {
    manifest.utterances.push_back({.audio_path = "none", .text = "a", .duration_s = seconds});
  }
  std::vector<Manifest> manifests;
  manifests.push_back(std::move(manifest));
  const SpeechDataset data = SpeechDataset::Create(std::move(manifests), Vocabulary::English(), {});
  std::vector<int64_t> indices = Iota(4);
  LeaveOutLonger(data, 0, indices);
  EXPECT_EQ(indices, Iota(4));
  LeaveOutLonger(data, 5, indices);
  EXPECT_EQ(indices, Iota(3));
}

TEST(SplitForValidation, FewTextsAreLearnedAndTested) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(i % 2 == 0 ? "yes" : "no");
  const SpeechDataset data = WithTexts(texts);
  const ValidationSplit split = SplitForValidation(data, Iota(40), 0.25, 1);
  EXPECT_EQ(split.validation.size(), 10u);
  std::set<std::string> learned;
  for (int64_t i : split.training) learned.insert(data.utterance(i).text);
  EXPECT_EQ(learned.size(), 2u);
}

TEST(SplitForValidation, TheSeedDecidesAndIndicesAreKept) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back(std::string(static_cast<size_t>(i) + 1, 'b'));
  const SpeechDataset data = WithTexts(texts);
  const std::vector<int64_t> odd = {1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
  const ValidationSplit one = SplitForValidation(data, odd, 0.3, 1);
  EXPECT_EQ(one.validation, SplitForValidation(data, odd, 0.3, 1).validation);
  EXPECT_EQ(one.validation.size(), 3u);
  for (int64_t i : one.validation) EXPECT_EQ(i % 2, 1);
  bool differs = false;
  for (uint64_t seed = 2; seed < 6; ++seed) {
    differs |= SplitForValidation(data, odd, 0.3, seed).validation != one.validation;
  }
  EXPECT_TRUE(differs);
}

TEST(SplitForValidation, TwoUtterancesGiveOneEach) {
  const SpeechDataset data = WithTexts({"a", "b"});
  const ValidationSplit split = SplitForValidation(data, Iota(2), 0.15, 1);
  EXPECT_EQ(split.training.size(), 1u);
  EXPECT_EQ(split.validation.size(), 1u);
  EXPECT_TRUE(SplitForValidation(data, {}, 0.15, 1).validation.empty());
}

}  // namespace
}  // namespace masr

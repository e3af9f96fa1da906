#include "ctc/n_best.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "ctc/alignment.h"

namespace masr {
namespace {

using Tokens = std::vector<int32_t>;

std::vector<float> LogitsOf(const Tokens& path, int64_t tokens) {
  std::vector<float> logits(path.size() * static_cast<size_t>(tokens), -4.0f);
  for (size_t t = 0; t < path.size(); ++t) {
    logits[t * static_cast<size_t>(tokens) + static_cast<size_t>(path[t])] = 4;
  }
  return logits;
}

TEST(AlignTokens, FindsTheRunsOfAClearPath) {
  const Tokens path = {0, 1, 1, 0, 2, 2, 0, 2, 0};
  const auto frames = AlignTokens(9, 3, 0, LogitsOf(path, 3).data(), Tokens{1, 2, 2});
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].begin, 1);
  EXPECT_EQ(frames[0].end, 3);
  EXPECT_EQ(frames[1].begin, 4);
  EXPECT_EQ(frames[1].end, 6);
  EXPECT_EQ(frames[2].begin, 7);
  EXPECT_EQ(frames[2].end, 8);
}

// The best of all paths that spell the target, by walking all of them.
TEST(AlignTokens, IsTheBestOfAllPaths) {
  constexpr int64_t kFrames = 6;
  constexpr int64_t kTokens = 3;
  Rng rng(5);
  for (const Tokens& target : {Tokens{1}, Tokens{1, 1}, Tokens{1, 2}, Tokens{2, 1, 2}}) {
    std::vector<float> logits(kFrames * kTokens);
    for (float& logit : logits) logit = static_cast<float>(2 * rng.Normal());
    double best = -1e30;
    Tokens best_path;
    for (int64_t code = 0; code < 729; ++code) {
      Tokens path;
      Tokens text;
      double score = 0;
      int64_t rest = code;
      for (int64_t t = 0; t < kFrames; ++t, rest /= kTokens) {
        path.push_back(static_cast<int32_t>(rest % kTokens));
        score += static_cast<double>(logits[static_cast<size_t>(t * kTokens + path.back())]);
        const bool repeats = t > 0 && path[static_cast<size_t>(t - 1)] == path.back();
        if (path.back() != 0 && !repeats) text.push_back(path.back());
      }
      if (text != target || score <= best) continue;
      best = score;
      best_path = path;
    }
    const auto aligned = AlignTokens(kFrames, kTokens, 0, logits.data(), target);
    Tokens path(kFrames, 0);
    for (size_t i = 0; i < target.size(); ++i) {
      for (int64_t t = aligned[i].begin; t < aligned[i].end; ++t) {
        path[static_cast<size_t>(t)] = target[i];
      }
    }
    EXPECT_EQ(path, best_path);
  }
}

TEST(NBest, SaysWhenAndHowSure) {
  const auto vocabulary = *Vocabulary::FromCharacters({" ", "a", "b"});
  const Tokens path = {0, 2, 3, 3, 1, 0, 2, 0};  // "ab a"
  const std::vector<float> logits = LogitsOf(path, 4);
  const std::vector<Hypothesis> hypotheses = {
      {*vocabulary.Encode("ab a"), std::log(0.6)},
      {*vocabulary.Encode("ab b"), std::log(0.3)},
      {*vocabulary.Encode("a"), std::log(0.1)},
  };
  const auto n_best = MakeNBest(hypotheses, vocabulary, 8, logits.data(), 2);
  ASSERT_EQ(n_best.size(), 2u);
  EXPECT_EQ(n_best[0].text, "ab a");
  EXPECT_NEAR(n_best[0].confidence, 0.6, 1e-9);
  ASSERT_EQ(n_best[0].words.size(), 2u);
  EXPECT_EQ(n_best[0].words[0].text, "ab");
  EXPECT_EQ(n_best[0].words[0].begin_frame, 1);
  EXPECT_EQ(n_best[0].words[0].end_frame, 4);
  EXPECT_NEAR(n_best[0].words[0].confidence, 0.9, 1e-9);
  EXPECT_EQ(n_best[0].words[1].begin_frame, 6);
  EXPECT_EQ(n_best[0].words[1].end_frame, 7);
  EXPECT_NEAR(n_best[0].words[1].confidence, 0.7, 1e-9);  // "a" alone has it, too
  EXPECT_EQ(n_best[1].text, "ab b");
  EXPECT_TRUE(MakeNBest({}, vocabulary, 8, logits.data(), 2).empty());
  EXPECT_EQ(MakeNBest(hypotheses, vocabulary, 8, logits.data(), 9).size(), 3u);
}

TEST(NBest, WordsOfPiecesBeginWhereTheirSpaceIs) {
  const auto vocabulary =
      *Vocabulary::FromPieces({PieceModel::kBpe, {" ", "b", " ab", "ab"}, {-1, -1, -1, -1}});
  const Tokens path = {0, 3, 2, 2, 0, 3, 1, 4};  // " ab" "b" " ab" " " "ab"
  const std::vector<float> logits = LogitsOf(path, 5);
  const auto n_best = MakeNBest({{{3, 2, 3, 1, 4}, 0}}, vocabulary, 8, logits.data(), 1);
  ASSERT_EQ(n_best.size(), 1u);
  EXPECT_EQ(n_best[0].text, "abb ab ab");
  ASSERT_EQ(n_best[0].words.size(), 3u);
  EXPECT_EQ(n_best[0].words[0].text, "abb");
  EXPECT_EQ(n_best[0].words[0].begin_frame, 1);
  EXPECT_EQ(n_best[0].words[0].end_frame, 4);
  EXPECT_EQ(n_best[0].words[1].begin_frame, 5);
  EXPECT_EQ(n_best[0].words[2].text, "ab");
  EXPECT_EQ(n_best[0].words[2].begin_frame, 7);
}

}  // namespace
}  // namespace masr

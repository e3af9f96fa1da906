#include "ctc/beam_decoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/rng.h"
#include "ctc/greedy_decoder.h"
#include "ctc/testing/small_language_model.h"

namespace masr {
namespace {

using Tokens = std::vector<int32_t>;

Vocabulary SmallVocabulary() { return *Vocabulary::FromCharacters({" ", "a", "b"}); }

// Nothing is pruned.
constexpr BeamOptions kEverything{
    .width = 1 << 20,
    .score_range = std::numeric_limits<float>::infinity(),
    .min_token_log_probability = -std::numeric_limits<float>::infinity()};

std::vector<float> RandomLogits(int64_t frames, int64_t tokens, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> logits(static_cast<size_t>(frames * tokens));
  for (float& logit : logits) logit = static_cast<float>(2 * rng.Normal());
  return logits;
}

// ln p(text | audio) of every text, by walking every path: tokens^frames of them.
std::map<Tokens, double> EnumeratePaths(int64_t frames, int64_t tokens,
                                        const std::vector<float>& logits) {
  std::map<Tokens, double> texts;
  int64_t paths = 1;
  for (int64_t t = 0; t < frames; ++t) paths *= tokens;
  for (int64_t path = 0; path < paths; ++path) {
    Tokens text;
    double p = 1;
    int32_t previous = 0;
    int64_t rest = path;
    for (int64_t t = 0; t < frames; ++t, rest /= tokens) {
      const auto token = static_cast<int32_t>(rest % tokens);
      double sum = 0;
      for (int64_t k = 0; k < tokens; ++k) {
        sum += std::exp(static_cast<double>(logits[static_cast<size_t>(t * tokens + k)]));
      }
      p *= std::exp(static_cast<double>(logits[static_cast<size_t>(t * tokens + token)])) / sum;
      if (token != 0 && token != previous) text.push_back(token);
      previous = token;
    }
    texts[text] += p;
  }
  return texts;
}

// The scorer's sum over a whole text, or nothing if it refuses it.
bool TextScore(const TextScorer& scorer, const Tokens& text, double& score) {
  TextScorer::State state = scorer.Begin();
  score = 0;
  for (int32_t token : text) {
    if (!scorer.CanExtend(state, token)) return false;
    score += static_cast<double>(scorer.Extend(state, token, state));
  }
  score += static_cast<double>(scorer.Finish(state));
  return true;
}

// Holds an unpruned beam against exhaustive search: the same texts with the same scores.
void ExpectExhaustive(const TextScorer& scorer, int64_t frames, uint64_t seed) {
  const int64_t tokens = SmallVocabulary().size();
  const std::vector<float> logits = RandomLogits(frames, tokens, seed);
  std::map<Tokens, double> expected;
  for (const auto& [text, p] : EnumeratePaths(frames, tokens, logits)) {
    double text_score = 0;
    if (!TextScore(scorer, text, text_score)) continue;
    Tokens trimmed(text);
    if (!trimmed.empty() && trimmed.back() == 1) trimmed.pop_back();
    const double score = std::log(p) + text_score;
    const auto [same, added] = expected.emplace(trimmed, score);
    if (!added) same->second = std::log(std::exp(same->second) + std::exp(score));
  }
  BeamDecoder decoder(scorer, tokens, 0, kEverything);
  decoder.Advance(frames, logits.data());
  const auto hypotheses = decoder.Finish(0);
  ASSERT_EQ(hypotheses.size(), expected.size());
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    ASSERT_TRUE(expected.contains(hypotheses[i].tokens));
    EXPECT_NEAR(hypotheses[i].score, expected.at(hypotheses[i].tokens), 1e-3);
    EXPECT_GE(hypotheses[i > 0 ? i - 1 : 0].score, hypotheses[i].score);
  }
}

TEST(BeamDecoder, AddsUpTheAlignmentsOfAText) {
  // Two frames, p(blank) = 0.6, p(a) = 0.4: the best path is blank blank with 0.36, but "a" has
  // three paths that sum up to 0.64.
  const auto vocabulary = *Vocabulary::FromCharacters({"a"});
  const TextScorer scorer(vocabulary, nullptr, {}, {});
  const std::vector<float> logits = {std::log(0.6f), std::log(0.4f), std::log(0.6f),
                                     std::log(0.4f)};
  BeamDecoder decoder(scorer, 2, 0, {});
  decoder.Advance(2, logits.data());
  EXPECT_EQ(GreedyDecode(2, 2, 0, logits.data()), Tokens{});
  const auto hypotheses = decoder.Finish(0);
  ASSERT_EQ(hypotheses.size(), 2u);
  EXPECT_EQ(hypotheses[0].tokens, Tokens{1});
  EXPECT_NEAR(hypotheses[0].score, std::log(0.64), 1e-5);
  EXPECT_EQ(hypotheses[1].tokens, Tokens{});
  EXPECT_NEAR(hypotheses[1].score, std::log(0.36), 1e-5);
}

TEST(BeamDecoder, FindsWhatExhaustiveSearchFinds) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel words = testing::SmallWordModel();
  const LanguageModel characters = testing::SmallCharacterModel();
  for (const LanguageModel* model :
       {static_cast<const LanguageModel*>(nullptr), &words, &characters}) {
    const TextScorer plain(vocabulary, model, {}, {});
    const TextScorer biased(vocabulary, model, {{"ab ba", 0.5f}, {"b", 1.0f}, {"bb", -0.5f}}, {});
    for (int64_t frames = 0; frames <= 6; ++frames) {
      ExpectExhaustive(plain, frames, static_cast<uint64_t>(frames) + 1);
      ExpectExhaustive(biased, frames, static_cast<uint64_t>(frames) + 100);
    }
  }
}

TEST(BeamDecoder, ALanguageModelChangesTheWord) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallWordModel();
  // "ba", a little likelier than "ab" by its sound.
  const std::vector<float> logits = {0, -9, 1.0f, 1.2f, 9, 0, 0, 0, 0, -9, 1.2f, 1.0f};
  const auto decode = [&](float weight) {
    const TextScorer scorer(vocabulary, &model, {}, {.language_model_weight = weight});
    BeamDecoder decoder(scorer, 4, 0, {});
    decoder.Advance(3, logits.data());
    return vocabulary.Decode(decoder.Finish(1)[0].tokens);
  };
  EXPECT_EQ(decode(0), "ba");
  EXPECT_EQ(decode(1), "ab");
}

TEST(BeamDecoder, FramesMayComeInPieces) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallWordModel();
  const TextScorer scorer(vocabulary, &model, {{"ab", 0.3f}}, {});
  const std::vector<float> logits = RandomLogits(60, 4, 7);
  BeamDecoder whole(scorer, 4, 0, {});
  whole.Advance(60, logits.data());
  BeamDecoder pieces(scorer, 4, 0, {});
  for (int64_t t = 0; t < 60; t += 7) {
    pieces.Advance(std::min<int64_t>(7, 60 - t), logits.data() + 4 * t);
    const BeamDecoder copy = pieces;  // looking ahead changes nothing
    EXPECT_EQ(copy.Finish(0)[0].tokens, pieces.Finish(0)[0].tokens);
  }
  const auto a = whole.Finish(0);
  const auto b = pieces.Finish(0);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].tokens, b[i].tokens);
    EXPECT_EQ(a[i].score, b[i].score);
  }
}

// Prefixes that no entry needs are dropped on the way, without a trace.
TEST(BeamDecoder, LongClearSpeechIsTheBestPath) {
  const auto vocabulary = *Vocabulary::FromCharacters({"a", "b", "c"});
  const TextScorer scorer(vocabulary, nullptr, {}, {});
  constexpr int64_t kFrames = 3000;
  std::vector<float> logits = RandomLogits(kFrames, 4, 3);
  Rng rng(9);
  for (int64_t t = 0; t < kFrames; ++t) {
    // Clear, but the other tokens are worth a prefix.
    logits[static_cast<size_t>(4 * t) + rng.Below(4)] += 8;
  }
  BeamDecoder decoder(scorer, 4, 0, {.width = 64});
  decoder.Advance(kFrames, logits.data());
  const Tokens greedy = GreedyDecode(kFrames, 4, 0, logits.data());
  int64_t same = 0;
  const Tokens best = decoder.Best();
  for (size_t i = 0; i < std::min(best.size(), greedy.size()); ++i) same += best[i] == greedy[i];
  EXPECT_EQ(best.size(), greedy.size());
  EXPECT_EQ(same, static_cast<int64_t>(greedy.size()));
}

TEST(BeamDecoder, FramesThatNoTextCanHaveArePassedOver) {
  const Vocabulary vocabulary = SmallVocabulary();
  const TextScorer scorer(vocabulary, nullptr, {}, {});
  const float never = -std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  // A space first, then no number at all, infinite ones, and an "a".
  const std::vector<float> logits = {never, 0,     never, never, nan, 0,  0, 0,
                                     never, never, never, never, -5,  -5, 5, -5};
  BeamDecoder decoder(scorer, 4, 0, {});
  decoder.Advance(4, logits.data());
  EXPECT_EQ(decoder.Finish(1)[0].tokens, Tokens{2});
  EXPECT_TRUE(std::isfinite(decoder.Finish(1)[0].score));
}

TEST(BeamDecoder, NothingHeardIsTheEmptyText) {
  const Vocabulary vocabulary = SmallVocabulary();
  const TextScorer scorer(vocabulary, nullptr, {}, {});
  const BeamDecoder decoder(scorer, 4, 0, {});
  ASSERT_EQ(decoder.Finish(5).size(), 1u);
  EXPECT_TRUE(decoder.Finish(5)[0].tokens.empty());
  EXPECT_TRUE(decoder.Best().empty());
}

TEST(BeamDecoder, TextsHaveNoSpacesWhereNoWordIs) {
  const Vocabulary vocabulary = SmallVocabulary();
  const TextScorer scorer(vocabulary, nullptr, {}, {});
  // space, a, space, blank, space.
  std::vector<float> logits(5 * 4, -5.0f);
  const Tokens path = {1, 2, 1, 0, 1};
  for (size_t t = 0; t < path.size(); ++t) logits[t * 4 + static_cast<size_t>(path[t])] = 5;
  BeamDecoder decoder(scorer, 4, 0, {});
  decoder.Advance(5, logits.data());
  EXPECT_EQ(decoder.Finish(1)[0].tokens, Tokens{2});
}

}  // namespace
}  // namespace masr

#include "ctc/text_scorer.h"

#include <gtest/gtest.h>

#include <numbers>

#include "ctc/testing/small_language_model.h"

namespace masr {
namespace {

constexpr float kLn10 = std::numbers::ln10_v<float>;

Vocabulary SmallVocabulary() { return *Vocabulary::FromCharacters({" ", "a", "b"}); }

float Score(const TextScorer& scorer, const Vocabulary& vocabulary, const std::string& text) {
  TextScorer::State state = scorer.Begin();
  float score = 0;
  const std::vector<int32_t> tokens = *vocabulary.Encode(text);
  for (int32_t token : tokens) score += scorer.Extend(state, token, state);
  return score + scorer.Finish(state);
}

TEST(TextScorer, AddsUpTheLanguageModelsWords) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallWordModel();
  const TextScorer scorer(
      vocabulary, &model, {},
      {.language_model_weight = 0.5f, .word_score = 0.25f, .unknown_character_score = -1.0f});
  // By hand from the ARPA file.
  EXPECT_NEAR(Score(scorer, vocabulary, ""), 0.5f * kLn10 * (-0.3f - 0.6f), 1e-4);
  EXPECT_NEAR(Score(scorer, vocabulary, "ab ba"), 0.5f * kLn10 * (-0.2f - 0.1f - 0.3f) + 2 * 0.25f,
              1e-4);
  EXPECT_NEAR(Score(scorer, vocabulary, "ba a"),
              0.5f * kLn10 * (-0.3f - 1.2f - 0.4f - 0.9f - 0.1f - 0.6f) + 2 * 0.25f, 1e-4);
  // An unknown word of three characters.
  EXPECT_NEAR(Score(scorer, vocabulary, "bbb"),
              0.5f * (kLn10 * (-0.3f - 2.0f - 0.6f) - 3.0f) + 0.25f, 1e-4);
}

TEST(TextScorer, AddsUpACharacterModel) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallCharacterModel();
  const TextScorer scorer(vocabulary, &model, {}, {.language_model_weight = 1, .word_score = 0});
  EXPECT_NEAR(Score(scorer, vocabulary, "ab a"),
              kLn10 * (-0.3f - 0.5f - 0.2f - 0.4f - 0.3f - 0.1f - 0.6f), 1e-4);
}

// The same texts in pieces score as they do in characters: words, spelling of unknown ones,
// hotwords.
TEST(TextScorer, PiecesAddUpToTheSame) {
  const Vocabulary characters = SmallVocabulary();
  const auto pieces = Vocabulary::FromPieces({PieceModel::kBpe,
                                              {" ", "a", "b", " a", " b", "ab", "bb", " ba"},
                                              {-9, -9, -9, -3, -4, -5, -1, -2}});
  ASSERT_TRUE(pieces.has_value());
  const LanguageModel words = testing::SmallWordModel();
  const LanguageModel letters = testing::SmallCharacterModel();
  const auto hotwords = ParseHotwords("ba a\n", "test", 1.5f);
  ASSERT_TRUE(hotwords.has_value());
  for (const LanguageModel* model : {&words, &letters}) {
    const TextScorer by_character(characters, model, *hotwords, {.language_model_weight = 0.5f});
    const TextScorer by_piece(*pieces, model, *hotwords, {.language_model_weight = 0.5f});
    for (const std::string text : {"", "a", "ab ba", "ba a", "a ba a b", "bbb ab", "abba"}) {
      EXPECT_NEAR(Score(by_piece, *pieces, text), Score(by_character, characters, text), 1e-4)
          << text;
    }
  }
}

TEST(TextScorer, PiecesHaveSingleSpacesBetweenWords) {
  const auto pieces = Vocabulary::FromPieces({PieceModel::kBpe, {" ", "a", " a"}, {-1, -1, -1}});
  const TextScorer scorer(*pieces, nullptr, {}, {});
  TextScorer::State state = scorer.Begin();
  EXPECT_TRUE(scorer.CanExtend(state, 3));
  EXPECT_TRUE(scorer.CanExtend(state, 1));
  scorer.Extend(state, 1, state);
  EXPECT_FALSE(scorer.CanExtend(state, 1));
  EXPECT_FALSE(scorer.CanExtend(state, 3));
  EXPECT_TRUE(scorer.CanExtend(state, 2));
  scorer.Extend(state, 2, state);
  EXPECT_TRUE(scorer.CanExtend(state, 3));
}

TEST(TextScorer, AWordUnderWayCountsAsTheBestItCanBecome) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallWordModel();
  const TextScorer scorer(
      vocabulary, &model, {},
      {.language_model_weight = 1, .word_score = 0, .unknown_character_score = -10});
  TextScorer::State state = scorer.Begin();
  EXPECT_NEAR(scorer.Extend(state, 3, state), kLn10 * -1.2f, 1e-4);             // b: ba is likelier
  EXPECT_NEAR(scorer.Extend(state, 3, state), kLn10 * (-2 + 1.2f) - 20, 1e-3);  // bb: unknown
}

TEST(TextScorer, WithoutAModelOnlyHotwordsCount) {
  const Vocabulary vocabulary = SmallVocabulary();
  const TextScorer scorer(vocabulary, nullptr, {{"ba", 2.0f}}, {.word_score = 0.25f});
  EXPECT_NEAR(Score(scorer, vocabulary, "ab ba a"), 4, 1e-6);
  EXPECT_NEAR(Score(scorer, vocabulary, "ab a"), 0, 1e-6);
  EXPECT_NEAR(Score(scorer, vocabulary, ""), 0, 1e-6);
}

TEST(TextScorer, AHotwordThatTheModelLacksIsAWordToIt) {
  const Vocabulary vocabulary = SmallVocabulary();
  const LanguageModel model = testing::SmallWordModel();
  const TextScorerOptions options{
      .language_model_weight = 1, .word_score = 0, .unknown_character_score = -5};
  const TextScorer plain(vocabulary, &model, {}, options);
  const TextScorer with(vocabulary, &model, {{"bbb", 1.0f}}, options);
  // Three characters no longer spelled, three times the boost.
  EXPECT_NEAR(Score(with, vocabulary, "bbb") - Score(plain, vocabulary, "bbb"), 15 + 3, 1e-3);
  EXPECT_NEAR(Score(with, vocabulary, "ab"), Score(plain, vocabulary, "ab"), 1e-4);
}

}  // namespace
}  // namespace masr

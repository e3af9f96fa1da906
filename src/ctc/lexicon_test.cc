#include "ctc/lexicon.h"

#include <gtest/gtest.h>

#include "ctc/testing/small_language_model.h"

namespace masr {
namespace {

// Lexicon::kNone where no word begins so.
int32_t Walk(const Lexicon& lexicon, std::string_view text) {
  int32_t node = Lexicon::kRoot;
  for (char c : text) {
    node = lexicon.Child(node, static_cast<uint8_t>(c));
    if (node == Lexicon::kNone) return node;
  }
  return node;
}

TEST(Lexicon, HasTheWordsAndTheirBeginnings) {
  const LanguageModel model = testing::SmallWordModel();
  const Lexicon lexicon(model, {});
  for (const char* word : {"a", "ab", "b", "ba"}) {
    ASSERT_NE(Walk(lexicon, word), Lexicon::kNone) << word;
    EXPECT_EQ(lexicon.word(Walk(lexicon, word)), model.Find(word));
  }
  EXPECT_EQ(lexicon.word(Lexicon::kRoot), Lexicon::kNone);
  for (const char* other : {"c", "aa", "abb", "bab", "<s>"}) {
    EXPECT_EQ(Walk(lexicon, other), Lexicon::kNone) << other;
  }
}

TEST(Lexicon, KnowsTheLikeliestWordOfABeginning) {
  const LanguageModel model = testing::SmallWordModel();
  const Lexicon lexicon(model, {});
  const auto unigram = [&](const char* word) { return model.UnigramScore(model.Find(word)); };
  EXPECT_EQ(lexicon.best(Lexicon::kRoot), unigram("a"));
  EXPECT_EQ(lexicon.best(Walk(lexicon, "a")), unigram("a"));
  EXPECT_EQ(lexicon.best(Walk(lexicon, "ab")), unigram("ab"));
  EXPECT_EQ(lexicon.best(Walk(lexicon, "b")), unigram("ba"));
}

TEST(Lexicon, ExtraWordsAreAsLikelyAsAnUnknownOne) {
  const LanguageModel model = testing::SmallWordModel();
  const std::vector<std::string> extra = {"ab", "abba", "z"};
  const Lexicon lexicon(model, extra);
  EXPECT_EQ(lexicon.word(Walk(lexicon, "ab")), model.Find("ab"));
  EXPECT_EQ(lexicon.word(Walk(lexicon, "abba")), kUnknownWord);
  EXPECT_EQ(lexicon.word(Walk(lexicon, "abb")), Lexicon::kNone);
  EXPECT_EQ(lexicon.best(Walk(lexicon, "z")), model.UnigramScore(kUnknownWord));
}

}  // namespace
}  // namespace masr

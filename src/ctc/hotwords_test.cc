#include "ctc/hotwords.h"

#include <gtest/gtest.h>

namespace masr {
namespace {

// What a whole text earns.
float Earned(const Hotwords& hotwords, std::string_view text) {
  Hotwords::State state;
  float sum = 0;
  for (char c : text) sum += hotwords.Extend(state, static_cast<uint8_t>(c), state);
  return sum + hotwords.Finish(state);
}

TEST(Hotwords, EarnOnceWholeAndOnlyThen) {
  const Hotwords hotwords({{"ada", 2.0f}});
  EXPECT_FLOAT_EQ(Earned(hotwords, "ada"), 6);
  EXPECT_FLOAT_EQ(Earned(hotwords, "ada "), 6);
  EXPECT_FLOAT_EQ(Earned(hotwords, "call ada now"), 6);
  EXPECT_FLOAT_EQ(Earned(hotwords, "ada ada"), 12);
  for (const char* text : {"", "ad", "ad ", "adam", "canada", "a da", "add ad"}) {
    EXPECT_FLOAT_EQ(Earned(hotwords, text), 0) << text;
  }
}

TEST(Hotwords, EarnAtOnceAndGiveBack) {
  const Hotwords hotwords({{"ada", 2.0f}});
  Hotwords::State state;
  EXPECT_FLOAT_EQ(hotwords.Extend(state, 'a', state), 2);
  EXPECT_FLOAT_EQ(hotwords.Extend(state, 'd', state), 2);
  EXPECT_FLOAT_EQ(hotwords.Extend(state, 'x', state), -4);
  EXPECT_FLOAT_EQ(hotwords.Extend(state, ' ', state), 0);
  EXPECT_FLOAT_EQ(hotwords.Extend(state, 'a', state), 2);
}

TEST(Hotwords, PhrasesOfSeveralWords) {
  const Hotwords hotwords({{"new york", 1.0f}, {"new york city", 1.0f}, {"york minster", 2.0f}});
  EXPECT_FLOAT_EQ(Earned(hotwords, "new york"), 8);
  EXPECT_FLOAT_EQ(Earned(hotwords, "new york city"), 13);
  // A longer phrase that fails leaves the shorter one what it earned.
  EXPECT_FLOAT_EQ(Earned(hotwords, "new york cider"), 8);
  EXPECT_FLOAT_EQ(Earned(hotwords, "new yorker"), 0);
  // What fails may end in the beginning of another phrase.
  EXPECT_FLOAT_EQ(Earned(hotwords, "old york minster"), 24);
  EXPECT_FLOAT_EQ(Earned(hotwords, "new new york"), 8);
}

TEST(Hotwords, APhraseWithinAnotherThatFailsKeepsItsOwn) {
  const Hotwords cities({{"new york city", 1.0f}, {"york", 2.0f}});
  EXPECT_FLOAT_EQ(Earned(cities, "new york times"), 8);
  EXPECT_FLOAT_EQ(Earned(cities, "new york"), 8);
  EXPECT_FLOAT_EQ(Earned(cities, "new york city"), 13);
  EXPECT_FLOAT_EQ(Earned(cities, "york york"), 16);
  const Hotwords bobs({{"bob", 1.0f}, {"bob bob x", 1.0f}});
  EXPECT_FLOAT_EQ(Earned(bobs, "bob bob y"), 6);
  EXPECT_FLOAT_EQ(Earned(bobs, "bob bob bob"), 9);
  EXPECT_FLOAT_EQ(Earned(bobs, "bob bob x"), 9);
}

TEST(Hotwords, PhrasesThatBeginAlikeHaveTheirOwnBoosts) {
  const Hotwords names({{"ada", 1.0f}, {"adam", 3.0f}});
  EXPECT_FLOAT_EQ(Earned(names, "ada"), 3);
  EXPECT_FLOAT_EQ(Earned(names, "adam"), 12);
  const Hotwords mixed({{"um", -3.0f}, {"umber", 5.0f}});
  EXPECT_FLOAT_EQ(Earned(mixed, "um yes"), -6);
  EXPECT_FLOAT_EQ(Earned(mixed, "umber"), 25);
}

TEST(Hotwords, ANegativeBoostHoldsBack) {
  const Hotwords hotwords({{"um", -3.0f}});
  EXPECT_FLOAT_EQ(Earned(hotwords, "um yes"), -6);
  EXPECT_FLOAT_EQ(Earned(hotwords, "umbrella"), 0);
}

TEST(Hotwords, CountCharactersNotBytes) {
  const Hotwords hotwords({{"\xC3\xA5sa", 2.0f}});
  EXPECT_FLOAT_EQ(Earned(hotwords, "\xC3\xA5sa"), 6);
}

// Long phrases cost in proportion to their length.
TEST(Hotwords, AVeryLongPhraseIsOne) {
  std::string phrase;
  for (int i = 0; i < 50000; ++i) phrase += i % 5 == 4 ? ' ' : 'a';
  phrase += 'b';
  const Hotwords hotwords({{phrase, 1e-3f}});
  EXPECT_NEAR(Earned(hotwords, phrase), 50.001, 0.1);
  EXPECT_NEAR(Earned(hotwords, phrase + "c"), 0, 0.1);
}

TEST(Hotwords, KnowTheirWords) {
  const Hotwords hotwords({{"york minster", 1.0f}, {"new york", 1.0f}});
  EXPECT_EQ(hotwords.words(), (std::vector<std::string>{"minster", "new", "york"}));
  EXPECT_TRUE(Hotwords({}).empty());
}

TEST(Hotwords, AreReadFromText) {
  const auto hotwords = ParseHotwords(
      "\xEF\xBB\xBF# names\nAda Lovelace\r\n\nDvo\xC5\x99\xC3\xA1k :2.5 \n", "names.txt", 1.5f);
  ASSERT_TRUE(hotwords.has_value()) << hotwords.error().message;
  ASSERT_EQ(hotwords->size(), 2u);
  EXPECT_EQ((*hotwords)[0].phrase, "ada lovelace");
  EXPECT_FLOAT_EQ((*hotwords)[0].boost, 1.5f);
  EXPECT_EQ((*hotwords)[1].phrase, "dvorak");
  EXPECT_FLOAT_EQ((*hotwords)[1].boost, 2.5f);
}

TEST(Hotwords, BadLinesAreNamed) {
  const auto error = [](const char* text) {
    const auto hotwords = ParseHotwords(text, "names.txt", 1);
    EXPECT_FALSE(hotwords.has_value());
    return hotwords.has_value() ? "" : hotwords.error().message;
  };
  EXPECT_EQ(
      error("ada\nbob :much\n"),
      "names.txt: line 2: \"much\" is not a boost; write \"phrase :1.5\", or the phrase alone");
  EXPECT_NE(error("ada :3e38\n"), "");
  EXPECT_NE(error("ada :nan\n"), "");
  EXPECT_EQ(error("ada\n!!\n"), "names.txt: line 2: a phrase without letters");
}

}  // namespace
}  // namespace masr

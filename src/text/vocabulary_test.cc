#include "text/vocabulary.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace masr {
namespace {

TEST(Vocabulary, EnglishHasTheBlankFirst) {
  const Vocabulary english = Vocabulary::English();
  EXPECT_EQ(english.size(), 29);
  EXPECT_EQ(english.token(Vocabulary::kBlank), "");
  EXPECT_EQ(english.token(1), " ");
  EXPECT_EQ(english.token(2), "'");
  EXPECT_EQ(english.token(3), "a");
  EXPECT_EQ(english.token(28), "z");
}

TEST(Vocabulary, EncodesAndDecodes) {
  const Vocabulary english = Vocabulary::English();
  EXPECT_EQ(*english.Encode("az '"), (std::vector<int32_t>{3, 28, 1, 2}));
  EXPECT_TRUE(english.Encode("")->empty());
  const std::string text = "the quick brown fox doesn't jump";
  EXPECT_EQ(english.Decode(*english.Encode(text)), text);
  EXPECT_EQ(english.Decode(std::vector<int32_t>{0, 3, 0, 0, 4, 0}), "ab");
  EXPECT_EQ(english.Decode({}), "");
}

TEST(Vocabulary, EncodeNamesTheCharacterAndItsPlace) {
  auto digit = Vocabulary::English().Encode("ab 7");
  ASSERT_FALSE(digit.has_value());
  EXPECT_EQ(digit.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(digit.error().message.find("\"7\", character 4 "), std::string::npos)
      << digit.error().message;
  EXPECT_FALSE(Vocabulary::English().Encode("A").has_value());
  // Places count characters, not bytes.
  auto vocabulary = Vocabulary::FromCharacters({"é", "😀"});
  EXPECT_EQ(*vocabulary->Encode("é😀é"), (std::vector<int32_t>{1, 2, 1}));
  EXPECT_NE(vocabulary->Encode("éé€").error().message.find("character 3 "), std::string::npos);
  EXPECT_FALSE(vocabulary->Encode("\xff").has_value());
}

TEST(Vocabulary, CharactersRoundTrip) {
  const std::vector<std::string> characters = {"b", "é", " "};
  auto vocabulary = Vocabulary::FromCharacters(characters);
  ASSERT_TRUE(vocabulary.has_value());
  EXPECT_EQ(vocabulary->characters(), characters);
  EXPECT_EQ(vocabulary->size(), 4);
}

TEST(Vocabulary, RefusesBadTokens) {
  for (const auto& bad : std::vector<std::vector<std::string>>{
           {}, {""}, {"ab"}, {"a", "\xff"}, {"\xc3"}, {"a", "b", "a"}, {"e\u0301"}}) {
    auto vocabulary = Vocabulary::FromCharacters(bad);
    ASSERT_FALSE(vocabulary.has_value());
    EXPECT_EQ(vocabulary.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_NE(Vocabulary::FromCharacters({"a", "b", "a"}).error().message.find("tokens 1 and 3"),
            std::string::npos);
}

}  // namespace
}  // namespace masr

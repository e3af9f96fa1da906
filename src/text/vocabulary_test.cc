#include "text/vocabulary.h"

#include <gtest/gtest.h>

#include <limits>
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

// Scores by which "the" has three spellings in each model.
TextPieces SmallPieces(PieceModel model) {
  return {model,
          {" ", "t", "h", "e", " t", "he", " the", "é", " a"},
          {-5, -4, -4, -3, -3.5f, -3, -9, -4, -2}};
}

TEST(VocabularyOfPieces, TheBestSumOfScoresSpellsAWord) {
  const auto vocabulary = Vocabulary::FromPieces(SmallPieces(PieceModel::kUnigram));
  ASSERT_TRUE(vocabulary.has_value()) << vocabulary.error().message;
  EXPECT_EQ(vocabulary->size(), 10);
  EXPECT_TRUE(vocabulary->has_pieces());
  // " t" + "he" at -6.5 before " the" at -9.
  EXPECT_EQ(*vocabulary->Encode("the"), (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(*vocabulary->Encode("a the"), (std::vector<int32_t>{9, 5, 6}));
  EXPECT_FALSE(vocabulary->Encode("ta").has_value()) << "no piece has an inner a";
}

TEST(VocabularyOfPieces, JoinsTheBestNeighboursFirst) {
  TextPieces pieces = SmallPieces(PieceModel::kBpe);
  auto vocabulary = Vocabulary::FromPieces(pieces);
  ASSERT_TRUE(vocabulary.has_value()) << vocabulary.error().message;
  // "he" at -3, then " t" at -3.5, then all at -9.
  EXPECT_EQ(*vocabulary->Encode("the"), (std::vector<int32_t>{7}));
  EXPECT_EQ(*vocabulary->Encode("thhe"), (std::vector<int32_t>{5, 3, 6}));
  // Neighbours that are equally good: those on the left.
  pieces = {PieceModel::kBpe, {" ", "a", "b", "ab", "ba"}, {-9, -9, -9, -1, -1}};
  vocabulary = Vocabulary::FromPieces(pieces);
  EXPECT_EQ(*vocabulary->Encode("aba"), (std::vector<int32_t>{1, 4, 2}));
}

TEST(VocabularyOfPieces, DecodesWithoutTheFirstSpace) {
  const auto vocabulary = Vocabulary::FromPieces(SmallPieces(PieceModel::kUnigram));
  EXPECT_EQ(vocabulary->Decode(*vocabulary->Encode("the  é a ")), "the é a");
  EXPECT_EQ(vocabulary->Decode(std::vector<int32_t>{0, 6, 0, 9}), "he a");
  EXPECT_TRUE(vocabulary->Encode("")->empty());
  EXPECT_TRUE(vocabulary->Encode(" ")->empty());
}

TEST(VocabularyOfPieces, EncodeNamesTheCharacterAndItsPlace) {
  for (const PieceModel model : {PieceModel::kUnigram, PieceModel::kBpe}) {
    const auto vocabulary = Vocabulary::FromPieces(SmallPieces(model));
    const auto digit = vocabulary->Encode("the t7e");
    ASSERT_FALSE(digit.has_value());
    EXPECT_NE(digit.error().message.find("\"7\", character 6 "), std::string::npos)
        << digit.error().message;
  }
}

TEST(VocabularyOfPieces, RefusesBadPieces) {
  const TextPieces bad[] = {
      {PieceModel::kBpe, {}, {}},
      {PieceModel::kBpe, {"a", "b"}, {-1}},
      {PieceModel::kBpe, {"a", ""}, {-1, -1}},
      {PieceModel::kBpe, {"a", "a b"}, {-1, -1}},
      {PieceModel::kBpe, {"a", "b "}, {-1, -1}},
      {PieceModel::kBpe, {"a", "a"}, {-1, -1}},
      {PieceModel::kBpe, {"\xff"}, {-1}},
      {PieceModel::kBpe, {"a"}, {std::numeric_limits<float>::infinity()}},
  };
  for (const TextPieces& pieces : bad) EXPECT_FALSE(Vocabulary::FromPieces(pieces).has_value());
}

}  // namespace
}  // namespace masr

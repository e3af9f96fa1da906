#include "lm/arpa.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace masr {
namespace {

constexpr std::string_view kSmall =
    "made by hand\n"
    "\\data\\\n"
    "ngram 1=4\n"
    "ngram 2=2\n"
    "\n"
    "\\1-grams:\n"
    "-1.5\t<unk>\n"
    "-99\t<s>\t-0.25\n"
    "-0.5\t</s>\n"
    "-0.75\thello\t-0.125\n"
    "\n"
    "\\2-grams:\n"
    "-0.25\t<s> hello\n"
    "-0.0625 hello </s>\r\n"
    "\n"
    "\\end\\\n";

// The small file with one part replaced.
std::string With(std::string_view part, std::string_view replacement) {
  std::string text(kSmall);
  const size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.replace(at, part.size(), replacement);
}

std::string ErrorOf(const std::string& text) {
  const auto model = ParseArpa(text, "lm.arpa");
  EXPECT_FALSE(model.has_value()) << text;
  return model.has_value() ? "" : model.error().message;
}

TEST(Arpa, ReadsWhatToolkitsWrite) {
  const auto model = ParseArpa(kSmall, "lm.arpa");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->words, (std::vector<std::string>{"<unk>", "<s>", "</s>", "hello"}));
  ASSERT_EQ(model->order(), 2);
  EXPECT_EQ(model->orders[1].words, (std::vector<int32_t>{1, 3, 3, 2}));
  EXPECT_EQ(model->orders[1].log10_probability, (std::vector<float>{-0.25f, -0.0625f}));
  EXPECT_EQ(model->orders[0].log10_backoff, (std::vector<float>{0, -0.25f, 0, -0.125f}));
  // By hand: p(hello | <s>), then p(<unk> | hello) by backing off.
  const std::vector<int32_t> begin = {kBeginWord};
  const std::vector<int32_t> hello = {kBeginWord, 3};
  EXPECT_DOUBLE_EQ(Log10Probability(*model, begin, 3), -0.25);
  EXPECT_DOUBLE_EQ(Log10Probability(*model, hello, kUnknownWord), -0.125 - 1.5);
}

TEST(Arpa, WordsMayComeInAnyOrderAndUnkInCapitalsOrNotAtAll) {
  const auto capitals = ParseArpa(With("<unk>", "<UNK>"), "lm.arpa");
  ASSERT_TRUE(capitals.has_value());
  EXPECT_EQ(capitals->orders[0].log10_probability[kUnknownWord], -1.5f);
  const auto within = ParseArpa(With("<s> hello", "<s> <UNK>"), "lm.arpa");
  ASSERT_TRUE(within.has_value()) << within.error().message;
  EXPECT_EQ(within->orders[1].words, (std::vector<int32_t>{1, 0, 3, 2}));
  const auto without = ParseArpa(With("-1.5\t<unk>\n", "-1.5\tworld\n"), "lm.arpa");
  ASSERT_TRUE(without.has_value());
  EXPECT_EQ(without->orders[0].log10_probability[kUnknownWord], -100.0f);
  EXPECT_EQ(without->orders[0].size(), 5);
}

TEST(Arpa, MinusInfinityIsAProbabilityOfNothing) {
  const auto model = ParseArpa(With("-0.0625 hello", "-inf hello"), "lm.arpa");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->orders[1].log10_probability[1], -100.0f);
}

TEST(Arpa, RefusesWithTheLine) {
  EXPECT_EQ(ErrorOf(""), "lm.arpa: line 0: there is no line \\data\\: this is not an ARPA file");
  EXPECT_EQ(ErrorOf("\\data\\\nngram 1=1\n"), "lm.arpa: line 2: the file ends after \\data\\");
  EXPECT_EQ(ErrorOf("\\data\\\n\\1-grams:\n"), "lm.arpa: line 2: \\data\\ announces no n-grams");
  EXPECT_EQ(ErrorOf(With("ngram 2=2", "ngram 3=2")),
            "lm.arpa: line 4: the orders should be 1, 2, 3, ...");
  EXPECT_EQ(ErrorOf(With("ngram 2=2", "ngram 2=-2")),
            "lm.arpa: line 4: expected \"ngram ORDER=COUNT\"");
  EXPECT_EQ(ErrorOf(With("ngram 2=2", "ngram 2=3")),
            "lm.arpa: line 16: 2 2-grams, but \\data\\ announces 3");
  EXPECT_EQ(ErrorOf(With("ngram 2=2", "ngram 2=1")),
            "lm.arpa: line 14: more 2-grams than the 1 that \\data\\ announces");
  EXPECT_EQ(ErrorOf(With("\\2-grams:", "\\3-grams:")), "lm.arpa: line 12: expected \\2-grams:");
  EXPECT_EQ(ErrorOf(With("-0.25\t<s> hello", "-0.25\t<s> hullo")),
            "lm.arpa: line 13: \"hullo\" is not among the unigrams");
  EXPECT_EQ(ErrorOf(With("-0.25\t<s> hello", "-0.25\t<s>")),
            "lm.arpa: line 13: expected a probability, 2 words and perhaps a back-off weight");
  EXPECT_EQ(ErrorOf(With("-0.25\t<s> hello", "0.25\t<s> hello")),
            "lm.arpa: line 13: a log10 probability above 0");
  EXPECT_EQ(ErrorOf(With("-0.25\t<s> hello", "nan\t<s> hello")),
            "lm.arpa: line 13: the log10 probability \"nan\" is not a number up to 100");
  EXPECT_EQ(ErrorOf(With("-0.125\n", "1e99\n")),
            "lm.arpa: line 10: the log10 back-off weight \"1e99\" is not a number up to 100");
  EXPECT_EQ(ErrorOf(With("-0.75\thello", "-0.75\t<unk>")),
            "lm.arpa: line 10: \"<unk>\" comes twice");
  EXPECT_EQ(ErrorOf(With("hello </s>", "<s> hello")),
            "lm.arpa: line 14: an n-gram that the file has already");
  EXPECT_EQ(ErrorOf(With("\\end\\\n", "")),
            "lm.arpa: line 15: the file ends within \\2-grams: (no \\end\\): is it whole?");
  EXPECT_EQ(ErrorOf(With("-0.5\t</s>", "-0.5\tworld")),
            "lm.arpa: line 14: \"</s>\" is not among the unigrams");
  EXPECT_EQ(ErrorOf("\\data\\\nngram 1=1\n\\1-grams:\n-1\ta\n\\end\\\n"),
            "lm.arpa: there is no unigram <s>; train with sentence boundaries");
}

TEST(Arpa, WritesWhatItReadsBack) {
  for (const char* name : {"kenlm3.arpa", "kenlm4_pruned.arpa"}) {
    const auto model = ReadArpa(std::string(MASR_SOURCE_DIR "/src/lm/testdata/") + name);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    const std::string path = ::testing::TempDir() + "/again.arpa";
    ASSERT_TRUE(WriteArpa(*model, path).has_value());
    const auto again = ReadArpa(path);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->words, model->words);
    for (int i = 0; i < model->order(); ++i) {
      const auto o = static_cast<size_t>(i);
      EXPECT_EQ(again->orders[o].words, model->orders[o].words);
      EXPECT_EQ(again->orders[o].log10_probability, model->orders[o].log10_probability);
      EXPECT_EQ(again->orders[o].log10_backoff, model->orders[o].log10_backoff);
    }
  }
}

TEST(Arpa, AMissingFileIsNamed) {
  const auto model = ReadArpa("/nowhere/lm.arpa");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, ErrorCode::kNotFound);
  EXPECT_NE(model.error().message.find("/nowhere/lm.arpa"), std::string::npos);
}

}  // namespace
}  // namespace masr

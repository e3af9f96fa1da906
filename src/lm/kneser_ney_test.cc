#include "lm/kneser_ney.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "lm/arpa.h"

namespace masr {
namespace {

const std::string kData = MASR_SOURCE_DIR "/src/lm/testdata/";

TrainingText ReadText() {
  TrainingText text;
  std::ifstream file(kData + "text.txt");
  EXPECT_TRUE(file.is_open());
  for (std::string line; std::getline(file, line);) {
    EXPECT_TRUE(text.AddSentence(line).has_value());
  }
  return text;
}

NgramModel Estimate(const TrainingText& text, const KneserNeyOptions& options) {
  auto model = EstimateKneserNey(text, options);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return model.has_value() ? std::move(*model) : NgramModel{};
}

// The sum of p(word | context) over all words that can follow.
double TotalProbability(const NgramModel& model, std::span<const int32_t> context) {
  double sum = 0;
  for (int32_t word = 0; word < static_cast<int32_t>(model.words.size()); ++word) {
    if (word != kBeginWord) sum += std::pow(10.0, Log10Probability(model, context, word));
  }
  return sum;
}

TEST(KneserNey, EstimatesWhatKenLmDoes) {
  const NgramModel ours = Estimate(ReadText(), {.order = 3});
  auto theirs = ReadArpa(kData + "kenlm3.arpa");
  ASSERT_TRUE(theirs.has_value()) << theirs.error().message;
  SortWords(*theirs);
  EXPECT_EQ(ours.words, theirs->words);
  ASSERT_EQ(ours.order(), theirs->order());
  for (size_t o = 0; o < ours.orders.size(); ++o) {
    ASSERT_EQ(ours.orders[o].words, theirs->orders[o].words);
    for (size_t i = 0; i < ours.orders[o].log10_probability.size(); ++i) {
      // KenLM prints eight digits of floats.
      ASSERT_NEAR(ours.orders[o].log10_probability[i], theirs->orders[o].log10_probability[i], 2e-6)
          << "order " << o + 1 << " entry " << i;
      ASSERT_NEAR(ours.orders[o].log10_backoff[i], theirs->orders[o].log10_backoff[i], 2e-6)
          << "order " << o + 1 << " entry " << i;
    }
  }
}

TEST(KneserNey, ProbabilitiesOfEveryContextSumToOne) {
  for (int order : {1, 2, 3, 5}) {
    const NgramModel model = Estimate(ReadText(), {.order = order, .discount_fallback = order > 3});
    EXPECT_NEAR(TotalProbability(model, {}), 1, 1e-5);
    for (size_t o = 1; o < model.orders.size(); ++o) {
      for (int64_t entry = 0; entry < model.orders[o - 1].size(); entry += 17) {
        const auto context =
            std::span(model.orders[o - 1].words).subspan(static_cast<size_t>(entry) * o, o);
        if (context.back() == kEndWord) continue;
        EXPECT_NEAR(TotalProbability(model, context), 1, 1e-5) << "order " << order;
      }
    }
  }
}

TEST(KneserNey, AWordListAddsItsShareToTheUnigrams) {
  const NgramModel plain = Estimate(ReadText(), {.order = 2});
  const NgramModel mixed = Estimate(
      ReadText(), {.order = 2, .word_list = {{"ba", 1}, {"zebra", 3}}, .word_list_share = 0.2});
  EXPECT_EQ(mixed.words.size(), plain.words.size() + 1);
  const auto unigram = [](const NgramModel& model, const std::string& word) {
    const auto found = std::find(model.words.begin(), model.words.end(), word);
    return std::pow(
        10.0,
        static_cast<double>(
            model.orders[0].log10_probability[static_cast<size_t>(found - model.words.begin())]));
  };
  EXPECT_NEAR(unigram(mixed, "zebra"), 0.2 * 0.75, 1e-6);
  EXPECT_NEAR(unigram(mixed, "ba"), 0.2 * 0.25 + 0.8 * unigram(plain, "ba"), 1e-6);
  const std::vector<int32_t> context = {kBeginWord};
  EXPECT_NEAR(TotalProbability(mixed, context), 1, 1e-5);
}

TEST(KneserNey, RareWordsBecomeUnknown) {
  TrainingText text = ReadText();
  const size_t before = text.words().size();
  text.ReplaceRareWords(2);
  EXPECT_LT(text.words().size(), before);
  const NgramModel model = Estimate(text, {.order = 2, .discount_fallback = true});
  EXPECT_EQ(model.words.size(), text.words().size());
  const std::vector<int32_t> context = {kBeginWord};
  EXPECT_NEAR(TotalProbability(model, context), 1, 1e-5);
  // Seen in the text now, it is likelier than a word never seen.
  EXPECT_GT(model.orders[0].log10_probability[kUnknownWord],
            Estimate(ReadText(), {.order = 2}).orders[0].log10_probability[kUnknownWord]);
}

TEST(KneserNey, SaysWhyItCannot) {
  const auto error = [](const TrainingText& text, const KneserNeyOptions& options) {
    const auto model = EstimateKneserNey(text, options);
    EXPECT_FALSE(model.has_value());
    return model.has_value() ? "" : model.error().message;
  };
  EXPECT_EQ(error({}, {}), "there is no text");
  EXPECT_EQ(error(ReadText(), {.order = 7}), "the order is between 1 and 6");
  TrainingText tiny;
  ASSERT_TRUE(tiny.AddSentence("one two one two").has_value());
  EXPECT_EQ(error(tiny, {.order = 2}),
            "the text is too small or too repetitive to estimate the discounts of its 1-grams; "
            "give more text, a lower order, or allow fixed discounts");
  EXPECT_TRUE(EstimateKneserNey(tiny, {.order = 2, .discount_fallback = true}).has_value());
  EXPECT_EQ(tiny.AddSentence("a </s> b").error().message,
            "the text holds \"</s>\"; take the markers out");
  EXPECT_EQ(tiny.sentences(), 1);
  EXPECT_TRUE(tiny.AddSentence("  \t ").has_value());
  EXPECT_EQ(tiny.sentences(), 1);
}

}  // namespace
}  // namespace masr

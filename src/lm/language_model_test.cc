#include "lm/language_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <sstream>

#include "io/file.h"
#include "lm/arpa.h"
#include "lm/kneser_ney.h"
#include "lm/prune.h"

namespace masr {
namespace {

const std::string kData = MASR_SOURCE_DIR "/src/lm/testdata/";

NgramModel Read(const std::string& name) {
  auto model = ReadArpa(kData + name);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  SortWords(*model);
  return std::move(*model);
}

LanguageModel Compact(const NgramModel& model, bool quantize) {
  auto compact = LanguageModel::FromNgrams(model, LanguageModelUnit::kWord, quantize);
  EXPECT_TRUE(compact.has_value()) << compact.error().message;
  return std::move(*compact);
}

// log10 p(sentence </s> | <s>).
double SentenceScore(const LanguageModel& model, const std::string& sentence) {
  std::istringstream words(sentence);
  LanguageModel::State state = model.Begin();
  double sum = 0;
  for (std::string word; words >> word;) sum += model.Score(state, model.Find(word), state);
  sum += model.Score(state, kEndWord, state);
  return sum / std::numbers::ln10;
}

std::vector<std::string> Lines(const std::string& name) {
  std::ifstream file(kData + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

double Perplexity(const LanguageModel& model) {
  double sum = 0;
  int64_t words = 0;
  for (const std::string& line : Lines("text.txt")) {
    sum += SentenceScore(model, line);
    words += std::count(line.begin(), line.end(), ' ') + 2;
  }
  return std::pow(10.0, -sum / static_cast<double>(words));
}

TEST(LanguageModel, ScoresSentencesAsKenLmDoes) {
  std::ifstream file(kData + "kenlm_scores.json");
  const auto golden = nlohmann::json::parse(file);
  const auto sentences = golden["sentences"].get<std::vector<std::string>>();
  for (const char* name : {"kenlm3.arpa", "kenlm4_pruned.arpa"}) {
    const LanguageModel model = Compact(Read(name), false);
    const auto scores = golden[name].get<std::vector<double>>();
    ASSERT_EQ(scores.size(), sentences.size());
    for (size_t i = 0; i < sentences.size(); ++i) {
      EXPECT_NEAR(SentenceScore(model, sentences[i]), scores[i], 1e-4) << sentences[i];
    }
  }
}

TEST(LanguageModel, AgreesWithTheOpenModelEverywhere) {
  for (const char* name : {"kenlm3.arpa", "kenlm4_pruned.arpa"}) {
    const NgramModel open = Read(name);
    const LanguageModel compact = Compact(open, false);
    ASSERT_EQ(compact.order(), open.order());
    for (int32_t first = 0; first < compact.words(); first += 5) {
      if (first == kEndWord) continue;
      for (int32_t second = 3; second < compact.words(); second += 3) {
        LanguageModel::State state = compact.Begin();
        std::vector<int32_t> context = {kBeginWord};
        for (int32_t word : {first, second}) {
          if (word == kBeginWord) continue;
          compact.Score(state, word, state);
          context.push_back(word);
        }
        for (int32_t word = 0; word < compact.words(); ++word) {
          LanguageModel::State next;
          ASSERT_NEAR(compact.Score(state, word, next) / std::numbers::ln10,
                      Log10Probability(open, context, word), 1e-4)
              << name << " " << first << " " << second << " " << word;
        }
      }
    }
  }
}

TEST(LanguageModel, GivesANgramTheBeginningThatItLacks) {
  // "a b a" without "a b": a decoder that goes word by word could never reach it.
  NgramModel open = EmptyNgramModel(3);
  open.words.insert(open.words.end(), {"a", "b"});
  open.orders[0] = {{0, 1, 2, 3, 4}, {-1, -99, -1, -0.5f, -0.75f}, {0, -0.1f, 0, -0.2f, -0.3f}};
  open.orders[1] = {{4, 3}, {-0.25f}, {-0.05f}};
  open.orders[2] = {{3, 4, 3}, {-0.0625f}, {0}};
  const LanguageModel compact = Compact(open, false);
  EXPECT_EQ(compact.ngrams(2), 2);
  LanguageModel::State state = LanguageModel::NoContext();
  compact.Score(state, 3, state);
  EXPECT_NEAR(compact.Score(state, 4, state) / std::numbers::ln10, -0.2 - 0.75, 1e-5);
  EXPECT_NEAR(compact.Score(state, 3, state) / std::numbers::ln10, -0.0625, 1e-5);
  EXPECT_NEAR(Log10Probability(open, std::vector<int32_t>{3, 4}, 3), -0.0625, 1e-6);
}

// More words than 16 bits count, and unigrams of more values than a table has.
NgramModel ManyWords(int32_t count) {
  NgramModel open = EmptyNgramModel(2);
  double sum = 0;
  for (int32_t w = 0; w < count; ++w) sum += 1.0 / (w + 1);
  for (int32_t w = 0; w < count; ++w) {
    if (w >= 3) open.words.push_back("w" + std::to_string(w));
    open.orders[0].words.push_back(w);
    open.orders[0].log10_probability.push_back(
        w == kBeginWord ? -99.0f : static_cast<float>(std::log10(1 / ((w + 1) * sum))));
    open.orders[0].log10_backoff.push_back(-0.1f);
  }
  open.orders[1] = {{3, 4, 3, count - 1}, {-0.5f, -0.25f}, {0, 0}};
  return open;
}

TEST(LanguageModel, HoldsMoreWordsThan16BitsCount) {
  const LanguageModel model = Compact(ManyWords(70000), true);
  EXPECT_EQ(model.words(), 70000);
  LanguageModel::State state = LanguageModel::NoContext();
  model.Score(state, model.Find("w3"), state);
  LanguageModel::State next;
  EXPECT_NEAR(model.Score(state, model.Find("w69999"), next) / std::numbers::ln10, -0.25, 1e-5);
  const std::string path = ::testing::TempDir() + "/many.lm";
  ASSERT_TRUE(model.Save(path, {}).has_value());
  const auto again = LanguageModel::Open(path);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->Score(state, again->Find("w69999"), next),
            model.Score(state, model.Find("w69999"), next));
}

TEST(LanguageModel, QuantisingLeavesUnigramsExact) {
  const LanguageModel model = Compact(ManyWords(3000), true);
  double sum = 0;
  for (int32_t word = 0; word < model.words(); ++word) {
    if (word != kBeginWord) sum += std::exp(static_cast<double>(model.UnigramScore(word)));
  }
  double harmonic = 0;
  for (int w = 1; w <= 3000; ++w) harmonic += 1.0 / w;
  EXPECT_NEAR(sum, 1 - 0.5 / harmonic, 1e-4);  // all but <s>
}

TEST(LanguageModel, OrdersThatNothingIsInAreDropped) {
  NgramModel open = Read("kenlm3.arpa");
  open.orders.emplace_back();
  const std::string path = ::testing::TempDir() + "/empty_order.lm";
  ASSERT_TRUE(Compact(open, true).Save(path, {}).has_value());
  const auto model = LanguageModel::Open(path);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->order(), 3);
}

TEST(LanguageModel, QuantisingCostsLittle) {
  const NgramModel open = Read("kenlm3.arpa");
  const double exact = Perplexity(Compact(open, false));
  const double quantised = Perplexity(Compact(open, true));
  EXPECT_NEAR(quantised / exact, 1, 0.01);
}

TEST(LanguageModel, PruningTakesTheLeastUsefulAndKeepsSumsOfOne) {
  NgramModel open = Read("kenlm3.arpa");
  const double full = Perplexity(Compact(open, false));
  const int64_t before = open.orders[1].size() + open.orders[2].size();
  PruneByEntropy(open, 3e-4);
  const int64_t after = open.orders[1].size() + open.orders[2].size();
  EXPECT_LT(after, before / 2);
  EXPECT_GT(after, 0);
  const double pruned = Perplexity(Compact(open, false));
  EXPECT_GT(pruned, full);
  EXPECT_LT(pruned, 3 * full);
  for (size_t length : {size_t{1}, size_t{2}}) {
    const Ngrams& contexts = open.orders[length - 1];
    for (int64_t entry = 0; entry < contexts.size(); ++entry) {
      const auto context =
          std::span(contexts.words).subspan(static_cast<size_t>(entry) * length, length);
      if (context.back() == kEndWord) continue;
      double sum = 0;
      for (int32_t word = 0; word < static_cast<int32_t>(open.words.size()); ++word) {
        if (word != kBeginWord) sum += std::pow(10.0, Log10Probability(open, context, word));
      }
      EXPECT_NEAR(sum, 1, 1e-3) << length << " words, entry " << entry;
    }
  }
  PruneByEntropy(open, 1e9);
  EXPECT_EQ(open.order(), 1);
}

TEST(LanguageModel, IsReadFromItsFileAsItWas) {
  const std::string path = ::testing::TempDir() + "/test.lm";
  for (bool quantize : {false, true}) {
    const LanguageModel model = Compact(Read("kenlm4_pruned.arpa"), quantize);
    ASSERT_TRUE(model.Save(path, {{"licence", "none"}}).has_value());
    const auto again = LanguageModel::Open(path);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->order(), 4);
    EXPECT_EQ(again->metadata().at("licence"), "none");
    EXPECT_EQ(again->unit(), LanguageModelUnit::kWord);
    for (int32_t word = 0; word < model.words(); ++word)
      EXPECT_EQ(again->word(word), model.word(word));
    for (const std::string& line : Lines("text.txt")) {
      EXPECT_EQ(SentenceScore(*again, line), SentenceScore(model, line));
    }
  }
}

TEST(LanguageModel, OpensArpaFilesToo) {
  const auto model = LanguageModel::Open(kData + "kenlm3.arpa");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(SentenceScore(*model, "ba di"),
            SentenceScore(Compact(Read("kenlm3.arpa"), false), "ba di"));
}

TEST(LanguageModel, FindsEveryWordAndNoOther) {
  const LanguageModel model = Compact(Read("kenlm3.arpa"), true);
  for (int32_t word = 0; word < model.words(); ++word)
    EXPECT_EQ(model.Find(model.word(word)), word);
  for (const char* word : {"", "b", "baa", "zzz", "~"}) EXPECT_EQ(model.Find(word), kUnknownWord);
}

// Every seventh byte of the file changed: an error or a model that can be asked anything, never a
// crash.
TEST(LanguageModel, SurvivesDamage) {
  const std::string path = ::testing::TempDir() + "/damaged.lm";
  ASSERT_TRUE(Compact(Read("kenlm4_pruned.arpa"), true).Save(path, {}).has_value());
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.has_value());
  const std::vector<uint8_t> whole(file->bytes().begin(), file->bytes().end());
  int64_t refused = 0;
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::vector<uint8_t> bytes(whole);
    bytes[at] ^= 0xFF;
    const auto model = LanguageModel::Parse(bytes);
    refused += model.has_value() ? 0 : 1;
    if (!model.has_value()) continue;
    LanguageModel::State state = model->Begin();
    for (int32_t word = 0; word < model->words(); word += 11) model->Score(state, word, state);
  }
  EXPECT_GT(refused, 100);
  for (size_t size : {size_t{0}, size_t{7}, whole.size() / 2, whole.size() - 1}) {
    EXPECT_FALSE(LanguageModel::Parse(std::span(whole).first(size)).has_value());
  }
}

}  // namespace
}  // namespace masr

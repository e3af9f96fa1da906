#include <charconv>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numbers>

#include "command.h"
#include "io/file.h"
#include "io/text_lines.h"
#include "lm/arpa.h"
#include "lm/kneser_ney.h"
#include "lm/language_model.h"
#include "lm/prune.h"
#include "text/normalizer.h"

namespace masr::cli {
namespace {

constexpr const char* kCharacterUnit = "character";

// Calls `use` with each line, as the language model's words, and its number.
Status ForEachSentence(const std::string& path, bool characters,
                       const std::function<Status(const std::string&)>& use) {
  MASR_TRY(const MappedFile file, MappedFile::Open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                              file.bytes().size());
  for (const TextLine& line : SplitLines(text)) {
    std::string sentence = NormalizeEnglish(line.text);
    if (characters) {
      std::string spaced;
      for (const std::string& point : SplitCodePoints(sentence)) {
        if (!spaced.empty()) spaced += ' ';
        spaced += point == " " ? std::string(LanguageModel::kSpace) : point;
      }
      sentence.swap(spaced);
    }
    if (Status status = use(sentence); !status.has_value()) {
      return Fail(path + ": line " + std::to_string(line.number), std::move(status.error()));
    }
  }
  return {};
}

// "word" or "word COUNT" a line.
Result<std::vector<WeightedWord>> ReadWordList(const std::string& path) {
  MASR_TRY(const std::string text, ReadTextFile(path));
  std::vector<WeightedWord> words;
  for (const TextLine& numbered : SplitLines(text)) {
    const std::string_view line = numbered.text;
    WeightedWord listed;
    const size_t space = line.find_first_of(" \t");
    listed.word = NormalizeEnglish(line.substr(0, space));
    bool valid = !listed.word.empty() && listed.word.find(' ') == std::string::npos;
    if (space != std::string_view::npos) {
      const std::string_view digits = line.substr(space + 1);
      const auto [stop, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), listed.weight);
      valid = valid && error == std::errc() && stop == digits.data() + digits.size() &&
              std::isfinite(listed.weight) && listed.weight > 0;
    }
    if (!valid) {
      return Fail(ErrorCode::kInvalidArgument, path + ": line " + std::to_string(numbered.number) +
                                                   ": expected a word and, perhaps, " +
                                                   "how often it is said");
    }
    words.push_back(std::move(listed));
  }
  return words;
}

struct OutputOptions {
  double prune = 0;
  bool exact = false;
  std::string arpa;
  std::string out;
  std::vector<std::string> metadata;
};

void AddOutputOptions(CLI::App& app, OutputOptions& options) {
  app.add_option("--prune", options.prune,
                 "Drop n-grams without which perplexity grows by less than this share (1e-8, say)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--exact", options.exact, "Keep 32 bits per number instead of 8");
  app.add_option("--arpa", options.arpa, "Also write an ARPA file");
  app.add_option("--metadata", options.metadata, "KEY=VALUE kept in the file: provenance, licence");
  app.add_option("--out", options.out, "Language model file to write")->required();
}

Json NgramCounts(const LanguageModel& model) {
  Json ngrams = Json::array();
  for (int order = 1; order <= model.order(); ++order) ngrams.push_back(model.ngrams(order));
  return ngrams;
}

using Metadata = std::map<std::string, std::string>;

Status WriteModel(NgramModel open, LanguageModelUnit unit, const Metadata& metadata,
                  const OutputOptions& options, const CommonOptions& common) {
  if (options.prune > 0) PruneByEntropy(open, options.prune);
  if (!options.arpa.empty()) MASR_RETURN_IF_ERROR(WriteArpa(open, options.arpa));
  MASR_TRY(const LanguageModel model,
           LanguageModel::FromNgrams(std::move(open), unit, !options.exact));

  MASR_RETURN_IF_ERROR(model.Save(options.out, metadata));
  if (common.json) {
    PrintJson({{"out", options.out}, {"ngrams", NgramCounts(model)}});
    return {};
  }
  std::printf("%s: ", options.out.c_str());
  for (int order = 1; order <= model.order(); ++order) {
    std::printf("%s%lld %d-grams", order > 1 ? ", " : "",
                static_cast<long long>(model.ngrams(order)), order);
  }
  std::printf("\n");
  return {};
}

struct TrainOptions {
  CommonOptions common;
  std::vector<std::string> texts;
  std::string unit = "word";
  int64_t min_count = 1;
  bool discount_fallback = false;
  int order = 3;
  std::string words;
  double words_share = 0.1;
  OutputOptions output;
};

Status RunTrain(const TrainOptions& options) {
  const bool characters = options.unit == kCharacterUnit;
  if (characters && !options.words.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--words has no place in a model of characters");
  }
  MASR_TRY(const Metadata metadata, ParseMetadata(options.output.metadata));
  TrainingText text;
  for (const std::string& path : options.texts) {
    MASR_RETURN_IF_ERROR(ForEachSentence(
        path, characters, [&](const std::string& sentence) { return text.AddSentence(sentence); }));
  }
  if (options.min_count > 1) text.ReplaceRareWords(options.min_count);
  KneserNeyOptions kneser_ney{.order = options.order,
                              .discount_fallback = options.discount_fallback};
  if (!options.words.empty()) {
    MASR_TRY(kneser_ney.word_list, ReadWordList(options.words));
    kneser_ney.word_list_share = options.words_share;
  }
  MASR_TRY(NgramModel model, EstimateKneserNey(text, kneser_ney));
  return WriteModel(std::move(model),
                    characters ? LanguageModelUnit::kCharacter : LanguageModelUnit::kWord, metadata,
                    options.output, options.common);
}

struct ConvertOptions {
  CommonOptions common;
  std::string in;
  std::string unit = "word";
  OutputOptions output;
};

Status RunConvert(const ConvertOptions& options) {
  MASR_TRY(const Metadata metadata, ParseMetadata(options.output.metadata));
  MASR_TRY(NgramModel model, ReadArpa(options.in));
  return WriteModel(
      std::move(model),
      options.unit == kCharacterUnit ? LanguageModelUnit::kCharacter : LanguageModelUnit::kWord,
      metadata, options.output, options.common);
}

struct ScoreOptions {
  CommonOptions common;
  std::string model;
  std::string text;
};

Status RunScore(const ScoreOptions& options) {
  MASR_TRY(const LanguageModel model, LanguageModel::Open(options.model));
  double ln_probability = 0;
  int64_t words = 0;
  int64_t unknown = 0;
  int64_t sentences = 0;
  const bool characters = model.unit() == LanguageModelUnit::kCharacter;
  MASR_RETURN_IF_ERROR(
      ForEachSentence(options.text, characters, [&](const std::string& sentence) -> Status {
        if (sentence.empty()) return {};
        LanguageModel::State state = model.Begin();
        for (size_t at = 0; at < sentence.size();) {
          const size_t end = std::min(sentence.find(' ', at), sentence.size());
          const int32_t word = model.Find(std::string_view(sentence).substr(at, end - at));
          ln_probability += static_cast<double>(model.Score(state, word, state));
          unknown += word == kUnknownWord ? 1 : 0;
          ++words;
          at = end + 1;
        }
        ln_probability += static_cast<double>(model.Score(state, kEndWord, state));
        ++sentences;
        return {};
      }));
  if (sentences == 0) {
    return Fail(ErrorCode::kInvalidArgument, options.text + ": there is no sentence in it");
  }
  const double perplexity = std::exp(-ln_probability / static_cast<double>(words + sentences));
  if (options.common.json) {
    PrintJson({{"sentences", sentences},
               {"words", words},
               {"unknown", unknown},
               {"log10_probability", ln_probability / std::numbers::ln10},
               {"perplexity", perplexity}});
    return {};
  }
  std::printf("%lld sentences, %lld words (%lld unknown), perplexity %.1f\n",
              static_cast<long long>(sentences), static_cast<long long>(words),
              static_cast<long long>(unknown), perplexity);
  return {};
}

struct InfoOptions {
  CommonOptions common;
  std::string model;
};

Status RunInfo(const InfoOptions& options) {
  MASR_TRY(const LanguageModel model, LanguageModel::Open(options.model));
  const char* unit = model.unit() == LanguageModelUnit::kWord ? "word" : kCharacterUnit;
  if (options.common.json) {
    PrintJson({{"unit", unit}, {"ngrams", NgramCounts(model)}, {"metadata", model.metadata()}});
    return {};
  }
  std::printf("unit      %s\n", unit);
  for (int order = 1; order <= model.order(); ++order) {
    std::printf("%d-grams   %lld\n", order, static_cast<long long>(model.ngrams(order)));
  }
  for (const auto& [key, value] : model.metadata()) {
    std::printf("%s: %s\n", key.c_str(), value.c_str());
  }
  return {};
}

CLI::Option* AddUnitOption(CLI::App& app, std::string& unit) {
  return app.add_option("--unit", unit, "word, or character (the space is then <space>)")
      ->check(CLI::IsMember({"word", kCharacterUnit}))
      ->capture_default_str();
}

}  // namespace

Command AddLanguageModel(CLI::App& parent) {
  CLI::App* lm = parent.add_subcommand("lm", "Language models for decoding");

  auto train = std::make_shared<TrainOptions>();
  CLI::App* train_app = lm->add_subcommand(
      "train", "An n-gram model from text, one sentence a line (interpolated modified Kneser-Ney)");
  train_app->add_option("--text", train->texts, "Text files")->required();
  train_app->add_option("--order", train->order, "Words of the longest n-grams")
      ->check(CLI::Range(1, kMaxNgramOrder))
      ->capture_default_str();
  AddUnitOption(*train_app, train->unit);
  train_app->add_option("--min-count", train->min_count, "Words seen less often become <unk>")
      ->capture_default_str();
  train_app->add_option("--words", train->words,
                        "File of words, each perhaps with a count, mixed into the unigrams");
  train_app->add_option("--words-share", train->words_share, "Their share of the unigrams")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  train_app->add_flag("--discount-fallback", train->discount_fallback,
                      "Fixed discounts where the text is too small to estimate them");
  AddOutputOptions(*train_app, train->output);
  AddCommonOptions(*train_app, train->common);

  auto convert = std::make_shared<ConvertOptions>();
  CLI::App* convert_app = lm->add_subcommand("convert", "An ARPA file made compact");
  convert_app->add_option("arpa", convert->in, "ARPA file")->required();
  AddUnitOption(*convert_app, convert->unit);
  AddOutputOptions(*convert_app, convert->output);
  AddCommonOptions(*convert_app, convert->common);

  auto score = std::make_shared<ScoreOptions>();
  CLI::App* score_app = lm->add_subcommand("score", "Perplexity of a model on a text");
  score_app->add_option("--lm", score->model, "Language model, or ARPA file")->required();
  score_app->add_option("--text", score->text, "Text, one sentence a line")->required();
  AddCommonOptions(*score_app, score->common);

  auto info = std::make_shared<InfoOptions>();
  CLI::App* info_app = lm->add_subcommand("info", "What a language model holds");
  info_app->add_option("--lm", info->model, "Language model, or ARPA file")->required();
  AddCommonOptions(*info_app, info->common);

  const std::vector<Command> commands = {{train_app, [train] { return RunTrain(*train); }},
                                         {info_app, [info] { return RunInfo(*info); }},
                                         {convert_app, [convert] { return RunConvert(*convert); }},
                                         {score_app, [score] { return RunScore(*score); }}};
  return OneOf(lm, commands);
}

}  // namespace masr::cli

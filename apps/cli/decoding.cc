#include "decoding.h"

#include <algorithm>
#include <utility>

#include "io/file.h"

namespace masr::cli {
namespace {

constexpr size_t kMaxHotwordBytes = size_t{16} << 20;

// A model of capital letters, or of another language, would make every word an unknown one.
Status CheckSpelling(const LanguageModel& language_model, const Vocabulary& vocabulary) {
  constexpr int32_t kAsked = 1000;
  const int32_t step = std::max(1, language_model.words() / kAsked);
  int64_t asked = 0;
  int64_t spelled = 0;
  for (int32_t word = kEndWord + 1; word < language_model.words(); word += step) {
    const std::string_view text = language_model.word(word);
    ++asked;
    spelled += text == LanguageModel::kSpace || vocabulary.Encode(text).has_value() ? 1 : 0;
  }
  if (spelled * 2 >= asked) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "only " + std::to_string(spelled) + " of " + std::to_string(asked) +
          " of its words can be spelled with the recogniser's characters; is it of the same "
          "language, and in lower case?");
}

}  // namespace

void AddDecodingOptions(CLI::App& app, DecodingOptions& options) {
  const char* group = "Decoding";
  const CLI::Range any_weight(-1000.0, 1000.0);
  app.add_option("--lm", options.language_model,
                 "Language model: what `mobileasr lm` writes, or an ARPA file. Without one and "
                 "without hotwords, decoding is greedy")
      ->group(group);
  app.add_option("--hotwords", options.hotwords,
                 "File of phrases to prefer, one a line, each perhaps with \" :BOOST\"")
      ->group(group);
  app.add_option("--hotword-boost", options.hotword_boost,
                 "Nats per character of a phrase that names no boost")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--lm-weight", options.scorer.language_model_weight, "On ln p(word)")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--word-score", options.scorer.word_score, "Nats for each word")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--unknown-score", options.scorer.unknown_character_score,
                 "ln p of each character of an unknown word")
      ->check(any_weight)
      ->capture_default_str()
      ->group(group);
  app.add_option("--beam", options.beam.width, "Prefixes kept")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000))
      ->group(group);
}

Result<Decoding> Decoding::Create(const DecodingOptions& options, const Model& model) {
  Decoding decoding;
  decoding.model_ = &model;
  decoding.beam_ = options.beam;
  if (options.language_model.empty() && options.hotwords.empty()) return decoding;
  if (!options.language_model.empty()) {
    MASR_TRY(LanguageModel language_model, LanguageModel::Open(options.language_model));
    if (Status fits = CheckSpelling(language_model, model.vocabulary); !fits.has_value()) {
      return Fail(options.language_model, std::move(fits.error()));
    }
    decoding.language_model_ = std::make_unique<LanguageModel>(std::move(language_model));
  }
  std::vector<Hotword> hotwords;
  if (!options.hotwords.empty()) {
    MASR_TRY(const std::string text, ReadTextFile(options.hotwords, kMaxHotwordBytes));
    MASR_TRY(hotwords, ParseHotwords(text, options.hotwords, options.hotword_boost));
    for (const Hotword& hotword : hotwords) {
      const auto spelled = model.vocabulary.Encode(hotword.phrase);
      if (!spelled.has_value()) {
        return Fail(options.hotwords + ": \"" + hotword.phrase + "\"", spelled.error());
      }
    }
  }
  decoding.scorer_ = std::make_unique<TextScorer>(model.vocabulary, decoding.language_model_.get(),
                                                  hotwords, options.scorer);
  return decoding;
}

TextDecoder Decoding::NewDecoder() const {
  const int64_t tokens = model_->encoder.tokens();
  if (scorer_ == nullptr) return TextDecoder(GreedyDecoder(tokens, Vocabulary::kBlank));
  return TextDecoder(BeamDecoder(*scorer_, tokens, Vocabulary::kBlank, beam_));
}

std::string Decoding::Text(int64_t frames, const float* logits) const {
  TextDecoder decoder = NewDecoder();
  decoder.Advance(frames, logits);
  return model_->vocabulary.Decode(decoder.Finish().front().tokens);
}

}  // namespace masr::cli

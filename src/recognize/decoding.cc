#include "recognize/decoding.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "ctc/hotwords.h"

namespace masr {
namespace {

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

Result<Decoding> Decoding::Create(const DecodingOptions& options, const Vocabulary& vocabulary) {
  Decoding decoding;
  decoding.vocabulary_ = std::make_unique<Vocabulary>(vocabulary);
  decoding.beam_ = options.beam;
  if (options.language_model.empty() && options.hotwords.empty()) return decoding;
  if (!options.language_model.empty()) {
    MASR_TRY(LanguageModel language_model, LanguageModel::Open(options.language_model));
    if (Status fits = CheckSpelling(language_model, vocabulary); !fits.has_value()) {
      return Fail(options.language_model, std::move(fits.error()));
    }
    decoding.language_model_ = std::make_unique<LanguageModel>(std::move(language_model));
  }
  MASR_TRY(const std::vector<Hotword> hotwords,
           ParseHotwords(options.hotwords, options.hotwords_name, options.hotword_boost));
  for (const Hotword& hotword : hotwords) {
    const auto spelled = vocabulary.Encode(hotword.phrase);
    if (!spelled.has_value()) {
      return Fail(options.hotwords_name + ": \"" + hotword.phrase + "\"", spelled.error());
    }
  }
  decoding.scorer_ = std::make_unique<TextScorer>(
      *decoding.vocabulary_, decoding.language_model_.get(), hotwords, options.scorer);
  return decoding;
}

TextDecoder Decoding::NewDecoder() const {
  const int64_t tokens = vocabulary_->size();
  if (scorer_ == nullptr) return TextDecoder(GreedyDecoder(tokens, Vocabulary::kBlank));
  return TextDecoder(BeamDecoder(*scorer_, tokens, Vocabulary::kBlank, beam_));
}

std::string Decoding::Text(int64_t frames, const float* logits) const {
  TextDecoder decoder = NewDecoder();
  decoder.Advance(frames, logits);
  return vocabulary_->Decode(decoder.Finish().front().tokens);
}

}  // namespace masr

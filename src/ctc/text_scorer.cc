#include "ctc/text_scorer.h"

#include <algorithm>

namespace masr {

TextScorer::TextScorer(const Vocabulary& vocabulary, const LanguageModel* model,
                       const std::vector<Hotword>& hotwords, const TextScorerOptions& options)
    : vocabulary_(vocabulary),
      model_(model),
      options_(options),
      hotwords_(hotwords),
      is_space_(static_cast<size_t>(vocabulary.size())) {
  const bool characters = model != nullptr && model->unit() == LanguageModelUnit::kCharacter;
  for (int32_t token = 0; token < vocabulary.size(); ++token) {
    const std::string& text = vocabulary.token(token);
    is_space_[static_cast<size_t>(token)] = text == " ";
    if (characters) units_.push_back(model->Find(text == " " ? LanguageModel::kSpace : text));
  }
  if (model != nullptr && !characters) {
    lexicon_ = std::make_unique<Lexicon>(*model, hotwords_.words());
  }
}

TextScorer::State TextScorer::Begin() const {
  State state;
  state.words = model_ != nullptr ? model_->Begin() : LanguageModel::NoContext();
  return state;
}

float TextScorer::Extend(const State& state, int32_t token, State& next) const {
  next = state;
  const std::string& text = vocabulary_.token(token);
  float score = 0;
  if (!hotwords_.empty()) {
    for (char c : text) {
      score += hotwords_.Extend(next.hotwords, static_cast<uint8_t>(c), next.hotwords);
    }
  }
  if (!units_.empty()) {
    score += options_.language_model_weight *
             model_->Score(next.words, units_[static_cast<size_t>(token)], next.words);
  }
  if (is_space_[static_cast<size_t>(token)]) return score + EndWord(next);
  return score + ExtendWord(next, text);
}

// A word under way counts as the likeliest that it can become, so that a beam does not keep
// prefixes that no word has.
float TextScorer::ExtendWord(State& state, std::string_view text) const {
  ++state.length;
  if (lexicon_ == nullptr) return 0;
  for (char c : text) {
    if (state.node == Lexicon::kNone) break;
    state.node = lexicon_->Child(state.node, static_cast<uint8_t>(c));
  }
  const float before = state.expected;
  state.expected = Expected(state);
  return state.expected - before;
}

float TextScorer::UnknownSpelling(int32_t characters) const {
  return options_.unknown_character_score * static_cast<float>(characters);
}

float TextScorer::Expected(const State& state) const {
  float best = model_->UnigramScore(kUnknownWord) + UnknownSpelling(state.length);
  if (state.node != Lexicon::kNone) best = std::max(best, lexicon_->best(state.node));
  return options_.language_model_weight * best;
}

float TextScorer::EndWord(State& state) const {
  float score = model_ != nullptr ? options_.word_score : 0;
  if (lexicon_ != nullptr) {
    const int32_t listed =
        state.node == Lexicon::kNone ? Lexicon::kNone : lexicon_->word(state.node);
    const int32_t word = listed == Lexicon::kNone ? kUnknownWord : listed;
    float known = model_->Score(state.words, word, state.words);
    if (listed == Lexicon::kNone) known += UnknownSpelling(state.length);
    score += options_.language_model_weight * known - state.expected;
  }
  state.node = Lexicon::kRoot;
  state.length = 0;
  state.expected = 0;
  return score;
}

float TextScorer::Finish(const State& state) const {
  State last = state;
  float score = hotwords_.empty() ? 0 : hotwords_.Finish(last.hotwords);
  if (last.length > 0) score += EndWord(last);
  if (model_ != nullptr) {
    score += options_.language_model_weight * model_->Score(last.words, kEndWord, last.words);
  }
  return score;
}

}  // namespace masr

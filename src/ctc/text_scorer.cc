#include "ctc/text_scorer.h"

#include <algorithm>

#include "text/normalizer.h"

namespace masr {

TextScorer::TextScorer(const Vocabulary& vocabulary, const LanguageModel* model,
                       const std::vector<Hotword>& hotwords, const TextScorerOptions& options)
    : vocabulary_(vocabulary), model_(model), options_(options), hotwords_(hotwords) {
  const bool characters = model != nullptr && model->unit() == LanguageModelUnit::kCharacter;
  for (int32_t token = 0; token < vocabulary.size(); ++token) {
    const std::vector<std::string> text = SplitCodePoints(vocabulary.token(token));
    const bool space = !text.empty() && text.front() == " ";
    spaces_.push_back(space);
    characters_.push_back(static_cast<int32_t>(text.size()) - (space ? 1 : 0));
    if (!characters) continue;
    std::vector<int32_t>& units = units_.emplace_back();
    for (const std::string& c : text)
      units.push_back(model->Find(c == " " ? LanguageModel::kSpace : c));
  }
  if (model != nullptr && !characters) {
    lexicon_ = std::make_unique<Lexicon>(*model, hotwords_.words());
  }
}

TextScorer::State TextScorer::Begin() const {
  State state;
  state.words = model_ != nullptr ? model_->Begin() : LanguageModel::NoContext();
  state.spaced = !vocabulary_.has_pieces();
  return state;
}

float TextScorer::Extend(const State& state, int32_t token, State& next) const {
  next = state;
  const auto index = static_cast<size_t>(token);
  std::string_view text = vocabulary_.token(token);
  const bool space = spaces_[index];
  // A text of pieces begins with a space that is none between words.
  const bool between = space && state.length > 0;
  if (space && !between) text.remove_prefix(1);
  float score = 0;
  if (!hotwords_.empty()) {
    for (char c : text) {
      score += hotwords_.Extend(next.hotwords, static_cast<uint8_t>(c), next.hotwords);
    }
  }
  if (!units_.empty()) {
    for (size_t i = space && !between ? 1 : 0; i < units_[index].size(); ++i) {
      score +=
          options_.language_model_weight * model_->Score(next.words, units_[index][i], next.words);
    }
  }
  if (between) {
    score += EndWord(next);
    text.remove_prefix(1);
  }
  next.spaced = text.empty();
  return text.empty() ? score : score + ExtendWord(next, text, characters_[index]);
}

// A word under way counts as the likeliest that it can become, so that a beam does not keep
// prefixes that no word has.
float TextScorer::ExtendWord(State& state, std::string_view text, int32_t characters) const {
  state.length += characters;
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

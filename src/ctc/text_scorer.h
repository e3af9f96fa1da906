// What a decoder knows of a text besides its sound: how likely its words are, which phrases its
// owner wants.
#ifndef MOBILEASR_CTC_TEXT_SCORER_H_
#define MOBILEASR_CTC_TEXT_SCORER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "ctc/hotwords.h"
#include "ctc/lexicon.h"
#include "lm/language_model.h"
#include "text/vocabulary.h"

namespace masr {

// Chosen by scripts/tune_decoder.py on wuw-corpus-ii/base_dev for the models of assets/; from -3 on
// the last one hardly matters.
struct TextScorerOptions {
  float language_model_weight = 0.6f;  // on ln p(word | words before)
  float word_score = 0.0f;             // nats for each word: a language model prefers few
  // An unknown word is <unk> spelled out, each of its characters as likely as e to this.
  float unknown_character_score = -4.0f;
};

// Scores a text token by token. Immutable, any number of threads.
class TextScorer {
 public:
  // After a text: opaque, a plain value.
  struct State {
    LanguageModel::State words;
    Hotwords::State hotwords;
    int32_t node = Lexicon::kRoot;  // of the word under way; kNone: it is unknown
    int32_t length = 0;             // its characters
    bool spaced = true;             // a space, or the beginning, stands before what comes next
    float expected = 0;             // already counted for it
  };

  // `model` may be null: then only hotwords count. Both must outlive the scorer.
  TextScorer(const Vocabulary& vocabulary, const LanguageModel* model,
             const std::vector<Hotword>& hotwords, const TextScorerOptions& options);

  State Begin() const;
  // False for a space after a space, or at the beginning of a text of characters: texts have single
  // spaces between words. A text of pieces begins with one.
  bool CanExtend(const State& state, int32_t token) const {
    return !state.spaced || !spaces_[static_cast<size_t>(token)];
  }
  // What one more token adds to the score, in nats; `next` may be `state`.
  float Extend(const State& state, int32_t token, State& next) const;
  // What the end of the text adds.
  float Finish(const State& state) const;

 private:
  float ExtendWord(State& state, std::string_view text, int32_t characters) const;
  float EndWord(State& state) const;
  float Expected(const State& state) const;
  float UnknownSpelling(int32_t characters) const;

  const Vocabulary& vocabulary_;
  const LanguageModel* model_;
  TextScorerOptions options_;
  Hotwords hotwords_;
  std::unique_ptr<Lexicon> lexicon_;         // of a word model
  std::vector<bool> spaces_;                 // by token: it begins with a space
  std::vector<int32_t> characters_;          // by token: how many, without that
  std::vector<std::vector<int32_t>> units_;  // by token, of a character model
};

}  // namespace masr

#endif  // MOBILEASR_CTC_TEXT_SCORER_H_

// How logits become text: the best path, or a beam with a language model and hotwords.
#ifndef MOBILEASR_RECOGNIZE_DECODING_H_
#define MOBILEASR_RECOGNIZE_DECODING_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "ctc/beam_decoder.h"
#include "ctc/text_scorer.h"
#include "lm/language_model.h"
#include "recognize/text_decoder.h"
#include "text/vocabulary.h"

namespace masr {

struct DecodingOptions {
  std::string language_model;              // a file; empty: none
  std::string hotwords;                    // text as ParseHotwords wants it; empty: none
  std::string hotwords_name = "hotwords";  // for messages
  float hotword_boost = 0.5f;              // of phrases that name none
  TextScorerOptions scorer = {};
  BeamOptions beam = {};
};

// Greedy, or a beam where there is a language model or hotwords. Move-only; any number of threads.
class Decoding {
 public:
  static Result<Decoding> Create(const DecodingOptions& options, const Vocabulary& vocabulary);

  bool greedy() const { return scorer_ == nullptr; }
  // Of one utterance: logits [frames, tokens].
  std::string Text(int64_t frames, const float* logits) const;
  // One that has heard nothing; this must outlive it.
  TextDecoder NewDecoder() const;

 private:
  // At fixed places: the scorer points to them.
  std::unique_ptr<Vocabulary> vocabulary_;
  std::unique_ptr<LanguageModel> language_model_;
  std::unique_ptr<TextScorer> scorer_;
  BeamOptions beam_;
};

}  // namespace masr

#endif  // MOBILEASR_RECOGNIZE_DECODING_H_

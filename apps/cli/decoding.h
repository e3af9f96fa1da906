// How logits become text: the options that transcribe and evaluate share.
#ifndef MOBILEASR_APPS_CLI_DECODING_H_
#define MOBILEASR_APPS_CLI_DECODING_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "ctc/beam_decoder.h"
#include "ctc/text_scorer.h"
#include "lm/language_model.h"
#include "model/model.h"
#include "recognize/text_decoder.h"

namespace masr::cli {

struct DecodingOptions {
  std::string language_model;
  std::string hotwords;
  float hotword_boost = 0.5f;
  TextScorerOptions scorer;
  BeamOptions beam;
};

void AddDecodingOptions(CLI::App& app, DecodingOptions& options);

// Greedy, or a beam where there is a language model or hotwords. Any number of threads.
class Decoding {
 public:
  // `model` must outlive it.
  static Result<Decoding> Create(const DecodingOptions& options, const Model& model);

  bool greedy() const { return scorer_ == nullptr; }
  // Of one utterance: logits [frames, tokens].
  std::string Text(int64_t frames, const float* logits) const;
  // One that has heard nothing; this must outlive it.
  TextDecoder NewDecoder() const;

 private:
  const Model* model_ = nullptr;
  BeamOptions beam_;
  std::unique_ptr<LanguageModel> language_model_;
  std::unique_ptr<TextScorer> scorer_;
};

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_DECODING_H_

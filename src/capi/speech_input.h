// Utterances as a caller has them in memory, as a batch for the encoder.
#ifndef MOBILEASR_CAPI_SPEECH_INPUT_H_
#define MOBILEASR_CAPI_SPEECH_INPUT_H_

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "mobileasr/mobileasr.h"
#include "model/model.h"
#include "train/batch_loader.h"

namespace masr::capi {

// Move-only: targets of the batch are spans into `texts`.
struct SpeechInput {
  Batch batch;
  std::vector<std::vector<int32_t>> texts;
  int64_t output_rows = 0;  // of all utterances

  SpeechInput() = default;
  SpeechInput(SpeechInput&&) = default;
  SpeechInput& operator=(SpeechInput&&) = default;
};

// Frames that each utterance will have, and nothing else computed. Errors name the utterance.
Result<std::vector<int64_t>> SpeechFrames(const Model& model, const masr_speech& speech);
// Rows of the output for so many frames each; refuses what is too short.
Result<std::vector<int64_t>> OutputRows(const Model& model, const std::vector<int64_t>& frames);

// Features of all utterances and, with `with_texts`, their targets, each of which its utterance has
// enough rows for.
Result<SpeechInput> ReadSpeech(const Model& model, const ThreadPool& threads,
                               const masr_speech& speech, bool with_texts);

}  // namespace masr::capi

#endif  // MOBILEASR_CAPI_SPEECH_INPUT_H_

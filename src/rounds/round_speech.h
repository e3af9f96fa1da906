// What a round learns from and is judged on: new speech, and some of what earlier rounds heard.
//
// A list of speech is a NeMo manifest (data/manifest.h) whose lines also say which side the
// utterance is on ("side": "training" or "validation") and which round heard it first ("round").
// An utterance keeps its side for ever: what was kept aside once is never learned from. Each line
// is sealed (rounds/seal.h).
#ifndef MOBILEASR_ROUNDS_ROUND_SPEECH_H_
#define MOBILEASR_ROUNDS_ROUND_SPEECH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/speech_dataset.h"
#include "model/model.h"
#include "train/validation_split.h"

namespace masr {

struct SpeechChoice {
  double minutes = 0;  // of new speech, the first of it in the manifest's order; 0: all
  double validation_share = 0.15;
  double replay_share = 1;  // seconds of earlier speech for each second of new
  // At most so many earlier utterances among those kept aside: enough to notice what is forgotten.
  int64_t most_earlier_validation = 60;
  uint64_t seed = 1;
  int64_t round = 1;
};

// The lines of round.jsonl: from the manifest `data`, and from the list `heard` of earlier rounds,
// which need not be there. Where nothing in `data` is new, all that is in it is learned from again.
// Utterances that `model` cannot spell or that cannot be read are left out, and so are earlier ones
// whose audio is no longer there. Fails if fewer than two are left.
Result<std::string> ChooseRoundSpeech(const Model& model, const std::string& data,
                                      const std::string& heard, const SpeechChoice& choice);

// Speech of a round, ready to learn from.
struct RoundSpeechData {
  SpeechDataset dataset;
  ValidationSplit split;
  std::vector<int64_t> replayed;  // those of split.training that an earlier round heard first
};

// From round.jsonl. `cache_bytes` as in DatasetOptions.
Result<RoundSpeechData> LoadRoundSpeech(const Model& model, const std::string& path, int64_t round,
                                        int64_t cache_bytes);

// The last round that a list names; 0 for an empty one. `where` names it in messages.
Result<int64_t> LastRoundOfSpeech(std::string_view lines, const std::string& where);
// Those lines of a list that `round` heard first; damaged ones are left out, and the others are not
// lost with them.
std::string SpeechOfRound(std::string_view lines, int64_t round);

}  // namespace masr

#endif  // MOBILEASR_ROUNDS_ROUND_SPEECH_H_

// Lists of transcribed utterances in the four usual forms:
//   * NeMo JSON lines: {"audio_filepath": ..., "duration": seconds, "text": ...}, paths relative to
//   the file; or, for audio in tar shards, {"shard": ..., "offset_bytes": ..., "size_bytes": ...}
//   with the shard's path in place of audio_filepath's;
//   * a Kaldi data directory: wav.scp (plain paths, no pipes) and text, optional utt2spk, segments
//   refused;
//   * a folder of audio files, each with a .txt of the same stem beside it;
//   * TSV with a header line naming at least `path` and `sentence` (Common Voice) or `audio` and
//   `text`.
#ifndef MOBILEASR_DATA_MANIFEST_H_
#define MOBILEASR_DATA_MANIFEST_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace masr {

struct Utterance {
  std::string audio_path;  // resolved: usable from the working directory
  std::string text;        // normalised
  double duration_s = 0;   // 0 if the manifest does not say
  std::string speaker;     // may be empty
  std::string accent;      // may be empty
  std::string where;       // "train.jsonl: line 7", for messages
  std::string source;      // what made it, e.g. a synthetic voice; may be empty
  int64_t line = 0;        // of the JSON lines, from 1; 0 in the other forms
  // Where the audio is inside audio_path, a shard; size_bytes 0: it is the whole file.
  int64_t offset_bytes = 0;
  int64_t size_bytes = 0;
};

struct ManifestProblem {
  std::string where;
  std::string message;  // what is wrong and what to do
};

struct Manifest {
  std::string path;
  bool needs_text = true;  // else utterances may come without (recordings of noise)
  std::vector<Utterance> utterances;
  // Lines that could not be used: broken JSON, no text, missing file. They are skipped and counted.
  std::vector<ManifestProblem> problems;
};

// Fails only if nothing at all can be read from `path`. Without `needs_text` (recordings of noise)
// the text may be missing in every form: the "text" of a JSON line, the .txt beside an audio file,
// the column of a TSV, lines of Kaldi's text or that whole file.
Result<Manifest> ReadManifest(const std::string& path, bool needs_text = true);

// The fields that a JSON line of each utterance would hold besides the place of its audio: those of
// its own line where there is one, else text, duration, speaker and accent as far as known.
Result<std::vector<nlohmann::ordered_json>> ManifestFields(const Manifest& manifest);

}  // namespace masr

#endif  // MOBILEASR_DATA_MANIFEST_H_

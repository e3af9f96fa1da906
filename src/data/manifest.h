// Lists of transcribed utterances in the four usual forms:
//   * NeMo JSON lines: {"audio_filepath": ..., "duration": seconds, "text": ...}, paths relative to
//   the file;
//   * a Kaldi data directory: wav.scp (plain paths, no pipes) and text, optional utt2spk, segments
//   refused;
//   * a folder of audio files, each with a .txt of the same stem beside it;
//   * TSV with a header line naming at least `path` and `sentence` (Common Voice) or `audio` and
//   `text`.
#ifndef MOBILEASR_DATA_MANIFEST_H_
#define MOBILEASR_DATA_MANIFEST_H_

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

}  // namespace masr

#endif  // MOBILEASR_DATA_MANIFEST_H_

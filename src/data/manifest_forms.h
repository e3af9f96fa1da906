// The text forms of manifests, as parsers of bytes that touch no file. Internal to this folder and
// to the fuzzers.
//
// A parser appends the utterances that it could read, with audio_path as written and `where` filled
// in, and a problem for each line that it could not.
#ifndef MOBILEASR_DATA_MANIFEST_FORMS_H_
#define MOBILEASR_DATA_MANIFEST_FORMS_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/manifest.h"

namespace masr {

// NeMo JSON lines. `name` stands in messages: "train.jsonl".
void ParseNemoManifest(std::string_view text, const std::string& name, Manifest& manifest);

// Fails if the header does not name the columns that are needed.
Status ParseTsvManifest(std::string_view text, const std::string& name, Manifest& manifest);

struct KaldiFiles {
  std::string_view wav_scp;
  std::string_view text;
  std::string_view utt2spk;  // may be empty
};
// `name` is the folder's. Utterances come in the order of `text`; if none is needed, those that are
// only in `wav_scp` follow.
void ParseKaldiManifest(const KaldiFiles& files, const std::string& name, Manifest& manifest);

// The folder form: reads the .txt files, since they are the manifest.
Status ReadFolderManifest(const std::string& folder, Manifest& manifest);

// Adds `utterance`, its text normalised, or the problem that it has no text or no usable path.
void AddUtterance(Utterance utterance, Manifest& manifest);

}  // namespace masr

#endif  // MOBILEASR_DATA_MANIFEST_FORMS_H_

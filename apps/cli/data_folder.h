// Folders of training data that are made bit by bit: begun, stopped at any time, and gone on with
// by the same command.
#ifndef MOBILEASR_APPS_CLI_DATA_FOLDER_H_
#define MOBILEASR_APPS_CLI_DATA_FOLDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"

namespace masr::cli {

// Makes `folder`, and writes `plan` to plan.json in it; a folder that was begun with another plan
// is refused.
Status BeginFolder(const std::string& folder, const Json& plan);

// What a plan holds for the data it was made from: a 64-bit hash of every utterance's place and
// text.
std::string Fingerprint(const Manifest& manifest);
std::string Fingerprint(std::string_view text);

// Without waiting for the disk, which would take longer than making the audio; what a power cut
// takes, GrowingManifest finds missing.
Status WriteFast(const std::string& path, std::string_view bytes);

// A manifest that grows line by line: OUT.part, which becomes OUT when it is whole. What a run that
// was stopped or killed has written counts, but for a line that was cut.
class GrowingManifest {
 public:
  explicit GrowingManifest(std::string path) : path_(std::move(path)) {}

  // Reads what is there, up to the first line whose audio is missing or empty: a power cut may have
  // taken it.
  Status Open();
  // Nothing is left to do: OUT is there.
  bool finished() const { return finished_; }
  const std::vector<std::string>& lines() const { return lines_; }
  Status Append(const std::vector<std::string>& lines);
  // `lines` become OUT, and OUT.part goes.
  Status Finish(const std::vector<std::string>& lines);

 private:
  std::string path_;
  bool finished_ = false;
  std::vector<std::string> lines_;
};

}  // namespace masr::cli

#endif  // MOBILEASR_APPS_CLI_DATA_FOLDER_H_

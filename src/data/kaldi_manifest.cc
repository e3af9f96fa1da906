#include <algorithm>
#include <map>
#include <utility>

#include "data/manifest_forms.h"
#include "io/text_lines.h"

namespace masr {
namespace {

struct Entry {
  std::string_view value;
  int64_t line;
  bool used = false;
};
using Table = std::map<std::string_view, Entry>;

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Splits "<utterance> <value>" at the first space.
std::pair<std::string_view, std::string_view> SplitKey(std::string_view line) {
  line = Trim(line);
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  return {line.substr(0, end), Trim(line.substr(end))};
}

bool IsCommand(std::string_view path) { return path.ends_with('|'); }

std::string LineOf(const std::string& file, int64_t line) {
  return file + ": line " + std::to_string(line);
}

// The lines of a file by utterance; a second line of one utterance is a problem.
Table ReadTable(std::string_view text, const std::string& file, Manifest& manifest) {
  Table table;
  for (const TextLine& line : SplitLines(text)) {
    const auto [key, value] = SplitKey(line.text);
    const auto [first, inserted] = table.emplace(key, Entry{value, line.number});
    if (!inserted) {
      manifest.problems.push_back(
          {LineOf(file, line.number), "utterance " + std::string(key) + " is already in line " +
                                          std::to_string(first->second.line)});
    }
  }
  return table;
}

}  // namespace

void ParseKaldiManifest(const KaldiFiles& files, const std::string& name, Manifest& manifest) {
  const std::string scp_name = name + "/wav.scp";
  const std::string text_name = name + "/text";
  Table recordings = ReadTable(files.wav_scp, scp_name, manifest);
  Table texts = ReadTable(files.text, text_name, manifest);
  const Table speakers = ReadTable(files.utt2spk, name + "/utt2spk", manifest);

  const auto add = [&](std::string_view key, std::string_view path, std::string_view text,
                       std::string where) {
    Utterance utterance;
    utterance.audio_path = path;
    utterance.text = text;
    utterance.where = std::move(where);
    const auto speaker = speakers.find(key);
    if (speaker != speakers.end()) utterance.speaker = speaker->second.value;
    AddUtterance(std::move(utterance), manifest);
  };

  for (const TextLine& line : SplitLines(files.text)) {
    const auto [key, text] = SplitKey(line.text);
    if (texts.at(key).line != line.number) continue;  // a second line, already a problem
    const std::string where = LineOf(text_name, line.number);
    const auto recording = recordings.find(key);
    if (recording == recordings.end()) {
      manifest.problems.push_back({where, "utterance " + std::string(key) + " is not in wav.scp"});
      continue;
    }
    recording->second.used = true;
    if (!IsCommand(recording->second.value)) add(key, recording->second.value, text, where);
  }

  for (const auto& [key, recording] : recordings) {
    const std::string where = LineOf(scp_name, recording.line);
    if (IsCommand(recording.value)) {
      manifest.problems.push_back(
          {where, "a command instead of a path is not run; convert the audio to files"});
    } else if (!recording.used && manifest.needs_text) {
      manifest.problems.push_back(
          {where, "utterance " + std::string(key) + " has no line in text"});
    } else if (!recording.used) {
      add(key, recording.value, "", where);
    }
  }
}

}  // namespace masr

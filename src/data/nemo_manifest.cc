#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "data/manifest_forms.h"
#include "io/file.h"
#include "io/json.h"
#include "io/text_lines.h"

namespace masr {
namespace {

using nlohmann::json;

constexpr int64_t kMaxOffsetBytes = int64_t{1} << 60;
constexpr int64_t kMaxSizeBytes = int64_t{1} << 30;  // of one utterance; it is read as a whole

// The string called `key`, or empty. Numbers count too: speakers are often numbered.
std::string Label(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get_ref<const std::string&>();
  return found->is_number_integer() ? found->dump() : std::string();
}

Result<std::string> RequiredText(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return Fail(ErrorCode::kCorrupt, std::string("there is no string \"") + key + "\"");
  }
  return found->get_ref<const std::string&>();
}

// A number of seconds; 0 if absent.
Result<double> Seconds(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return 0.0;
  const double seconds = found->is_number() ? found->get<double>() : -1.0;
  if (!(seconds >= 0) || !std::isfinite(seconds)) {
    return Fail(ErrorCode::kCorrupt, std::string("\"") + key + "\" is not a number of seconds");
  }
  return seconds;
}

Result<int64_t> Bytes(const json& object, const char* key, int64_t low, int64_t high) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_number_integer() &&
      !(found->is_number_unsigned() && found->get<uint64_t>() > static_cast<uint64_t>(high))) {
    const auto bytes = found->get<int64_t>();
    if (bytes >= low && bytes <= high) return bytes;
  }
  return Fail(ErrorCode::kCorrupt, std::string("\"") + key + "\" is not a number of bytes from " +
                                       std::to_string(low) + " to " + std::to_string(high));
}

Status ParseShard(const json& object, Utterance& utterance) {
  MASR_TRY(utterance.audio_path, RequiredText(object, "shard"));
  MASR_TRY(utterance.offset_bytes, Bytes(object, "offset_bytes", 0, kMaxOffsetBytes));
  MASR_TRY(utterance.size_bytes, Bytes(object, "size_bytes", 1, kMaxSizeBytes));
  return {};
}

Result<Utterance> ParseLine(std::string_view line, bool needs_text) {
  MASR_TRY(const json object, ParseJson(line));
  if (!object.is_object()) return Fail(ErrorCode::kCorrupt, "not a JSON object");
  Utterance utterance;
  if (object.contains("shard")) {
    MASR_RETURN_IF_ERROR(ParseShard(object, utterance));
  } else {
    MASR_TRY(utterance.audio_path, RequiredText(object, "audio_filepath"));
  }
  if (needs_text || object.contains("text")) {
    MASR_TRY(utterance.text, RequiredText(object, "text"));
  }
  MASR_TRY(utterance.duration_s, Seconds(object, "duration"));
  MASR_TRY(const double offset, Seconds(object, "offset"));
  if (offset != 0) {
    return Fail(ErrorCode::kUnsupported,
                "\"offset\" is not supported; cut the recording into one file per utterance");
  }
  utterance.speaker = Label(object, "speaker");
  utterance.accent = Label(object, "accent");
  utterance.source = Label(object, "source");
  return utterance;
}

}  // namespace

void ParseNemoManifest(std::string_view text, const std::string& name, Manifest& manifest) {
  for (const TextLine& line : SplitLines(text)) {
    const std::string where = name + ": line " + std::to_string(line.number);
    Result<Utterance> utterance = ParseLine(line.text, manifest.needs_text);
    if (!utterance.has_value()) {
      manifest.problems.push_back({where, std::move(utterance.error().message)});
      continue;
    }
    utterance->where = where;
    utterance->line = line.number;
    AddUtterance(std::move(*utterance), manifest);
  }
}

Result<std::vector<nlohmann::ordered_json>> ManifestFields(const Manifest& manifest) {
  const bool has_lines = std::any_of(manifest.utterances.begin(), manifest.utterances.end(),
                                     [](const Utterance& utterance) { return utterance.line > 0; });
  std::string text;
  if (has_lines) {
    MASR_TRY(text, ReadTextFile(manifest.path));
  }
  std::map<int64_t, std::string_view> lines;
  for (const TextLine& line : SplitLines(text)) lines[line.number] = line.text;
  std::vector<nlohmann::ordered_json> records;
  for (const Utterance& utterance : manifest.utterances) {
    nlohmann::ordered_json record = nlohmann::ordered_json::object();
    if (utterance.line > 0) {
      const auto line = lines.find(utterance.line);
      if (line == lines.end()) {
        return Fail(ErrorCode::kCorrupt, utterance.where + ": the file was changed meanwhile");
      }
      MASR_TRY(const json object, ParseJson(line->second));
      for (const auto& [key, value] : object.items()) record[key] = value;
    } else {
      if (!utterance.speaker.empty()) record["speaker"] = utterance.speaker;
      if (!utterance.accent.empty()) record["accent"] = utterance.accent;
    }
    for (const char* place :
         {"audio_filepath", "shard", "shard_id", "offset_bytes", "size_bytes"}) {
      record.erase(place);
    }
    record["text"] = utterance.text;
    if (utterance.duration_s > 0) record["duration"] = utterance.duration_s;
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace masr

#include <cmath>
#include <utility>

#include "data/manifest_forms.h"
#include "io/json.h"

namespace masr {
namespace {

using nlohmann::json;

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

Result<Utterance> ParseLine(std::string_view line, bool needs_text) {
  MASR_TRY(const json object, ParseJson(line));
  if (!object.is_object()) return Fail(ErrorCode::kCorrupt, "not a JSON object");
  Utterance utterance;
  MASR_TRY(utterance.audio_path, RequiredText(object, "audio_filepath"));
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
    AddUtterance(std::move(*utterance), manifest);
  }
}

}  // namespace masr

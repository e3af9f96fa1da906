#include <cmath>
#include <optional>
#include <span>
#include <utility>

#include "base/number_text.h"
#include "data/manifest_forms.h"
#include "io/text_lines.h"

namespace masr {
namespace {

std::vector<std::string_view> SplitFields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t tab = line.find('\t');
    fields.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return fields;
    line.remove_prefix(tab + 1);
  }
}

struct Columns {
  std::optional<size_t> audio, text, duration, speaker, accent;
};

// The first of `names` that the header has.
std::optional<size_t> Column(const std::vector<std::string_view>& header,
                             std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) {
    for (size_t i = 0; i < header.size(); ++i) {
      if (header[i] == name) return i;
    }
  }
  return std::nullopt;
}

std::optional<double> ParseSeconds(std::string_view field) {
  if (field.empty()) return 0.0;
  const std::optional<double> seconds = ParseDouble(field);
  if (!seconds || !std::isfinite(*seconds) || *seconds < 0) return std::nullopt;
  return seconds;
}

}  // namespace

Status ParseTsvManifest(std::string_view text, const std::string& name, Manifest& manifest) {
  const std::vector<TextLine> lines = SplitLines(text);
  if (lines.empty()) return Fail(ErrorCode::kCorrupt, name + ": is empty");
  const std::vector<std::string_view> header = SplitFields(lines[0].text);
  const Columns columns = {.audio = Column(header, {"path", "audio"}),
                           .text = Column(header, {"sentence", "text"}),
                           .duration = Column(header, {"duration"}),
                           .speaker = Column(header, {"client_id", "speaker"}),
                           .accent = Column(header, {"accents", "accent"})};
  if (!columns.audio || (!columns.text && manifest.needs_text)) {
    return Fail(ErrorCode::kCorrupt,
                name +
                    ": the first line must name, with tabs between, the columns path and "
                    "sentence, or audio and text");
  }

  for (const TextLine& line : std::span(lines).subspan(1)) {
    const std::string where = name + ": line " + std::to_string(line.number);
    const std::vector<std::string_view> fields = SplitFields(line.text);
    const auto field = [&](std::optional<size_t> column) -> std::string_view {
      return column && *column < fields.size() ? fields[*column] : std::string_view();
    };
    if (fields.size() > header.size()) {
      manifest.problems.push_back({where, "has " + std::to_string(fields.size()) +
                                              " fields where the first line names " +
                                              std::to_string(header.size())});
      continue;
    }
    const std::optional<double> seconds = ParseSeconds(field(columns.duration));
    if (!seconds) {
      manifest.problems.push_back({where, "the duration is not a number of seconds"});
      continue;
    }
    Utterance utterance;
    utterance.audio_path = field(columns.audio);
    utterance.text = field(columns.text);
    utterance.duration_s = *seconds;
    utterance.speaker = field(columns.speaker);
    utterance.accent = field(columns.accent);
    utterance.where = where;
    AddUtterance(std::move(utterance), manifest);
  }
  return {};
}

}  // namespace masr

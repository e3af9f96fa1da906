#include <algorithm>
#include <optional>
#include <vector>

#include "report/markup.h"
#include "report/page_parts.h"
#include "report/summary.h"

namespace masr {
namespace {

constexpr size_t kMostRows = 100;

struct Cell {
  const char* heading;
  std::string html;
};

std::string Small(const std::string& html) {
  return html.empty() ? "" : "<small>" + html + "</small>";
}

std::string RatesHtml(const std::optional<ErrorRates>& before,
                      const std::optional<ErrorRates>& after) {
  const auto shown = [](const std::optional<ErrorRates>& rates) {
    return rates ? Percent(rates->wer) : std::string("-");
  };
  if (!before && !after) return "-";
  return shown(before) + " → " + shown(after);
}

std::string OutcomeHtml(const RoundRecord& round) {
  std::string html = std::string("<b class=\"") + (round.accepted ? "yes" : "no") + "\">" +
                     OutcomeWord(round) + "</b>";
  html += Small(Escaped(round.why, 240));
  if (!round.halted_by.empty()) {
    html += Small("halted by " + Escaped(round.halted_by, 40) +
                  (round.halt_why.empty() ? "" : ": " + Escaped(round.halt_why, 240)));
  }
  if (round.retries > 0) html += Small(Count(round.retries, "retry", "retries"));
  return html;
}

std::string MemoryText(int64_t bytes) {
  return bytes > 0 ? Bytes(static_cast<double>(bytes)) : "-";
}

std::vector<Cell> Cells(const RoundRecord& r) {
  return {
      {"learns",
       Escaped(r.sub_model, 80) + Small(r.trainable_parameters > 0
                                            ? Grouped(r.trainable_parameters) + " parameters"
                                            : "")},
      {"RAM planned", MemoryText(r.planned_peak_bytes)},
      {"RAM measured", MemoryText(r.peak_rss_bytes)},
      {"time", Duration(r.seconds) +
                   Small(r.seconds_paused > 0 ? Duration(r.seconds_paused) + " paused" : "")},
      {"utterances",
       Grouped(r.training_utterances) +
           Small(r.replayed_utterances > 0 ? Grouped(r.replayed_utterances) + " replayed" : "")},
      {"best epoch", r.best_epoch > 0 ? Grouped(r.best_epoch) : "-"},
      {"outcome", OutcomeHtml(r)},
      {"WER, test", RatesHtml(r.test_before, r.test_after)},
      {"WER, others", RatesHtml(r.general_before, r.general_after)},
  };
}

}  // namespace

std::string RoundsTableHtml(std::span<const RoundRecord> rounds) {
  if (rounds.empty()) return "";
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"All rounds\">\n"
      "<table>\n<thead><tr><th scope=\"col\">round</th>";
  for (const Cell& cell : Cells(rounds.front())) {
    html += "<th scope=\"col\">" + std::string(cell.heading) + "</th>";
  }
  html += "</tr></thead>\n<tbody>\n";
  const size_t shown = std::min(rounds.size(), kMostRows);
  for (size_t i = 0; i < shown; ++i) {
    const RoundRecord& round = rounds[rounds.size() - 1 - i];
    html += "<tr><th scope=\"row\"><span class=\"card\">Round </span>" + Grouped(round.round) +
            Small(Escaped(round.began.substr(0, 10))) + "</th>";
    for (const Cell& cell : Cells(round)) {
      html +=
          "<td data-name=\"" + std::string(cell.heading) + "\"><div>" + cell.html + "</div></td>";
    }
    html += "</tr>\n";
  }
  html += "</tbody>\n</table>\n</div>\n";
  if (shown < rounds.size()) {
    html += "<p class=\"note\">The newest " + Grouped(static_cast<int64_t>(shown)) + " of " +
            Grouped(static_cast<int64_t>(rounds.size())) + ".</p>\n";
  }
  return html;
}

}  // namespace masr

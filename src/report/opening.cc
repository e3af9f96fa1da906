#include <cmath>

#include "report/markup.h"
#include "report/page_parts.h"
#include "report/summary.h"

namespace masr {
namespace {

std::string RatesHtml(const Summary& summary) {
  if (!summary.wer_start) return "";
  const double start = *summary.wer_start;
  if (!summary.wer_now) {
    return "<p class=\"rates\"><span class=\"rate\">" + Percent(start) +
           "</span> <span class=\"what\">of words wrong</span></p>\n";
  }
  const double now = *summary.wer_now;
  std::string html = "<p class=\"rates\"><span class=\"rate was\">" + Percent(start) +
                     "</span> <span class=\"arrow\" aria-label=\"became\">→</span> "
                     "<span class=\"rate\">" +
                     Percent(now) + "</span> <span class=\"what\">of words wrong";
  const double share = start > 0 ? 100 * (start - now) / start : 0;
  if (std::abs(share) >= 0.5) {
    html += ", " + Fixed(std::abs(share), 0) + " % " + (share > 0 ? "fewer" : "more") + " errors";
  }
  return html + "</span></p>\n";
}

std::string Fact(const std::string& name, const std::string& value, const std::string& more) {
  return "<div><dt>" + name + "</dt><dd>" + value +
         (more.empty() ? "" : " <small>" + more + "</small>") + "</dd></div>\n";
}

}  // namespace

std::string RoundName(const RoundRecord& round) {
  return "Round " + std::to_string(round.round) +
         (round.sub_model.empty() ? "" : ": " + round.sub_model);
}

std::string OpeningHtml(std::span<const RoundRecord> rounds) {
  const Summary summary = Summarize(rounds);
  std::string html = "<header>\n<p class=\"eyebrow\">MobileASR report</p>\n<h1>" +
                     Headline(summary) + "</h1>\n" + RatesHtml(summary);
  const std::string basis = Basis(summary);
  if (!basis.empty()) html += "<p class=\"note\">" + basis + "</p>\n";
  if (rounds.empty()) return html + "<p>The history has no rounds.</p>\n</header>\n";

  html += "<dl class=\"facts\">\n";
  html += Fact("Rounds", Grouped(summary.rounds), Grouped(summary.accepted) + " accepted");
  html += Fact("Speech learned", Duration(summary.seconds_learned), "");
  html += Fact("Time taken", Duration(summary.seconds),
               summary.seconds_paused > 0 ? Duration(summary.seconds_paused) + " paused" : "");
  if (summary.peak_rss_bytes > 0) {
    html += Fact("Most RAM", Bytes(static_cast<double>(summary.peak_rss_bytes)), "");
  }
  html += "</dl>\n";

  const RoundRecord& last = rounds.back();
  return html + "<div class=\"last " + (last.accepted ? "taken" : "refusal") + "\">\n<h2>" +
         (rounds.size() == 1 ? "Its round" : "The last round, number " + Grouped(last.round)) +
         "</h2>\n<p>" + Escaped(Outcome(last), 1200) + "</p>\n</div>\n</header>\n";
}

}  // namespace masr

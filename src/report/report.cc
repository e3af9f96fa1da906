#include "report/report.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "io/file.h"
#include "report/epoch_figures.h"
#include "report/markup.h"
#include "report/page_parts.h"
#include "report/resource_figures.h"
#include "report/summary.h"

namespace masr {
namespace {

using Rounds = std::span<const RoundRecord>;

// Of the newest rounds: more panels than this are scrolled past, not read.
constexpr size_t kMostPanels = 12;
// Narrower stretches of a figure than a pixel or two say nothing.
constexpr size_t kMostOnAxis = 100;

// Pixels; a page has the narrow one on phones and the wide one elsewhere.
constexpr double kNarrow = 360;
constexpr double kWide = 1080;
constexpr double kFileWidth = 760;

Rounds Newest(Rounds rounds, size_t most) { return rounds.last(std::min(rounds.size(), most)); }

std::string Figure(const std::string& svg, const std::string& caption, const char* css = "") {
  return "<figure" + std::string(css) + ">\n" + svg +
         (caption.empty() ? "" : "<figcaption>" + caption + "</figcaption>\n") + "</figure>\n";
}

using RoundsFigure = Drawing (*)(Rounds, double);

std::string BothWidths(RoundsFigure draw, Rounds rounds, const std::string& caption) {
  return Figure(InlineSvg(draw(rounds, kNarrow)), caption, " class=\"narrow\"") +
         Figure(InlineSvg(draw(rounds, kWide)), caption, " class=\"wide\"");
}

std::string ErrorsHtml(Rounds rounds) {
  return "<section>\n<h2>Errors, epoch by epoch</h2>\n" +
         BothWidths(ErrorRateFigure, Newest(rounds, kMostOnAxis),
                    "Share of wrong words and characters in the sentences that each round kept "
                    "aside. Epoch 0 is what the round began with; the dot is the epoch it chose, a "
                    "ring what it offered and was refused. Grey and broken: a round that changed "
                    "nothing.") +
         "</section>\n";
}

std::string LossHtml(Rounds rounds) {
  return "<section>\n<h2>Loss, epoch by epoch</h2>\n" +
         BothWidths(LossFigure, Newest(rounds, kMostOnAxis),
                    "What training makes smaller. Where the loss of the speech kept aside rises "
                    "while that of training falls, it learns by heart.") +
         "</section>\n";
}

// Drawings of one round; what its record does not have is missing.
std::vector<Drawing> RoundPanels(const RoundRecord& round, bool memory, bool device) {
  std::vector<Drawing> panels;
  const auto add = [&](std::optional<Drawing> drawing) {
    if (drawing) panels.push_back(std::move(*drawing));
  };
  if (memory) add(MemoryFigure(round, kNarrow));
  if (memory) add(MemoryPlanFigure(round, kNarrow));
  if (device) add(DeviceFigure(round, kNarrow));
  return panels;
}

std::string ResourcesHtml(Rounds rounds) {
  const Rounds newest = Newest(rounds, kMostPanels);
  std::string panels;
  for (size_t i = newest.size(); i-- > 0;) {
    const RoundRecord& round = newest[i];
    const std::vector<Drawing> drawings = RoundPanels(round, true, true);
    if (drawings.empty()) continue;
    panels += "<h3>" + Escaped(RoundName(round), 120) + " <small class=\"" +
              (round.accepted ? "yes" : "no") + "\">" + OutcomeWord(round) + "</small></h3>\n";
    if (!round.plan_reason.empty()) {
      panels += "<p class=\"note\">" + Escaped(round.plan_reason) + "</p>\n";
    }
    panels += "<div class=\"panels\">\n";
    for (const Drawing& drawing : drawings) panels += Figure(InlineSvg(drawing), "");
    panels += "</div>\n";
  }
  if (panels.empty()) return "";
  std::string html =
      "<section>\n<h2>What it took of the device</h2>\n"
      "<p class=\"note\">Stripes are epochs with their numbers; where it paused, the ground is "
      "amber. Limits are those of the plan, of the RAM budget and of the policy. In the plan, what "
      "is there anyway is grey, what learns purple, what a step computes blue.";
  if (newest.size() < rounds.size()) {
    html += " The newest " + Grouped(static_cast<int64_t>(newest.size())) + " of " +
            Grouped(static_cast<int64_t>(rounds.size())) + " rounds.";
  }
  return html + "</p>\n" + panels + "</section>\n";
}

// Those of the last accepted round: what is in use. Else what the last one would have changed.
std::string SentencesSection(Rounds rounds) {
  const RoundRecord* chosen = nullptr;
  for (const RoundRecord& round : rounds) {
    if (round.sentences.empty()) continue;
    if (round.accepted || chosen == nullptr || !chosen->accepted) chosen = &round;
  }
  if (chosen == nullptr) return "";
  return "<section>\n<h2>Sentences, before and after round " + Grouped(chosen->round) +
         "</h2>\n<p class=\"note\">Sentences kept aside, those that changed most. " +
         (chosen->accepted ? "" : "The round was refused, so it still hears them as before. ") +
         "<mark>Underlined</mark>: heard wrongly. <del>Struck out</del>: not heard.</p>\n" +
         SentencesHtml(chosen->sentences) + "</section>\n";
}

std::string FooterHtml(Rounds rounds) {
  if (rounds.empty()) return "";
  return "<footer>\n<p class=\"note\">Base model " + Escaped(rounds.front().base, 80) +
         ". Rates are greedy decoding, the acoustic model alone. MB are 10<sup>6</sup> bytes.</p>\n"
         "</footer>\n";
}

// One row of panels for each of the newest rounds, under their names.
std::optional<Drawing> PanelRows(Rounds rounds, const std::string& title, bool memory,
                                 bool device) {
  std::vector<Drawing> rows;
  for (const RoundRecord& round : Newest(rounds, kMostPanels)) {
    const std::vector<Drawing> panels = RoundPanels(round, memory, device);
    if (panels.empty()) continue;
    Drawing heading{.width = kNarrow, .height = 18};
    AddText(heading, {0, 13}, FittingText(RoundName(round) + ", " + OutcomeWord(round), kNarrow),
            "t strong f0", Anchor::kStart);
    rows.push_back(std::move(heading));
    rows.push_back(SideBySide(panels, kFileWidth - 2 * kNarrow));
  }
  if (rows.empty()) return std::nullopt;
  return Stacked(rows, title);
}

}  // namespace

std::string ReportHtml(Rounds rounds) {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      // Whatever a record holds, nothing is fetched and no script runs.
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
      "<title>MobileASR report</title>\n<style>" +
      PageCss() + "</style>\n</head>\n<body>\n<main>\n" + OpeningHtml(rounds);
  if (!rounds.empty()) {
    html += ErrorsHtml(rounds) + SentencesSection(rounds) + ResourcesHtml(rounds) +
            LossHtml(rounds) + "<section>\n<h2>All rounds</h2>\n" + RoundsTableHtml(rounds) +
            "</section>\n" + FooterHtml(rounds);
  }
  return html + "</main>\n</body>\n</html>\n";
}

std::vector<FigureFile> ReportFigures(Rounds rounds) {
  std::vector<FigureFile> files;
  if (rounds.empty()) return files;
  const Rounds on_axis = Newest(rounds, kMostOnAxis);
  files.push_back({"errors.svg", SvgFile(ErrorRateFigure(on_axis, kFileWidth))});
  files.push_back({"loss.svg", SvgFile(LossFigure(on_axis, kFileWidth))});
  if (const auto memory = PanelRows(rounds, "RAM over time, and as planned", true, false)) {
    files.push_back({"memory.svg", SvgFile(*memory)});
  }
  if (const auto device = PanelRows(rounds, "Battery, heat and power", false, true)) {
    files.push_back({"device.svg", SvgFile(*device)});
  }
  return files;
}

Status WriteReport(Rounds rounds, const std::string& path) {
  return ReplaceFile(path, ReportHtml(rounds));
}

Status WriteFigures(Rounds rounds, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Fail(ErrorCode::kIo, folder + ": " + error.message());
  for (const FigureFile& file : ReportFigures(rounds)) {
    MASR_RETURN_IF_ERROR(
        ReplaceFile((std::filesystem::path(folder) / file.name).string(), file.svg));
  }
  return {};
}

}  // namespace masr

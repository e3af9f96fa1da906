// The report of a history: what rounds of learning a voice did, for the person and the researcher.
//
// One HTML file without scripts that asks no network for anything, and its figures as SVG files of
// their own. Legible from 360 pixels of width, in light and dark. The size is bounded: of very long
// histories the newest rounds are drawn, and lines are thinned to what can be seen.
#ifndef MOBILEASR_REPORT_REPORT_H_
#define MOBILEASR_REPORT_REPORT_H_

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "train/round_record.h"

namespace masr {

// Oldest round first; any record will do, an empty history included. Well-formed XML too.
std::string ReportHtml(std::span<const RoundRecord> rounds);

struct FigureFile {
  std::string name;  // "errors.svg"
  std::string svg;
};
// errors.svg and loss.svg; memory.svg and device.svg where there are samples. None without rounds.
std::vector<FigureFile> ReportFigures(std::span<const RoundRecord> rounds);

// Replaces `path` at once or not at all (kIo, kNoSpace).
Status WriteReport(std::span<const RoundRecord> rounds, const std::string& path);
// Into `folder`, made if it does not exist; replaces files of these names.
Status WriteFigures(std::span<const RoundRecord> rounds, const std::string& folder);

}  // namespace masr

#endif  // MOBILEASR_REPORT_REPORT_H_

// Pieces of the page: each is well-formed markup with everything that comes from records escaped.
#ifndef MOBILEASR_REPORT_PAGE_PARTS_H_
#define MOBILEASR_REPORT_PAGE_PARTS_H_

#include <span>
#include <string>

#include "train/round_record.h"

namespace masr {

// The style sheet of the page, that of its figures included.
std::string PageCss();

// The answer, the numbers behind it, the outcome of the last round.
std::string OpeningHtml(std::span<const RoundRecord> rounds);

// Reference, before and after, wrong words marked. Long texts are cut; empty without sentences.
std::string SentencesHtml(std::span<const SentenceChange> sentences);

// All rounds, newest first: a table that becomes cards on a phone.
std::string RoundsTableHtml(std::span<const RoundRecord> rounds);

// "Round 2: top 4 blocks".
std::string RoundName(const RoundRecord& round);

}  // namespace masr

#endif  // MOBILEASR_REPORT_PAGE_PARTS_H_

#include "recognize/segment_texts.h"

namespace masr {

std::string Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(' ') + 1 - first));
}

std::vector<RecognizedText> SegmentTexts(const SpokenSegment& segment, const Vocabulary& vocabulary,
                                         int count) {
  const int64_t rows = std::ssize(segment.rows) / vocabulary.size();
  std::vector<RecognizedText> texts =
      MakeNBest(segment.hypotheses, vocabulary, rows, segment.rows.data(), count);
  for (RecognizedText& text : texts) text.text = Trimmed(text.text);
  if (!texts.empty() && texts.front().text.empty()) texts.clear();
  return texts;
}

}  // namespace masr

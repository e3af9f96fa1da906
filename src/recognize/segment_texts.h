// What a segment says, to a person.
#ifndef MOBILEASR_RECOGNIZE_SEGMENT_TEXTS_H_
#define MOBILEASR_RECOGNIZE_SEGMENT_TEXTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "ctc/n_best.h"
#include "recognize/streaming_recognizer.h"
#include "text/vocabulary.h"

namespace masr {

// Greedy decoding may put a space at either end.
std::string Trimmed(std::string_view text);

// At most `count` texts, best first, trimmed; none where the best one is empty.
std::vector<RecognizedText> SegmentTexts(const SpokenSegment& segment, const Vocabulary& vocabulary,
                                         int count);

}  // namespace masr

#endif  // MOBILEASR_RECOGNIZE_SEGMENT_TEXTS_H_

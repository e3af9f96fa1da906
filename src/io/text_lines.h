// Lines of a text file.
#ifndef MOBILEASR_IO_TEXT_LINES_H_
#define MOBILEASR_IO_TEXT_LINES_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace masr {

struct TextLine {
  int64_t number;  // from 1
  std::string_view text;
};

// Without a byte-order mark at the start, without CR or LF at the ends, without lines of nothing
// but spaces.
std::vector<TextLine> SplitLines(std::string_view text);

}  // namespace masr

#endif  // MOBILEASR_IO_TEXT_LINES_H_

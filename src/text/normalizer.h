// Text as the vocabulary expects it.
#ifndef MOBILEASR_TEXT_NORMALIZER_H_
#define MOBILEASR_TEXT_NORMALIZER_H_

#include <string>
#include <string_view>
#include <vector>

namespace masr {

// English: lower case, typographic apostrophes to ', accented Latin letters to their base letter,
// hyphens and other punctuation to a space, runs of space to one, none at the ends. What is read
// aloud but not written out (digits, $ % & + = @, currency signs) and other scripts stay as they
// are, so that the vocabulary can name them in its error.
std::string NormalizeEnglish(std::string_view text);

// The code points of valid UTF-8; each invalid byte becomes U+FFFD.
std::vector<std::string> SplitCodePoints(std::string_view text);

}  // namespace masr

#endif  // MOBILEASR_TEXT_NORMALIZER_H_

// UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef MOBILEASR_TEXT_UTF8_H_
#define MOBILEASR_TEXT_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace masr {

inline constexpr char32_t kReplacementCharacter = 0xfffd;

struct CodePoint {
  char32_t value = kReplacementCharacter;
  size_t bytes = 1;  // that it takes in the text
  bool valid = false;
};

// The code point at the start of `text`, which is not empty. An invalid byte is one code point,
// U+FFFD.
CodePoint FirstCodePoint(std::string_view text);

}  // namespace masr

#endif  // MOBILEASR_TEXT_UTF8_H_

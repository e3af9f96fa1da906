// Tokens of a CTC output: index 0 is the blank. Character vocabularies split text into code points.
#ifndef MOBILEASR_TEXT_VOCABULARY_H_
#define MOBILEASR_TEXT_VOCABULARY_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

class Vocabulary {
 public:
  static constexpr int32_t kBlank = 0;

  // The tokens in order, without the blank, each one UTF-8 code point; duplicates are refused.
  static Result<Vocabulary> FromCharacters(const std::vector<std::string>& characters);
  // Space, apostrophe, a to z: 29 tokens with the blank.
  static Vocabulary English();

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  // Token 0 is the empty string.
  const std::string& token(int32_t index) const { return tokens_[index]; }
  // The tokens without the blank, as given to FromCharacters.
  std::vector<std::string> characters() const;

  // Fails on a code point that is not in the vocabulary, naming it and its position.
  Result<std::vector<int32_t>> Encode(std::string_view text) const;
  // Joins the tokens, skipping blanks; the caller has collapsed repeats.
  std::string Decode(std::span<const int32_t> tokens) const;

 private:
  std::vector<std::string> tokens_;
  std::map<std::string, int32_t, std::less<>> index_;
};

}  // namespace masr

#endif  // MOBILEASR_TEXT_VOCABULARY_H_

// Word and character error rate with the alignment behind them (Levenshtein, 1966).
#ifndef MOBILEASR_TEXT_ERROR_RATE_H_
#define MOBILEASR_TEXT_ERROR_RATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace masr {

enum class Edit : uint8_t { kMatch, kSubstitution, kInsertion, kDeletion };

struct AlignedToken {
  Edit edit;
  std::string reference;   // empty for an insertion
  std::string hypothesis;  // empty for a deletion
};

struct ErrorCounts {
  int64_t reference_tokens = 0;
  int64_t substitutions = 0;
  int64_t insertions = 0;
  int64_t deletions = 0;

  int64_t errors() const { return substitutions + insertions + deletions; }
  // errors / reference tokens, in percent; over 100 is possible. With an empty reference: 0 without
  // errors, else 100 per inserted token.
  double rate_percent() const;
  ErrorCounts& operator+=(const ErrorCounts& other);
};

// Words are separated by spaces; characters are UTF-8 code points, spaces between words included.
std::vector<AlignedToken> AlignWords(std::string_view reference, std::string_view hypothesis);
ErrorCounts CountWordErrors(std::string_view reference, std::string_view hypothesis);
ErrorCounts CountCharacterErrors(std::string_view reference, std::string_view hypothesis);

}  // namespace masr

#endif  // MOBILEASR_TEXT_ERROR_RATE_H_

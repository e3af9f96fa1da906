// vocab.json of a character-based CTC tokenizer of Hugging Face's.
#ifndef MOBILEASR_CONVERT_HUGGINGFACE_VOCABULARY_H_
#define MOBILEASR_CONVERT_HUGGINGFACE_VOCABULARY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

struct SourceVocabulary {
  std::vector<std::string> characters;  // ours, in the order of their numbers
  std::vector<int64_t> rows;            // of the head: the blank's, then each character's
  std::vector<std::string> dropped;     // tokens that no text has
  bool lowered = false;                 // letters were capitals only and are small ones now
};

// `blank` is the number of CTC's blank, `tokens` how many rows the head has. `delimiter` stands for
// a space. Tokens in angle or square brackets are dropped; one of several characters otherwise is
// kUnsupported.
Result<SourceVocabulary> ParseCtcVocabulary(std::string_view json, const std::string& where,
                                            int64_t blank, int64_t tokens,
                                            const std::string& delimiter);

}  // namespace masr

#endif  // MOBILEASR_CONVERT_HUGGINGFACE_VOCABULARY_H_

// The words of a language model as a tree of bytes: what a word begun can still become, and how
// likely the best of that is.
#ifndef MOBILEASR_CTC_LEXICON_H_
#define MOBILEASR_CTC_LEXICON_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lm/language_model.h"

namespace masr {

class Lexicon {
 public:
  static constexpr int32_t kRoot = 0;
  static constexpr int32_t kNone = -1;

  // The words of `model` but its first three, and `extra` ones that it may lack (those are kept as
  // unknown words, as likely as one).
  Lexicon(const LanguageModel& model, std::span<const std::string> extra);

  // The node after one more byte, or kNone.
  int32_t Child(int32_t node, uint8_t byte) const;
  // The word that ends here (kUnknownWord for an extra one), or kNone.
  int32_t word(int32_t node) const { return nodes_[static_cast<size_t>(node)].word; }
  // The largest ln p(word) of the unigrams that begin with these bytes.
  float best(int32_t node) const { return nodes_[static_cast<size_t>(node)].best; }

 private:
  struct Node {
    int32_t first_child = 0;
    int32_t word = kNone;
    float best = 0;
    uint16_t children = 0;
    uint8_t byte = 0;
  };

  std::vector<Node> nodes_;
};

}  // namespace masr

#endif  // MOBILEASR_CTC_LEXICON_H_

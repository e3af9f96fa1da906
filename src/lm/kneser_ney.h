// Estimation of n-gram models: interpolated modified Kneser-Ney (Chen and Goodman, 1998).
#ifndef MOBILEASR_LM_KNESER_NEY_H_
#define MOBILEASR_LM_KNESER_NEY_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "lm/ngram_model.h"

namespace masr {

// Sentences as word indices, each as <s> ... </s>.
class TrainingText {
 public:
  // Words are separated by spaces or tabs; an empty sentence is not added. The words <s>, </s> and
  // <unk> are refused: a text that holds them was made for another purpose.
  Status AddSentence(std::string_view sentence);

  // Words seen fewer than `min_count` times become <unk>.
  void ReplaceRareWords(int64_t min_count);

  const std::vector<std::string>& words() const { return words_; }
  std::span<const int32_t> tokens() const { return tokens_; }
  int64_t sentences() const { return sentences_; }

 private:
  std::vector<std::string> words_ = {"<unk>", "<s>", "</s>"};
  std::unordered_map<std::string, int32_t> index_;
  std::vector<int32_t> tokens_;
  int64_t sentences_ = 0;
};

struct WeightedWord {
  std::string word;
  double weight = 1;
};

struct KneserNeyOptions {
  int order = 3;
  // Where there is too little text, or too repetitive a one, to estimate discounts from its counts
  // of counts, take 0.5, 1 and 1.5 instead of failing (KenLM's --discount_fallback).
  bool discount_fallback = false;
  // A list of words with their frequencies that the text knows too little of: the unigrams that
  // higher orders back off to are (1 - share) * text + share * list. Words that are new are added.
  std::vector<WeightedWord> word_list;
  double word_list_share = 0;
};

// Fails where there is no text, or where discounts cannot be estimated and no fallback is wanted.
Result<NgramModel> EstimateKneserNey(const TrainingText& text, const KneserNeyOptions& options);

}  // namespace masr

#endif  // MOBILEASR_LM_KNESER_NEY_H_

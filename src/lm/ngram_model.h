// A back-off n-gram model in the open: what an ARPA file says, what estimation gives and pruning
// thins out. LanguageModel is the compact form that a decoder asks.
#ifndef MOBILEASR_LM_NGRAM_MODEL_H_
#define MOBILEASR_LM_NGRAM_MODEL_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace masr {

// Every model has these three words, with these indices.
constexpr int32_t kUnknownWord = 0;  // <unk>: any word that the model does not have
constexpr int32_t kBeginWord = 1;    // <s>: only ever a context
constexpr int32_t kEndWord = 2;      // </s>: predicted after the last word, never a context

constexpr int kMaxNgramOrder = 6;

// All n-grams of one order.
struct Ngrams {
  std::vector<int32_t> words;            // [entries, order], in ascending order, without duplicates
  std::vector<float> log10_probability;  // of the last word after the others, as ARPA files have it
  std::vector<float> log10_backoff;      // of the n-gram as a context; 0 in the highest order

  int64_t size() const { return static_cast<int64_t>(log10_probability.size()); }
};

// The words of one entry of `ngrams`, which are of this order.
inline std::span<const int32_t> WordsOf(const Ngrams& ngrams, int order, int64_t entry) {
  return std::span(ngrams.words)
      .subspan(static_cast<size_t>(entry * order), static_cast<size_t>(order));
}

struct NgramModel {
  std::vector<std::string> words;  // by index
  std::vector<Ngrams> orders;      // [0]: unigrams, one for each word, in the order of `words`

  int order() const { return static_cast<int>(orders.size()); }
};

NgramModel EmptyNgramModel(int order);

// The position of the n-gram among those of its order, or -1.
int64_t FindNgram(const NgramModel& model, std::span<const int32_t> ngram);

// log10 p(word | context), backing off as needed; a context longer than the model's is cut.
double Log10Probability(const NgramModel& model, std::span<const int32_t> context, int32_t word);

// Puts every order's n-grams into ascending order. Returns the position (before sorting) of an
// n-gram that comes twice, as {order, entry}, or {0, 0} if there is none.
struct DuplicateNgram {
  int order = 0;
  int64_t entry = 0;
};
DuplicateNgram SortNgrams(NgramModel& model);

// Renumbers the words so that all but the first three are in the order of their bytes, and sorts.
void SortWords(NgramModel& model);

}  // namespace masr

#endif  // MOBILEASR_LM_NGRAM_MODEL_H_

#include "lm/ngram_model.h"

#include <algorithm>
#include <numeric>

namespace masr {
namespace {

bool Less(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

template <class T>
void Permute(const std::vector<int64_t>& from, std::vector<T>& values) {
  std::vector<T> permuted(values.size());
  for (size_t i = 0; i < from.size(); ++i) permuted[i] = values[static_cast<size_t>(from[i])];
  values.swap(permuted);
}

// Returns an entry that equals another, or -1.
int64_t SortOrder(Ngrams& ngrams, int order) {
  std::vector<int64_t> from(static_cast<size_t>(ngrams.size()));
  std::iota(from.begin(), from.end(), int64_t{0});
  std::stable_sort(from.begin(), from.end(), [&](int64_t a, int64_t b) {
    return Less(WordsOf(ngrams, order, a), WordsOf(ngrams, order, b));
  });
  int64_t duplicate = -1;
  std::vector<int32_t> words;
  words.reserve(ngrams.words.size());
  for (size_t i = 0; i < from.size(); ++i) {
    const auto entry = WordsOf(ngrams, order, from[i]);
    if (i > 0 && duplicate < 0 && std::ranges::equal(entry, WordsOf(ngrams, order, from[i - 1]))) {
      duplicate = from[i];
    }
    words.insert(words.end(), entry.begin(), entry.end());
  }
  ngrams.words.swap(words);
  Permute(from, ngrams.log10_probability);
  Permute(from, ngrams.log10_backoff);
  return duplicate;
}

}  // namespace

NgramModel EmptyNgramModel(int order) {
  NgramModel model;
  model.words = {"<unk>", "<s>", "</s>"};
  model.orders.resize(static_cast<size_t>(order));
  return model;
}

int64_t FindNgram(const NgramModel& model, std::span<const int32_t> ngram) {
  const auto order = static_cast<int>(ngram.size());
  const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
  int64_t low = 0;
  int64_t high = ngrams.size();
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (Less(WordsOf(ngrams, order, middle), ngram)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const bool found = low < ngrams.size() && std::ranges::equal(WordsOf(ngrams, order, low), ngram);
  return found ? low : -1;
}

double Log10Probability(const NgramModel& model, std::span<const int32_t> context, int32_t word) {
  const size_t longest = std::min(context.size(), model.orders.size() - 1);
  std::vector<int32_t> ngram(context.end() - static_cast<ptrdiff_t>(longest), context.end());
  ngram.push_back(word);
  double log10_backoff = 0;
  for (std::span<const int32_t> rest(ngram);; rest = rest.subspan(1)) {
    const Ngrams& ngrams = model.orders[rest.size() - 1];
    const int64_t entry = FindNgram(model, rest);
    if (entry >= 0) {
      return log10_backoff + ngrams.log10_probability[static_cast<size_t>(entry)];
    }
    const int64_t seen = FindNgram(model, rest.first(rest.size() - 1));
    if (seen >= 0) {
      log10_backoff += model.orders[rest.size() - 2].log10_backoff[static_cast<size_t>(seen)];
    }
  }
}

DuplicateNgram SortNgrams(NgramModel& model) {
  DuplicateNgram duplicate;
  for (int order = 1; order <= model.order(); ++order) {
    const int64_t entry = SortOrder(model.orders[static_cast<size_t>(order - 1)], order);
    if (entry >= 0 && duplicate.order == 0) duplicate = {order, entry};
  }
  return duplicate;
}

void SortWords(NgramModel& model) {
  std::vector<int32_t> by_bytes(model.words.size());
  std::iota(by_bytes.begin(), by_bytes.end(), 0);
  std::sort(by_bytes.begin() + 3, by_bytes.end(), [&](int32_t a, int32_t b) {
    return model.words[static_cast<size_t>(a)] < model.words[static_cast<size_t>(b)];
  });
  std::vector<int32_t> index(by_bytes.size());
  std::vector<std::string> words;
  words.reserve(model.words.size());
  for (size_t i = 0; i < by_bytes.size(); ++i) {
    index[static_cast<size_t>(by_bytes[i])] = static_cast<int32_t>(i);
    words.push_back(std::move(model.words[static_cast<size_t>(by_bytes[i])]));
  }
  model.words.swap(words);
  for (Ngrams& ngrams : model.orders) {
    for (int32_t& word : ngrams.words) word = index[static_cast<size_t>(word)];
  }
  SortNgrams(model);
}

}  // namespace masr

#include "lm/language_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace masr {
namespace {

constexpr size_t kNarrowWords = size_t{1} << 16;

// Adds the beginnings that n-grams lack, from the highest order down.
void AddMissingContexts(NgramModel& model) {
  for (int order = model.order(); order > 2; --order) {
    const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
    const auto length = static_cast<size_t>(order - 1);
    std::vector<std::vector<int32_t>> missing;
    for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
      const auto context =
          std::span(ngrams.words).subspan(static_cast<size_t>(entry * order), length);
      if (FindNgram(model, context) >= 0) continue;
      if (!missing.empty() && std::ranges::equal(missing.back(), context)) continue;
      missing.emplace_back(context.begin(), context.end());
    }
    if (missing.empty()) continue;
    Ngrams& contexts = model.orders[length - 1];
    std::vector<float> probabilities;
    probabilities.reserve(missing.size());
    for (const std::vector<int32_t>& ngram : missing) {
      probabilities.push_back(static_cast<float>(
          Log10Probability(model, std::span(ngram).first(length - 1), ngram.back())));
    }
    for (size_t i = 0; i < missing.size(); ++i) {
      contexts.words.insert(contexts.words.end(), missing[i].begin(), missing[i].end());
      contexts.log10_probability.push_back(probabilities[i]);
      contexts.log10_backoff.push_back(0.0f);
    }
    SortNgrams(model);
  }
}

// A table of 256 values: the extremes, and the means of bins of equal population between them;
// where there are fewer distinct values than that, they are the table.
std::vector<float> MakeTable(const std::vector<float>& values) {
  std::vector<float> sorted(values);
  std::sort(sorted.begin(), sorted.end());
  std::vector<float> distinct(sorted);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (distinct.size() <= LanguageModel::kCodes) {
    distinct.resize(LanguageModel::kCodes, distinct.empty() ? 0.0f : distinct.back());
    return distinct;
  }
  std::vector<float> table = {sorted.front()};
  table.reserve(LanguageModel::kCodes);
  constexpr size_t kBins = LanguageModel::kCodes - 2;
  for (size_t bin = 0; bin < kBins; ++bin) {
    const size_t begin = sorted.size() * bin / kBins;
    const size_t end = std::max(sorted.size() * (bin + 1) / kBins, begin + 1);
    const double sum = std::accumulate(sorted.begin() + static_cast<ptrdiff_t>(begin),
                                       sorted.begin() + static_cast<ptrdiff_t>(end), 0.0);
    table.push_back(static_cast<float>(sum / static_cast<double>(end - begin)));
  }
  table.push_back(sorted.back());
  return table;
}

uint8_t Nearest(const std::vector<float>& table, float value) {
  const auto above = std::lower_bound(table.begin(), table.end(), value);
  if (above == table.begin()) return 0;
  const auto code = static_cast<size_t>(above - table.begin());
  if (above == table.end()) return LanguageModel::kCodes - 1;
  const bool lower = value - table[code - 1] <= table[code] - value;
  return static_cast<uint8_t>(lower ? code - 1 : code);
}

}  // namespace

LanguageModel::State LanguageModel::NoContext() {
  State state;
  state.entries.fill(-1);
  return state;
}

LanguageModel::Numbers LanguageModel::Store(const std::vector<float>& log10, bool quantize) {
  std::vector<float> ln(log10);
  for (float& value : ln) value *= std::numbers::ln10_v<float>;
  Numbers numbers;
  if (!quantize) {
    storage_->floats.push_back(std::move(ln));
    numbers.table = storage_->floats.back();
    return numbers;
  }
  storage_->floats.push_back(MakeTable(ln));
  const std::vector<float>& table = storage_->floats.back();
  std::vector<uint8_t> codes;
  codes.reserve(ln.size());
  for (float value : ln) codes.push_back(Nearest(table, value));
  storage_->bytes.push_back(std::move(codes));
  numbers.codes = storage_->bytes.back();
  numbers.table = table;
  return numbers;
}

Result<LanguageModel> LanguageModel::FromNgrams(NgramModel model, LanguageModelUnit unit,
                                                bool quantize) {
  while (model.order() > 1 && model.orders.back().size() == 0) model.orders.pop_back();
  SortWords(model);
  AddMissingContexts(model);
  LanguageModel compact;
  compact.unit_ = unit;
  Storage& storage = *compact.storage_;
  storage.bytes.emplace_back();
  storage.integers.emplace_back();
  for (const std::string& word : model.words) {
    if (word.size() > static_cast<size_t>(LanguageModel::kMaxWordBytes)) {
      return Fail(ErrorCode::kUnsupported,
                  "the language model has a word of more than 1000 bytes; take it out");
    }
    storage.bytes.back().insert(storage.bytes.back().end(), word.begin(), word.end());
    if (storage.bytes.back().size() > INT32_MAX) {
      return Fail(ErrorCode::kUnsupported, "the words of the language model exceed 2 GiB");
    }
    storage.integers.back().push_back(static_cast<int32_t>(storage.bytes.back().size()));
  }
  compact.word_bytes_ = storage.bytes.back();
  compact.word_ends_ = storage.integers.back();
  for (int order = 1; order <= model.order(); ++order) {
    const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
    if (ngrams.size() > INT32_MAX) {
      return Fail(ErrorCode::kUnsupported,
                  "more than 2^31 n-grams of order " + std::to_string(order) + "; prune the model");
    }
    Level level;
    std::vector<int32_t> last;
    last.reserve(static_cast<size_t>(ngrams.size()));
    for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
      last.push_back(ngrams.words[static_cast<size_t>((entry + 1) * order - 1)]);
    }
    if (model.words.size() <= kNarrowWords) {
      storage.shorts.emplace_back(last.begin(), last.end());
      level.words.narrow = storage.shorts.back();
    } else {
      storage.integers.push_back(std::move(last));
      level.words.wide = storage.integers.back();
    }
    // Unigrams are few, and what is likely among them decides most: exact always.
    const bool codes = quantize && order > 1;
    level.probability = compact.Store(ngrams.log10_probability, codes);
    if (order < model.order()) {
      level.backoff = compact.Store(ngrams.log10_backoff, codes);
      // Both orders are sorted: the children of an entry follow those of the one before.
      const Ngrams& longer = model.orders[static_cast<size_t>(order)];
      std::vector<int32_t> children;
      children.reserve(static_cast<size_t>(ngrams.size()) + 1);
      int64_t child = 0;
      const auto length = static_cast<size_t>(order);
      for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
        children.push_back(static_cast<int32_t>(child));
        const auto context =
            std::span(ngrams.words).subspan(static_cast<size_t>(entry) * length, length);
        while (child < longer.size() &&
               std::ranges::equal(
                   context, std::span(longer.words)
                                .subspan(static_cast<size_t>(child) * (length + 1), length))) {
          ++child;
        }
      }
      children.push_back(static_cast<int32_t>(child));
      storage.integers.push_back(std::move(children));
      level.children = storage.integers.back();
    }
    compact.levels_.push_back(level);
  }
  compact.SetBegin();
  return compact;
}

void LanguageModel::SetBegin() {
  begin_ = NoContext();
  begin_.entries[0] = kBeginWord;
}

int32_t LanguageModel::Child(int level, int32_t parent, int32_t word) const {
  const Level& above = levels_[static_cast<size_t>(level)];
  const Words& words = levels_[static_cast<size_t>(level) + 1].words;
  int32_t low = above.children[static_cast<size_t>(parent)];
  const int32_t end = above.children[static_cast<size_t>(parent) + 1];
  int32_t high = end;
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (words[middle] < word) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < end && words[low] == word ? low : -1;
}

float LanguageModel::Score(const State& state, int32_t word, State& next) const {
  State after = NoContext();
  after.entries[0] = word;
  float score = levels_[0].probability[word];
  float backoff = 0;  // of the contexts longer than the one that knows the word
  // From the shortest context to the longest: the longest that knows the word decides.
  for (int level = 0; level + 1 < order(); ++level) {
    const int32_t context = state.entries[static_cast<size_t>(level)];
    if (context < 0) continue;
    const int32_t child = Child(level, context, word);
    if (child < 0) {
      backoff += levels_[static_cast<size_t>(level)].backoff[context];
      continue;
    }
    score = levels_[static_cast<size_t>(level) + 1].probability[child];
    backoff = 0;
    if (level + 2 < order()) after.entries[static_cast<size_t>(level) + 1] = child;
  }
  next = after;
  return score + backoff;
}

int32_t LanguageModel::Find(std::string_view searched) const {
  for (int32_t special : {kUnknownWord, kBeginWord, kEndWord}) {
    if (word(special) == searched) return special;
  }
  int32_t low = 3;
  int32_t high = words();
  while (low < high) {
    const int32_t middle = low + (high - low) / 2;
    if (word(middle) < searched) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < words() && word(low) == searched ? low : kUnknownWord;
}

std::string_view LanguageModel::word(int32_t index) const {
  const auto i = static_cast<size_t>(index);
  const int32_t begin = i == 0 ? 0 : word_ends_[i - 1];
  return {reinterpret_cast<const char*>(word_bytes_.data()) + begin,
          static_cast<size_t>(word_ends_[i] - begin)};
}

}  // namespace masr

#include "lm/kneser_ney.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace masr {
namespace {

// log10 of what is next to nothing: a word's share of a list, the back-off of a context all of
// whose discounts are 0.
constexpr float kNothingLeft = -99.0f;

// Distinct n-grams of one order with their adjusted counts: how often they were seen in the highest
// order and after <s>, else in how many words they were seen to continue.
struct Counts {
  int order = 0;
  std::vector<int32_t> words;  // [entries, order], ascending
  std::vector<int64_t> counts;

  size_t size() const { return counts.size(); }
  std::span<const int32_t> Entry(size_t entry) const {
    return std::span(words).subspan(entry * static_cast<size_t>(order), static_cast<size_t>(order));
  }
};

// Sorts the given n-grams, each one's first word at a position in `words`, and sums equal ones up.
Counts Tally(int order, std::span<const int32_t> words, std::vector<size_t> positions,
             const std::vector<int64_t>& weights) {
  const auto entry = [&](size_t position) {
    return words.subspan(position, static_cast<size_t>(order));
  };
  std::vector<uint32_t> by_words(positions.size());
  for (size_t i = 0; i < by_words.size(); ++i) by_words[i] = static_cast<uint32_t>(i);
  std::sort(by_words.begin(), by_words.end(), [&](uint32_t a, uint32_t b) {
    return std::ranges::lexicographical_compare(entry(positions[a]), entry(positions[b]));
  });
  Counts counts;
  counts.order = order;
  for (uint32_t i : by_words) {
    const auto ngram = entry(positions[i]);
    if (counts.counts.empty() || !std::ranges::equal(counts.Entry(counts.size() - 1), ngram)) {
      counts.words.insert(counts.words.end(), ngram.begin(), ngram.end());
      counts.counts.push_back(0);
    }
    counts.counts.back() += weights.empty() ? 1 : weights[i];
  }
  return counts;
}

// Every n-gram of the text within a sentence.
Counts CountRaw(int order, std::span<const int32_t> tokens) {
  std::vector<size_t> positions;
  int64_t inside = 0;  // tokens of this sentence so far
  for (size_t i = 0; i < tokens.size(); ++i) {
    inside = tokens[i] == kBeginWord ? 1 : inside + 1;
    if (inside >= order) positions.push_back(i + 1 - static_cast<size_t>(order));
  }
  return Tally(order, tokens, std::move(positions), {});
}

// What the n-grams one order higher continue, and the beginnings of sentences, which nothing comes
// before, by their raw count.
Counts CountContinuations(const Counts& higher, std::span<const int32_t> tokens) {
  const int order = higher.order - 1;
  std::vector<int32_t> words(higher.words);
  std::vector<size_t> positions;
  for (size_t entry = 0; entry < higher.size(); ++entry) {
    positions.push_back(entry * static_cast<size_t>(higher.order) + 1);
  }
  std::vector<int64_t> weights(positions.size(), 1);
  if (order > 1) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] != kBeginWord) continue;
      const auto rest = tokens.subspan(i);
      const auto end = std::find(rest.begin(), rest.end(), kEndWord);
      if (end - rest.begin() + 1 < order) continue;
      positions.push_back(words.size());
      weights.push_back(1);
      words.insert(words.end(), rest.begin(), rest.begin() + order);
    }
  }
  return Tally(order, words, std::move(positions), weights);
}

// D(1), D(2), D(3 and more), Chen and Goodman's equation 26.
using Discounts = std::array<double, 4>;

Result<Discounts> EstimateDiscounts(const Counts& counts, bool fallback) {
  std::array<double, 5> of_count{};  // n-grams seen exactly so often
  for (size_t entry = 0; entry < counts.size(); ++entry) {
    if (counts.counts[entry] <= 4) of_count[static_cast<size_t>(counts.counts[entry])] += 1;
  }
  Discounts discounts{};
  bool valid = of_count[1] > 0 && of_count[2] > 0 && of_count[3] > 0;
  const double y = of_count[1] / (of_count[1] + 2 * of_count[2]);
  for (size_t k = 1; k <= 3 && valid; ++k) {
    const auto c = static_cast<double>(k);
    discounts[k] = c - (c + 1) * y * of_count[k + 1] / of_count[k];
    valid = discounts[k] >= 0 && discounts[k] <= c;
  }
  if (valid) return discounts;
  if (fallback) return Discounts{0, 0.5, 1, 1.5};
  return Fail(ErrorCode::kInvalidArgument,
              "the text is too small or too repetitive to estimate the discounts of its " +
                  std::to_string(counts.order) +
                  "-grams; give more text, a lower order, or allow fixed discounts");
}

double Discount(const Discounts& discounts, int64_t count) {
  return discounts[static_cast<size_t>(std::min<int64_t>(count, 3))];
}

Ngrams Unigrams(size_t words, const Counts& counts, const Discounts& discounts) {
  std::vector<int64_t> count(words, 0);
  for (size_t entry = 0; entry < counts.size(); ++entry) {
    count[static_cast<size_t>(counts.words[entry])] = counts.counts[entry];
  }
  double total = 0;
  double kept_back = 0;
  for (int64_t c : count) {
    total += static_cast<double>(c);
    kept_back += Discount(discounts, c);
  }
  // What is kept back is shared by all words that can be predicted: all but <s>.
  const double share = kept_back / total / static_cast<double>(words - 1);
  Ngrams unigrams;
  for (size_t w = 0; w < words; ++w) {
    const double p =
        (static_cast<double>(count[w]) - Discount(discounts, count[w])) / total + share;
    unigrams.words.push_back(static_cast<int32_t>(w));
    // As KenLM has it: <s> is never predicted, and its number never asked for.
    unigrams.log10_probability.push_back(w == kBeginWord ? 0.0f
                                                         : static_cast<float>(std::log10(p)));
    unigrams.log10_backoff.push_back(0.0f);
  }
  return unigrams;
}

void MixWordList(const KneserNeyOptions& options, NgramModel& model) {
  double total = 0;
  for (const WeightedWord& listed : options.word_list) total += listed.weight;
  std::unordered_map<std::string, int32_t> index;
  for (size_t w = 0; w < model.words.size(); ++w) {
    index.emplace(model.words[w], static_cast<int32_t>(w));
  }
  Ngrams& unigrams = model.orders[0];
  std::vector<double> p(model.words.size());
  for (size_t w = 0; w < p.size(); ++w) {
    if (w == kBeginWord) continue;
    p[w] = (1 - options.word_list_share) *
           std::pow(10.0, static_cast<double>(unigrams.log10_probability[w]));
  }
  for (const WeightedWord& listed : options.word_list) {
    const auto [found, added] =
        index.emplace(listed.word, static_cast<int32_t>(model.words.size()));
    if (added) {
      model.words.push_back(listed.word);
      unigrams.words.push_back(found->second);
      unigrams.log10_backoff.push_back(0.0f);
      p.push_back(0);
    }
    p[static_cast<size_t>(found->second)] += options.word_list_share * listed.weight / total;
  }
  unigrams.log10_probability.resize(p.size());
  for (size_t w = 0; w < p.size(); ++w) {
    if (w == kBeginWord) continue;
    unigrams.log10_probability[w] = std::max(static_cast<float>(std::log10(p[w])), kNothingLeft);
  }
}

// p(w | context) = (count - D(count)) / total + backoff(context) * p(w | shorter context), where
// backoff(context) = sum of the context's discounts / total.
Ngrams Interpolate(const Counts& counts, const Discounts& discounts, NgramModel& lower) {
  Ngrams ngrams;
  ngrams.words = counts.words;
  ngrams.log10_probability.resize(counts.size());
  ngrams.log10_backoff.resize(counts.size(), 0.0f);
  Ngrams& contexts = lower.orders.back();
  for (size_t begin = 0; begin < counts.size();) {
    const auto context = counts.Entry(begin).first(static_cast<size_t>(counts.order - 1));
    size_t end = begin;
    double total = 0;
    double kept_back = 0;
    for (; end < counts.size() &&
           std::ranges::equal(counts.Entry(end).first(context.size()), context);
         ++end) {
      total += static_cast<double>(counts.counts[end]);
      kept_back += Discount(discounts, counts.counts[end]);
    }
    const double backoff = kept_back / total;
    contexts.log10_backoff[static_cast<size_t>(FindNgram(lower, context))] =
        std::max(static_cast<float>(std::log10(backoff)), kNothingLeft);
    for (size_t entry = begin; entry < end; ++entry) {
      const int64_t shorter = FindNgram(lower, counts.Entry(entry).subspan(1));
      const double p_shorter = std::pow(
          10.0, static_cast<double>(contexts.log10_probability[static_cast<size_t>(shorter)]));
      const double seen =
          (static_cast<double>(counts.counts[entry]) - Discount(discounts, counts.counts[entry])) /
          total;
      ngrams.log10_probability[entry] = static_cast<float>(std::log10(seen + backoff * p_shorter));
    }
    begin = end;
  }
  return ngrams;
}

}  // namespace

Status TrainingText::AddSentence(std::string_view sentence) {
  const size_t before = tokens_.size();
  tokens_.push_back(kBeginWord);
  for (size_t at = sentence.find_first_not_of(" \t\r\n"); at != std::string_view::npos;
       at = sentence.find_first_not_of(" \t\r\n", at)) {
    const size_t end = std::min(sentence.find_first_of(" \t\r\n", at), sentence.size());
    const std::string_view word = sentence.substr(at, end - at);
    at = end;
    if (word == "<s>" || word == "</s>" || word == "<unk>") {
      tokens_.resize(before);
      return Fail(ErrorCode::kInvalidArgument,
                  "the text holds \"" + std::string(word) + "\"; take the markers out");
    }
    const auto [found, added] =
        index_.emplace(std::string(word), static_cast<int32_t>(words_.size()));
    if (added) words_.emplace_back(word);
    tokens_.push_back(found->second);
  }
  if (tokens_.size() == before + 1) {
    tokens_.pop_back();
    return {};
  }
  tokens_.push_back(kEndWord);
  ++sentences_;
  return {};
}

void TrainingText::ReplaceRareWords(int64_t min_count) {
  std::vector<int64_t> counts(words_.size(), 0);
  for (int32_t token : tokens_) ++counts[static_cast<size_t>(token)];
  std::vector<int32_t> renumbered = {kUnknownWord, kBeginWord, kEndWord};
  std::vector<std::string> kept(words_.begin(), words_.begin() + 3);
  index_.clear();
  for (size_t w = 3; w < words_.size(); ++w) {
    const bool rare = counts[w] < min_count;
    renumbered.push_back(rare ? kUnknownWord : static_cast<int32_t>(kept.size()));
    if (rare) continue;
    index_.emplace(words_[w], renumbered[w]);
    kept.push_back(std::move(words_[w]));
  }
  words_.swap(kept);
  for (int32_t& token : tokens_) token = renumbered[static_cast<size_t>(token)];
}

Result<NgramModel> EstimateKneserNey(const TrainingText& text, const KneserNeyOptions& options) {
  if (options.order < 1 || options.order > kMaxNgramOrder) {
    return Fail(ErrorCode::kInvalidArgument,
                "the order is between 1 and " + std::to_string(kMaxNgramOrder));
  }
  double listed = 0;
  for (const WeightedWord& word : options.word_list) listed += word.weight;
  if (!std::isfinite(listed)) {
    return Fail(ErrorCode::kInvalidArgument,
                "the weights of the word list do not add up to a number");
  }
  if (text.sentences() == 0) return Fail(ErrorCode::kInvalidArgument, "there is no text");

  // Highest order first: each lower one counts what the one above it continues.
  std::vector<Counts> counts(static_cast<size_t>(options.order));
  counts.back() = CountRaw(options.order, text.tokens());
  for (size_t i = counts.size() - 1; i > 0; --i) {
    counts[i - 1] = CountContinuations(counts[i], text.tokens());
  }
  if (options.order == 1) {
    // <s> is no word to be predicted.
    Counts& unigrams = counts[0];
    for (size_t entry = 0; entry < unigrams.size(); ++entry) {
      if (unigrams.words[entry] == kBeginWord) unigrams.counts[entry] = 0;
    }
  }

  NgramModel model;
  model.words = text.words();
  for (const Counts& of_order : counts) {
    MASR_TRY(const Discounts discounts, EstimateDiscounts(of_order, options.discount_fallback));
    if (of_order.order == 1) {
      model.orders.push_back(Unigrams(model.words.size(), of_order, discounts));
      if (options.word_list_share > 0 && !options.word_list.empty()) MixWordList(options, model);
    } else {
      Ngrams ngrams = Interpolate(of_order, discounts, model);
      model.orders.push_back(std::move(ngrams));
    }
  }
  SortWords(model);
  return model;
}

}  // namespace masr

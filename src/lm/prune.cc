#include "lm/prune.h"

#include <algorithm>
#include <cmath>

namespace masr {
namespace {

double Exp10(double log10) { return std::pow(10.0, log10); }

// log10 p(context) by the chain rule, from the first word on.
double Log10History(const NgramModel& model, std::span<const int32_t> context) {
  double sum = 0;
  for (size_t i = 0; i < context.size(); ++i) {
    if (context[i] == kBeginWord) continue;
    sum += Log10Probability(model, context.first(i), context[i]);
  }
  return sum;
}

struct Context {
  std::span<const int32_t> words;
  int64_t begin = 0;  // its n-grams
  int64_t end = 0;
};

Context ContextAt(const Ngrams& ngrams, int order, int64_t begin) {
  Context context{WordsOf(ngrams, order, begin).first(static_cast<size_t>(order - 1)), begin,
                  begin};
  while (
      context.end < ngrams.size() &&
      std::ranges::equal(WordsOf(ngrams, order, context.end).first(static_cast<size_t>(order - 1)),
                         context.words)) {
    ++context.end;
  }
  return context;
}

// What a context says of its own n-grams, and what it leaves to shorter contexts.
struct Left {
  std::vector<double> p;          // of each n-gram, by its own number
  std::vector<double> p_shorter;  // and by the context without its first word
  double of_p = 1;                // 1 - sum of p
  double of_p_shorter = 1;        // 1 - sum of p_shorter
};

Left LeftToShorter(const NgramModel& model, int order, const Context& context) {
  const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
  Left left;
  for (int64_t entry = context.begin; entry < context.end; ++entry) {
    const int32_t word = WordsOf(ngrams, order, entry).back();
    left.p.push_back(
        Exp10(static_cast<double>(ngrams.log10_probability[static_cast<size_t>(entry)])));
    left.p_shorter.push_back(Exp10(Log10Probability(model, context.words.subspan(1), word)));
    left.of_p -= left.p.back();
    left.of_p_shorter -= left.p_shorter.back();
  }
  // Rounding, or a model that does not sum to one.
  left.of_p = std::max(left.of_p, 1e-12);
  left.of_p_shorter = std::max(left.of_p_shorter, 1e-12);
  return left;
}

// Marks the n-grams of one order that a longer one begins with: they must stay.
std::vector<bool> Needed(const NgramModel& model, int order) {
  std::vector<bool> needed(static_cast<size_t>(model.orders[static_cast<size_t>(order - 1)].size()),
                           false);
  if (order == model.order()) return needed;
  const Ngrams& longer = model.orders[static_cast<size_t>(order)];
  for (int64_t entry = 0; entry < longer.size(); ++entry) {
    const int64_t begins =
        FindNgram(model, WordsOf(longer, order + 1, entry).first(static_cast<size_t>(order)));
    if (begins >= 0) needed[static_cast<size_t>(begins)] = true;
  }
  return needed;
}

void PruneOrder(NgramModel& model, int order, double threshold) {
  const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
  const std::vector<bool> needed = Needed(model, order);
  std::vector<bool> kept(needed.size(), true);
  for (int64_t begin = 0; begin < ngrams.size();) {
    const Context context = ContextAt(ngrams, order, begin);
    const auto [p, p_shorter, left, left_shorter] = LeftToShorter(model, order, context);
    const double history = Exp10(Log10History(model, context.words));
    const double backoff = left / left_shorter;
    for (int64_t entry = context.begin; entry < context.end; ++entry) {
      const auto i = static_cast<size_t>(entry - context.begin);
      if (needed[static_cast<size_t>(entry)]) continue;
      const double without = (left + p[i]) / (left_shorter + p_shorter[i]);
      const double divergence =
          -history * (p[i] * (std::log(p_shorter[i]) + std::log(without) - std::log(p[i])) +
                      left * (std::log(without) - std::log(backoff)));
      kept[static_cast<size_t>(entry)] = std::expm1(divergence) >= threshold;
    }
    begin = context.end;
  }

  Ngrams rest;
  for (int64_t entry = 0; entry < ngrams.size(); ++entry) {
    const auto e = static_cast<size_t>(entry);
    if (!kept[e]) continue;
    const auto words = WordsOf(ngrams, order, entry);
    rest.words.insert(rest.words.end(), words.begin(), words.end());
    rest.log10_probability.push_back(ngrams.log10_probability[e]);
    rest.log10_backoff.push_back(ngrams.log10_backoff[e]);
  }
  model.orders[static_cast<size_t>(order - 1)] = std::move(rest);
}

// So that what follows every context of `order` - 1 words sums to one again. What a context leaves
// to shorter ones depends on those: lowest order first.
void RecomputeBackoffs(NgramModel& model, int order) {
  Ngrams& contexts = model.orders[static_cast<size_t>(order - 2)];
  std::ranges::fill(contexts.log10_backoff, 0.0f);
  const Ngrams& ngrams = model.orders[static_cast<size_t>(order - 1)];
  for (int64_t begin = 0; begin < ngrams.size();) {
    const Context context = ContextAt(ngrams, order, begin);
    const Left left = LeftToShorter(model, order, context);
    const int64_t entry = FindNgram(model, context.words);
    if (entry >= 0) {
      contexts.log10_backoff[static_cast<size_t>(entry)] =
          static_cast<float>(std::log10(left.of_p / left.of_p_shorter));
    }
    begin = context.end;
  }
}

}  // namespace

void PruneByEntropy(NgramModel& model, double threshold) {
  for (int order = model.order(); order > 1; --order) PruneOrder(model, order, threshold);
  for (int order = 2; order <= model.order(); ++order) RecomputeBackoffs(model, order);
  // Orders that nothing is left of.
  while (model.order() > 1 && model.orders.back().size() == 0) {
    model.orders.pop_back();
    std::ranges::fill(model.orders.back().log10_backoff, 0.0f);
  }
}

}  // namespace masr

#include "ctc/n_best.h"

#include <algorithm>
#include <cmath>

#include "ctc/alignment.h"
#include "ctc/ctc_loss.h"
#include "text/error_rate.h"

namespace masr {
namespace {

std::vector<double> Probabilities(const std::vector<Hypothesis>& hypotheses) {
  std::vector<double> probabilities;
  double sum = 0;
  for (const Hypothesis& hypothesis : hypotheses) {
    probabilities.push_back(std::exp(hypothesis.score - hypotheses.front().score));
    sum += probabilities.back();
  }
  for (double& probability : probabilities) probability /= sum;
  return probabilities;
}

std::vector<RecognizedWord> TimedWords(const Hypothesis& hypothesis, const Vocabulary& vocabulary,
                                       int64_t frames, const float* logits) {
  std::vector<RecognizedWord> words;
  // A text that the beam kept has a path; one that a caller made up may have none.
  const bool feasible = frames >= CtcMinimumFrames(hypothesis.tokens);
  const std::vector<TokenFrames> times =
      feasible
          ? AlignTokens(frames, vocabulary.size(), Vocabulary::kBlank, logits, hypothesis.tokens)
          : std::vector<TokenFrames>(hypothesis.tokens.size());
  bool inside = false;
  for (size_t i = 0; i < hypothesis.tokens.size(); ++i) {
    std::string_view text = vocabulary.token(hypothesis.tokens[i]);
    if (text.starts_with(' ')) {
      inside = false;
      text.remove_prefix(1);
    }
    if (text.empty()) continue;
    if (!inside) words.push_back({.begin_frame = times[i].begin});
    inside = true;
    words.back().text += text;
    words.back().end_frame = times[i].end;
  }
  return words;
}

}  // namespace

std::vector<RecognizedText> MakeNBest(const std::vector<Hypothesis>& hypotheses,
                                      const Vocabulary& vocabulary, int64_t frames,
                                      const float* logits, int count) {
  std::vector<RecognizedText> n_best;
  if (hypotheses.empty()) return n_best;
  const std::vector<double> probabilities = Probabilities(hypotheses);
  std::vector<std::string> texts;
  texts.reserve(hypotheses.size());
  for (const Hypothesis& hypothesis : hypotheses) {
    texts.push_back(vocabulary.Decode(hypothesis.tokens));
  }
  const size_t wanted = std::min(hypotheses.size(), static_cast<size_t>(std::max(count, 0)));
  for (size_t h = 0; h < wanted; ++h) {
    RecognizedText recognized{texts[h], hypotheses[h].score, probabilities[h],
                              TimedWords(hypotheses[h], vocabulary, frames, logits)};
    for (size_t other = 0; other < hypotheses.size(); ++other) {
      size_t word = 0;
      for (const AlignedToken& aligned : AlignWords(texts[h], texts[other])) {
        if (aligned.edit == Edit::kInsertion) continue;
        if (aligned.edit == Edit::kMatch) {
          recognized.words[word].confidence += probabilities[other];
        }
        ++word;
      }
    }
    // Sums of rounded shares may come out a little above one.
    for (RecognizedWord& word : recognized.words) word.confidence = std::min(word.confidence, 1.0);
    n_best.push_back(std::move(recognized));
  }
  return n_best;
}

}  // namespace masr

#include "ctc/beam_decoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace masr {
namespace {

constexpr float kImpossible = -std::numeric_limits<float>::infinity();

// Prefixes that no entry needs any more are dropped when there are this many.
constexpr size_t kNodesBeforeDropping = size_t{1} << 14;

template <class T>
T LogSum(T a, T b) {
  if (a < b) std::swap(a, b);
  return b == -std::numeric_limits<T>::infinity() ? a : a + std::log1p(std::exp(b - a));
}

}  // namespace

BeamDecoder::BeamDecoder(const TextScorer& scorer, int64_t tokens, int32_t blank,
                         const BeamOptions& options)
    : scorer_(&scorer), tokens_(tokens), blank_(blank), options_(options) {
  options_.width = std::max(options_.width, 1);
  nodes_.push_back({.state = scorer.Begin()});
  entries_.push_back({0, 0.0f, kImpossible});
}

void BeamDecoder::Advance(int64_t frames, const float* logits) {
  log_probabilities_.resize(static_cast<size_t>(tokens_));
  for (int64_t t = 0; t < frames; ++t) {
    const float* row = logits + t * tokens_;
    const float largest = *std::max_element(row, row + tokens_);
    float sum = 0;
    for (int64_t token = 0; token < tokens_; ++token) sum += std::exp(row[token] - largest);
    const float normalizer = largest + std::log(sum);
    // A network gone wrong says nothing in this frame.
    if (!std::isfinite(normalizer)) continue;
    for (int64_t token = 0; token < tokens_; ++token) {
      log_probabilities_[static_cast<size_t>(token)] = row[token] - normalizer;
    }
    AdvanceFrame();
    if (nodes_.size() > kNodesBeforeDropping) DropUnreachable();
  }
}

void BeamDecoder::AdvanceFrame() {
  const float* log_probabilities = log_probabilities_.data();
  candidates_.clear();
  for (size_t i = 0; i < entries_.size(); ++i) {
    const int32_t node = entries_[i].node;
    nodes_[static_cast<size_t>(node)].entry = static_cast<int32_t>(i);
    const Node& prefix = nodes_[static_cast<size_t>(node)];
    candidates_.push_back({.node = node,
                           .blank = kImpossible,
                           .token = kImpossible,
                           .text_score = prefix.text_score});
  }
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry entry = entries_[i];
    Candidate& same = candidates_[i];
    const float total = LogSum(entry.blank, entry.token);
    same.blank = total + log_probabilities[blank_];
    if (entry.node != 0) {
      const int32_t last = nodes_[static_cast<size_t>(entry.node)].token;
      same.token = LogSum(same.token, entry.token + log_probabilities[last]);
    }
    for (int32_t token = 0; token < tokens_; ++token) {
      if (token == blank_ || log_probabilities[token] < options_.min_token_log_probability)
        continue;
      AddToken(entry, total, token, log_probabilities[token]);
    }
  }
  for (const Entry& entry : entries_) nodes_[static_cast<size_t>(entry.node)].entry = -1;
  Keep();
}

void BeamDecoder::AddToken(const Entry& entry, float total, int32_t token, float log_probability) {
  const Node& prefix = nodes_[static_cast<size_t>(entry.node)];
  if (!scorer_->CanExtend(prefix.state, token)) return;
  // The same token again is a new one only after a blank.
  const bool repeats = entry.node != 0 && prefix.token == token;
  const float before = repeats ? entry.blank : total;
  const float score = before + log_probability;
  if (score == kImpossible) return;
  const int32_t child = FindChild(entry.node, token);
  if (child >= 0 && nodes_[static_cast<size_t>(child)].entry >= 0) {
    Candidate& known = candidates_[static_cast<size_t>(nodes_[static_cast<size_t>(child)].entry)];
    known.token = LogSum(known.token, score);
    return;
  }
  Candidate candidate{.node = child,
                      .parent = entry.node,
                      .token_index = token,
                      .blank = kImpossible,
                      .token = score};
  if (child >= 0) {
    candidate.text_score = nodes_[static_cast<size_t>(child)].text_score;
  } else {
    candidate.text_score =
        prefix.text_score + scorer_->Extend(prefix.state, token, candidate.state);
  }
  candidates_.push_back(candidate);
}

int32_t BeamDecoder::FindChild(int32_t node, int32_t token) const {
  int32_t child = nodes_[static_cast<size_t>(node)].first_child;
  while (child >= 0 && nodes_[static_cast<size_t>(child)].token != token) {
    child = nodes_[static_cast<size_t>(child)].sibling;
  }
  return child;
}

// The best candidates become the entries.
void BeamDecoder::Keep() {
  for (Candidate& candidate : candidates_) {
    candidate.score = LogSum(candidate.blank, candidate.token) + candidate.text_score;
  }
  std::vector<size_t> best(candidates_.size());
  for (size_t i = 0; i < best.size(); ++i) best[i] = i;
  // Of equal ones the first: the same result on every machine.
  const auto better = [&](size_t a, size_t b) {
    return candidates_[a].score != candidates_[b].score
               ? candidates_[a].score > candidates_[b].score
               : a < b;
  };
  const size_t width = std::min(best.size(), static_cast<size_t>(options_.width));
  std::partial_sort(best.begin(), best.begin() + static_cast<ptrdiff_t>(width), best.end(), better);
  best.resize(width);

  // What every prefix excludes is not heard: the beam is never empty.
  if (candidates_[best[0]].score == kImpossible) return;
  entries_.clear();
  const float lowest = candidates_[best[0]].score - options_.score_range;
  for (size_t i : best) {
    Candidate& candidate = candidates_[i];
    if (candidate.score < lowest || candidate.score == kImpossible) break;
    if (candidate.node < 0) {
      candidate.node = static_cast<int32_t>(nodes_.size());
      Node& parent = nodes_[static_cast<size_t>(candidate.parent)];
      const int32_t sibling = parent.first_child;
      parent.first_child = candidate.node;
      nodes_.push_back({.parent = candidate.parent,
                        .token = candidate.token_index,
                        .sibling = sibling,
                        .text_score = candidate.text_score,
                        .state = candidate.state});
    }
    entries_.push_back({candidate.node, candidate.blank, candidate.token});
  }
}

void BeamDecoder::DropUnreachable() {
  std::vector<bool> needed(nodes_.size(), false);
  needed[0] = true;
  for (const Entry& entry : entries_) {
    for (int32_t node = entry.node; !needed[static_cast<size_t>(node)];
         node = nodes_[static_cast<size_t>(node)].parent) {
      needed[static_cast<size_t>(node)] = true;
    }
  }
  std::vector<int32_t> moved(nodes_.size(), -1);
  std::vector<Node> kept;
  for (size_t node = 0; node < nodes_.size(); ++node) {
    if (!needed[node]) continue;
    moved[node] = static_cast<int32_t>(kept.size());
    Node copy = nodes_[node];
    copy.first_child = -1;
    copy.sibling = -1;
    if (copy.parent >= 0) {
      copy.parent = moved[static_cast<size_t>(copy.parent)];
      Node& parent = kept[static_cast<size_t>(copy.parent)];
      copy.sibling = parent.first_child;
      parent.first_child = moved[node];
    }
    kept.push_back(copy);
  }
  nodes_.swap(kept);
  for (Entry& entry : entries_) entry.node = moved[static_cast<size_t>(entry.node)];
}

std::vector<int32_t> BeamDecoder::Tokens(int32_t node) const {
  std::vector<int32_t> tokens;
  for (; node > 0; node = nodes_[static_cast<size_t>(node)].parent) {
    tokens.push_back(nodes_[static_cast<size_t>(node)].token);
  }
  std::reverse(tokens.begin(), tokens.end());
  return tokens;
}

std::vector<int32_t> BeamDecoder::Best() const { return Tokens(entries_.front().node); }

std::vector<Hypothesis> BeamDecoder::Finish(int count) const {
  // "word" and "word " are the same text.
  std::map<int32_t, double> scores;
  for (const Entry& entry : entries_) {
    const Node& node = nodes_[static_cast<size_t>(entry.node)];
    const double score = static_cast<double>(LogSum(entry.blank, entry.token)) +
                         static_cast<double>(node.text_score) +
                         static_cast<double>(scorer_->Finish(node.state));
    const bool ends_in_space = entry.node != 0 && node.state.length == 0;
    const auto [same, added] = scores.emplace(ends_in_space ? node.parent : entry.node, score);
    if (!added) same->second = LogSum(same->second, score);
  }
  std::vector<Hypothesis> hypotheses;
  hypotheses.reserve(scores.size());
  for (const auto& [node, score] : scores) hypotheses.push_back({Tokens(node), score});
  std::stable_sort(hypotheses.begin(), hypotheses.end(),
                   [](const Hypothesis& a, const Hypothesis& b) { return a.score > b.score; });
  if (count > 0 && hypotheses.size() > static_cast<size_t>(count)) {
    hypotheses.resize(static_cast<size_t>(count));
  }
  return hypotheses;
}

}  // namespace masr

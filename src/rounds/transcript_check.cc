#include "rounds/transcript_check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "train/batch_loader.h"
#include "train/evaluate.h"

namespace masr {
namespace {

using Target = std::span<const int32_t>;

// For each of `indices`, up to `count` texts other than its own, the nearest in length first.
std::vector<std::vector<Target>> Alternatives(const SpeechDataset& data,
                                              const std::vector<int64_t>& indices, int count) {
  std::vector<size_t> order(indices.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto target = [&](size_t position) { return data.target(indices[position]); };
  std::ranges::stable_sort(order, {}, [&](size_t position) { return target(position).size(); });
  std::vector<std::vector<Target>> all(indices.size());
  for (size_t k = 0; k < order.size(); ++k) {
    std::vector<Target>& others = all[order[k]];
    const Target own = target(order[k]);
    const auto add = [&](size_t position) {
      const Target other = target(position);
      const auto same = [&](Target t) { return std::ranges::equal(t, other); };
      if (same(own) || std::ranges::any_of(others, same)) return;
      others.push_back(other);
    };
    // Outwards from its own place, one longer and one shorter in turn.
    for (size_t far = 1; far < order.size() && std::ssize(others) < count; ++far) {
      if (k + far < order.size()) add(order[k + far]);
      if (far <= k && std::ssize(others) < count) add(order[k - far]);
    }
  }
  return all;
}

// Nats per token of each sound with each text; infinite where the text is too long for it.
std::vector<float> LossesPerToken(const ThreadPool& threads, int64_t tokens, const Logits& logits,
                                  const std::vector<Target>& texts) {
  std::vector<float> losses = TextLosses(threads, tokens, logits, texts);
  for (size_t u = 0; u < texts.size(); ++u) {
    losses[u] /= static_cast<float>(std::max<size_t>(texts[u].size(), 1));
  }
  return losses;
}

}  // namespace

Result<TranscriptCheck> CheckTranscripts(const Model& model, SpeechDataset& data,
                                         const std::vector<int64_t>& indices,
                                         const ThreadPool& threads,
                                         const TranscriptCheckOptions& options) {
  TranscriptCheck check;
  check.preference.assign(indices.size(), -1);
  const auto alternatives = Alternatives(data, indices, options.alternatives);
  std::map<int64_t, size_t> position_of;
  for (size_t p = 0; p < indices.size(); ++p) position_of[indices[p]] = p;
  const auto batches = EvaluationBatches(data.durations_s(indices), options.batch_seconds);
  MASR_TRY(BatchLoader loader, BatchLoader::Create(model, data, nullptr, threads));
  Inference inference(model, threads);
  const int64_t tokens = model.encoder.tokens();
  std::vector<LoadProblem> problems;
  double sum = 0;
  for (const std::vector<int64_t>& positions : batches) {
    std::vector<int64_t> members;
    for (int64_t p : positions) members.push_back(indices[static_cast<size_t>(p)]);
    const Batch batch = loader.Load(members, {}, 0, problems);
    if (batch.frames.empty()) continue;
    MASR_TRY(const Logits logits, inference.Run(batch.frames, batch.features));
    const std::vector<float> own = LossesPerToken(threads, tokens, logits, batch.targets);
    std::vector<int> worse(batch.utterances.size(), 0);
    std::vector<int> compared(batch.utterances.size(), 0);
    for (int a = 0; a < options.alternatives; ++a) {
      std::vector<Target> texts = batch.targets;
      std::vector<bool> has(texts.size(), false);
      for (size_t u = 0; u < texts.size(); ++u) {
        const auto& others = alternatives[position_of[batch.utterances[u]]];
        if (std::ssize(others) <= a) continue;
        const Target other = others[static_cast<size_t>(a)];
        // Twice the frames leave room for a blank between any two letters.
        if (std::ssize(other) * 2 > logits.offsets[u + 1] - logits.offsets[u]) continue;
        texts[u] = other;
        has[u] = true;
      }
      const std::vector<float> losses = LossesPerToken(threads, tokens, logits, texts);
      for (size_t u = 0; u < texts.size(); ++u) {
        if (!has[u] || !std::isfinite(losses[u])) continue;
        compared[u] += 1;
        worse[u] += losses[u] > own[u] ? 1 : 0;
      }
    }
    for (size_t u = 0; u < worse.size(); ++u) {
      if (compared[u] == 0) continue;
      const double preference = static_cast<double>(worse[u]) / compared[u];
      check.preference[position_of[batch.utterances[u]]] = preference;
      sum += preference;
      check.compared += 1;
    }
  }
  if (check.compared > 0) check.mean = sum / static_cast<double>(check.compared);
  return check;
}

double LeastMeanPreference(int64_t compared) {
  constexpr double kDeviations = 2.6;  // the normal distribution's for 0.005
  const double by_chance = 0.5 + kDeviations / std::sqrt(12.0 * static_cast<double>(compared));
  return std::clamp(by_chance, kLeastPreference, 1.0);
}

}  // namespace masr

#include "train/compare_logits.h"

#include <algorithm>
#include <cmath>

#include "model/inference.h"
#include "train/batch_loader.h"

namespace masr {

Result<LogitsDifference> CompareLogits(const Model& reference, const Model& other,
                                       SpeechDataset& dataset, int64_t utterances,
                                       const ThreadPool& threads) {
  if (!reference.config.SameTokens(other.config) ||
      reference.config.features.width() != other.config.features.width()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the two models hear or write something else; compare a model with its own");
  }
  MASR_TRY(BatchLoader loader, BatchLoader::Create(reference, dataset, nullptr, threads));
  Inference first(reference, threads);
  Inference second(other, threads);
  LogitsDifference difference;
  double squares = 0;
  double sum = 0;
  double reference_squares = 0;
  double count = 0;
  for (int64_t u = 0; u < std::min(utterances, dataset.size()); ++u) {
    const auto features = loader.Features({&u, 1}, {}, 0);
    if (!features.has_value()) continue;
    const int64_t frames = static_cast<int64_t>(features->size()) / reference.encoder.mels();
    if (reference.encoder.OutputFrames(frames) < 1) continue;
    MASR_TRY(const Logits expected, first.Run({frames}, *features));
    MASR_TRY(const Logits logits, second.Run({frames}, *features));
    if (logits.values.size() != expected.values.size()) {
      return Fail(ErrorCode::kInvalidArgument, "the two models give different numbers of rows");
    }
    for (size_t i = 0; i < logits.values.size(); ++i) {
      const double value = expected.values[i];
      const double error = logits.values[i] - value;
      difference.largest = std::max(difference.largest, std::abs(error));
      squares += error * error;
      sum += value;
      reference_squares += value * value;
    }
    count += static_cast<double>(logits.values.size());
    difference.utterances += 1;
    difference.rows += expected.offsets.back();
  }
  if (difference.utterances == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "no utterance is long enough to compare the models on; give longer speech");
  }
  difference.rms = std::sqrt(squares / count);
  const double mean = sum / count;
  difference.reference_rms = std::sqrt(std::max(0.0, reference_squares / count - mean * mean));
  return difference;
}

}  // namespace masr

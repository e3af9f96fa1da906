#include "train/round_schedule.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/batcher.h"

namespace masr {
namespace {

constexpr size_t kLongestAlone = 4;

using Batches = std::vector<std::vector<SpeechPiece>>;

std::vector<int64_t> FirstMinutes(const SpeechDataset& data, double minutes) {
  std::vector<int64_t> indices;
  double seconds = 0;
  for (int64_t i = 0; i < data.size(); ++i) {
    const double duration = data.utterance(i).duration_s;
    if (minutes > 0 && seconds + duration > minutes * 60) break;
    seconds += duration;
    indices.push_back(i);
  }
  return indices;
}

double TotalOf(const std::vector<double>& durations) {
  return std::accumulate(durations.begin(), durations.end(), 0.0);
}

// What decides the memory of a batch: most buffers grow with its frames, those of attention with
// the squares of its utterances' lengths.
double Frames(const std::vector<SpeechPiece>& batch) {
  double sum = 0;
  for (const SpeechPiece& piece : batch) sum += piece.seconds;
  return sum;
}
double Squares(const std::vector<SpeechPiece>& batch) {
  double sum = 0;
  for (const SpeechPiece& piece : batch) sum += piece.seconds * piece.seconds;
  return sum;
}

// The heaviest by either measure. What turns out heavier still is cut into micro-batches
// (SplitBatch), so that missing one costs a little time and never memory.
Batches Heaviest(Batches batches) {
  Batches heaviest;
  const auto take = [&](double (*weight)(const std::vector<SpeechPiece>&), size_t count) {
    std::ranges::stable_sort(batches, std::greater(), weight);
    for (size_t i = 0; i < std::min(count, batches.size()); ++i) {
      if (std::ranges::find(heaviest, batches[i]) == heaviest.end()) heaviest.push_back(batches[i]);
    }
  };
  take(Frames, 2);
  take(Squares, 1);
  return heaviest;
}

// Any utterance alone should fit. A slightly shorter one may take more than the longest: where
// buffers lie is decided by a heuristic. So a few of the longest, as long as they get.
Batches LongestOf(const Batches& batches) {
  std::vector<SpeechPiece> pieces;
  for (const auto& batch : batches) pieces.insert(pieces.end(), batch.begin(), batch.end());
  std::ranges::sort(pieces, std::greater(), &SpeechPiece::seconds);
  Batches longest;
  for (const SpeechPiece& piece : pieces) {
    if (longest.size() == kLongestAlone) break;
    if (longest.empty() || piece.seconds < longest.back()[0].seconds) longest.push_back({piece});
  }
  return longest;
}

class Describer {
 public:
  Describer(const SpeechDataset& data, const PersonalizeOptions& options)
      : data_(data), options_(options), split_(SplitOf(data, options)) {}

  RoundSpeech Describe() {
    RoundSpeech speech{.longest_s = 1};  // a round without speech says so when it begins
    const std::vector<double>& speeds = options_.augment.speeds;
    slowest_ = speeds.empty() ? 1.0 : std::ranges::min(speeds);
    const auto read = [&](const std::vector<int64_t>& side, double speed) {
      for (int64_t i : side) {
        speech.longest_s = std::max(speech.longest_s, data_.utterance(i).duration_s / speed);
        speech.cached_bytes += data_.CachedBytes(i);
      }
    };
    read(split_.training, slowest_);
    read(split_.validation, 1);
    const Batches updates = AllUpdates();
    speech.updates_at_once = Heaviest(updates);
    for (auto& alone : LongestOf(updates)) speech.updates_at_once.push_back(std::move(alone));
    for (const auto& update : speech.updates_at_once) {
      speech.update_s = std::max(speech.update_s, Frames(update));
    }
    const Batches validations = AllValidations();
    speech.validated_at_once = Heaviest(validations);
    for (auto& alone : LongestOf(validations)) speech.validated_at_once.push_back(std::move(alone));
    for (const auto& batch : speech.validated_at_once) {
      speech.validation_s = std::max(speech.validation_s, Frames(batch));
    }
    DescribeEpoch(speech);
    return speech;
  }

 private:
  SpeechPiece Piece(int64_t i, double speed) const {
    return {data_.utterance(i).duration_s / speed, std::ssize(data_.target(i))};
  }

  Batches AllUpdates() const {
    Batches all;
    if (split_.training.empty()) return all;
    for (int64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const uint64_t key = EpochKey(options_, epoch);
      for (const auto& members : UpdatesOf(data_, split_.training, options_, epoch)) {
        std::vector<SpeechPiece> pieces;
        for (int64_t i : members) pieces.push_back(Piece(i, SpeedOf(i, key)));
        all.push_back(std::move(pieces));
      }
    }
    return all;
  }
  // Kept prefixes draw their tempo elsewhere: the slowest is the bound.
  double SpeedOf(int64_t i, uint64_t key) const {
    if (options_.candidate.cache) return slowest_;
    return DrawnSpeed(options_.augment, MixKeys(key, static_cast<uint64_t>(i)));
  }

  // As Evaluate makes them.
  Batches AllValidations() const {
    Batches batches;
    for (const auto& positions : EvaluationBatches(data_.durations_s(split_.validation),
                                                   options_.validation_batch_seconds)) {
      std::vector<SpeechPiece> pieces;
      for (int64_t p : positions) {
        pieces.push_back(Piece(split_.validation[static_cast<size_t>(p)], 1));
      }
      batches.push_back(std::move(pieces));
    }
    return batches;
  }

  void DescribeEpoch(RoundSpeech& speech) const {
    const std::vector<double>& speeds = options_.augment.speeds;
    speech.training_s = TotalOf(data_.durations_s(split_.training));
    speech.held_out_s = TotalOf(data_.durations_s(split_.validation));
    speech.utterances = std::ssize(split_.training);
    if (speech.utterances > 0) {
      speech.updates = std::ssize(UpdatesOf(data_, split_.training, options_, 1));
    }
    const auto changed = std::ranges::count_if(speeds, [](double speed) { return speed != 1.0; });
    speech.augmented_share =
        speeds.empty() ? 0 : static_cast<double>(changed) / static_cast<double>(speeds.size());
    if (options_.cache.place == CachePlace::kRam) {
      speech.prefix_ram_bytes = options_.cache.budget_bytes;
    }
    speech.prefix_value_bytes = options_.cache.format == CacheFormat::kBf16 ? 2 : 4;
  }

  const SpeechDataset& data_;
  const PersonalizeOptions& options_;
  const ValidationSplit split_;
  double slowest_ = 1;
};

}  // namespace

ValidationSplit SplitOf(const SpeechDataset& data, const PersonalizeOptions& options) {
  const double longest_s = options.candidate.longest_s;
  if (options.split) {
    ValidationSplit split = *options.split;
    LeaveOutLonger(data, longest_s, split.training);
    LeaveOutLonger(data, longest_s, split.validation);
    return split;
  }
  std::vector<int64_t> indices = FirstMinutes(data, options.minutes);
  LeaveOutLonger(data, longest_s, indices);
  return SplitForValidation(data, indices, options.validation_share, options.seed);
}

uint64_t EpochKey(const PersonalizeOptions& options, int64_t epoch) {
  return MixKeys(options.seed, static_cast<uint64_t>(epoch));
}

std::vector<std::vector<int64_t>> UpdatesOf(const SpeechDataset& data,
                                            const std::vector<int64_t>& training,
                                            const PersonalizeOptions& options, int64_t epoch) {
  const std::vector<double> durations = data.durations_s(training);
  const double most_seconds = std::min(
      options.batch_seconds, TotalOf(durations) / static_cast<double>(options.updates_per_epoch));
  Rng rng(EpochKey(options, epoch));
  auto updates = MakeBatches(durations, {.max_seconds = most_seconds}, rng);
  for (std::vector<int64_t>& update : updates) {
    for (int64_t& member : update) member = training[static_cast<size_t>(member)];
  }
  return updates;
}

double ValidationSeconds(const PersonalizeOptions& options) {
  const double at_once = options.candidate.micro_batch_seconds;
  return at_once > 0 ? std::min(at_once, options.validation_batch_seconds)
                     : options.validation_batch_seconds;
}

RoundSpeech DescribeSpeech(const SpeechDataset& data, const PersonalizeOptions& options) {
  return Describer(data, options).Describe();
}

}  // namespace masr

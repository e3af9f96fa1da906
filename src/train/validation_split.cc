#include "train/validation_split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/rng.h"

namespace masr {

ValidationSplit SplitForValidation(const SpeechDataset& data, const std::vector<int64_t>& indices,
                                   double share, uint64_t seed) {
  std::map<std::string, std::vector<int64_t>> by_text;
  for (int64_t i : indices) by_text[data.utterance(i).text].push_back(i);
  std::vector<std::vector<int64_t>> groups;
  if (by_text.size() * 2 > indices.size()) {
    for (auto& [text, members] : by_text) groups.push_back(std::move(members));
  } else {
    for (int64_t i : indices) groups.push_back({i});
  }
  Rng rng(MixKeys(seed, 0x5eed));
  Shuffle(groups, rng);
  const auto wanted =
      static_cast<size_t>(std::max(1.0, std::round(share * static_cast<double>(indices.size()))));
  ValidationSplit split;
  for (const std::vector<int64_t>& group : groups) {
    auto& side = split.validation.size() < wanted ? split.validation : split.training;
    side.insert(side.end(), group.begin(), group.end());
  }
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.validation.begin(), split.validation.end());
  return split;
}

void LeaveOutLonger(const SpeechDataset& data, double seconds, std::vector<int64_t>& indices) {
  if (seconds <= 0) return;
  std::erase_if(indices, [&](int64_t i) { return data.utterance(i).duration_s > seconds; });
}

}  // namespace masr

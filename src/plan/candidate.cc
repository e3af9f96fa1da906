#include "plan/candidate.h"

#include <algorithm>
#include <cmath>

namespace masr {

std::string CandidateName(const Encoder& encoder, const Candidate& candidate) {
  const size_t head = encoder.blocks().size() - 1;
  std::string suffix = candidate.optimizer_bits == 8 ? ", 8-bit Adam" : "";
  if (candidate.cache) suffix += ", cached";
  if (candidate.first_block >= head) return "head" + suffix;
  const size_t top = head - candidate.first_block;
  std::string name = candidate.first_block == 0
                         ? "all blocks"
                         : "top " + std::to_string(top) + (top == 1 ? " block" : " blocks");
  if (candidate.tuning == Tuning::kVectors) name += ", vectors";
  if (candidate.tuning == Tuning::kLora) name += ", LoRA " + std::to_string(candidate.lora_rank);
  if (candidate.parts > 1) name += ", in " + std::to_string(candidate.parts) + " parts";
  return name + suffix;
}

AdapterShape AdaptersOf(const Encoder& encoder, const Candidate& candidate) {
  const size_t head = encoder.blocks().size() - 1;
  if (candidate.tuning != Tuning::kLora || candidate.first_block >= head) return {};
  return {.rank = candidate.lora_rank, .first_block = candidate.first_block};
}

std::vector<uint8_t> TrainableParameters(const Encoder& encoder, const Candidate& candidate) {
  const ParameterTable& table = encoder.parameters();
  const EncoderBlock& head = encoder.blocks().back();
  std::vector<uint8_t> trainable(static_cast<size_t>(table.size()), 0);
  const size_t first = std::min(candidate.first_block, encoder.blocks().size() - 1);
  for (ParameterId id = encoder.blocks()[first].first; id < table.size(); ++id) {
    const bool whole = candidate.tuning == Tuning::kFull || id >= head.first;
    const bool learns = table[id].adapts == kNoParameter ? whole || !table[id].matrix
                                                         : candidate.tuning == Tuning::kLora;
    trainable[static_cast<size_t>(id)] = table[id].trainable && learns;
  }
  return trainable;
}

int64_t CountTrainable(const Encoder& encoder, const Candidate& candidate) {
  const std::vector<uint8_t> trainable = TrainableParameters(encoder, candidate);
  const ParameterTable& table = encoder.parameters();
  int64_t count = 0;
  for (ParameterId id = 0; id < table.size(); ++id) {
    if (trainable[static_cast<size_t>(id)] != 0) count += table[id].elements();
  }
  const AdapterShape adapters = AdaptersOf(encoder, candidate);
  if (adapters.rank == 0 || adapters == encoder.adapters()) return count;
  const ParameterId head = encoder.blocks().back().first;
  for (ParameterId id = encoder.blocks()[adapters.first_block].first; id < head; ++id) {
    if (table[id].adapts != kNoParameter) count -= table[id].elements();  // of another shape
    if (table[id].product) count += adapters.rank * (table[id].rows() + table[id].cols());
  }
  return count;
}

std::vector<Candidate> EnumerateCandidates(const Encoder& encoder) {
  // Shorter than any utterance: one at a time.
  constexpr double kOneUtterance = 1e-3;
  const size_t head = encoder.blocks().size() - 1;
  std::vector<Candidate> candidates;
  for (size_t first = 0; first <= head; ++first) {
    const int64_t frugal = std::lround(std::sqrt(static_cast<double>(head - first)));
    std::vector<int64_t> parts = {1};
    if (frugal > 1) parts.push_back(frugal);
    for (const Tuning tuning : {Tuning::kFull, Tuning::kLora, Tuning::kVectors}) {
      if (first == head && tuning != Tuning::kFull) continue;  // the head is whole in all
      for (const int64_t p : parts) {
        candidates.push_back({.first_block = first, .tuning = tuning, .parts = p});
        // Where activations are few, what the optimizer remembers is much of the memory.
        for (const int bits : {32, 8}) {
          candidates.push_back({.first_block = first,
                                .tuning = tuning,
                                .parts = p,
                                .micro_batch_seconds = kOneUtterance,
                                .optimizer_bits = bits});
        }
      }
    }
  }
  return candidates;
}

}  // namespace masr

#include "plan/candidate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "layers/residual_adapter.h"

namespace masr {
namespace {

// Of an adapter that a block would get; 0 where it has one, or nothing to stand behind.
int64_t NewAdapterNumbers(const Encoder& encoder, size_t block, int64_t width) {
  const EncoderBlock& b = encoder.blocks()[block];
  const auto specs = encoder.parameters().specs().subspan(static_cast<size_t>(b.first),
                                                          static_cast<size_t>(b.end - b.first));
  if (b.adapter != b.end || !TakesResidualAdapter(specs)) return 0;
  return ResidualAdapterNumbers(encoder.InputDim(block + 1), width);
}

}  // namespace

const std::vector<std::string>& TuningNames() {
  static const std::vector<std::string> names = {"full", "vectors", "lora", "adapters"};
  return names;
}

std::string CandidateName(const Encoder& encoder, const Candidate& candidate) {
  const size_t head = encoder.blocks().size() - 1;
  std::string suffix = candidate.optimizer_bits == 8 ? ", 8-bit Adam" : "";
  if (candidate.cache) suffix += ", cached";
  if (candidate.longest_s > 0) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), ", up to %.3g s", candidate.longest_s);
    suffix += text.data();
  }
  if (candidate.first_block >= head) return "head" + suffix;
  const size_t top = head - candidate.first_block;
  std::string name = candidate.first_block == 0
                         ? "all blocks"
                         : "top " + std::to_string(top) + (top == 1 ? " block" : " blocks");
  if (candidate.tuning == Tuning::kVectors) name += ", vectors";
  if (candidate.tuning == Tuning::kLora) name += ", LoRA " + std::to_string(candidate.lora_rank);
  if (candidate.tuning == Tuning::kAdapters) {
    name += ", adapters " + std::to_string(candidate.adapter_width);
  }
  if (candidate.parts > 1) name += ", in " + std::to_string(candidate.parts) + " parts";
  return name + suffix;
}

AdapterShape AdaptersOf(const Encoder& encoder, const Candidate& candidate) {
  const size_t head = encoder.blocks().size() - 1;
  if (candidate.first_block >= head) return {};
  switch (candidate.tuning) {
    case Tuning::kLora:
      return {.rank = candidate.lora_rank, .first_block = candidate.first_block};
    case Tuning::kAdapters:
      return {.width = candidate.adapter_width, .first_block = candidate.first_block};
    default:
      return {};
  }
}

std::vector<uint8_t> TrainableParameters(const Encoder& encoder, const Candidate& candidate) {
  const ParameterTable& table = encoder.parameters();
  const std::vector<EncoderBlock>& blocks = encoder.blocks();
  std::vector<uint8_t> trainable(static_cast<size_t>(table.size()), 0);
  const size_t head = blocks.size() - 1;
  for (size_t b = std::min(candidate.first_block, head); b <= head; ++b) {
    for (ParameterId id = blocks[b].first; id < blocks[b].end; ++id) {
      const bool whole = candidate.tuning == Tuning::kFull || b == head ||
                         (candidate.tuning == Tuning::kAdapters && id >= blocks[b].adapter);
      const bool learns = table[id].adapts == kNoParameter ? whole || !table[id].matrix
                                                           : candidate.tuning == Tuning::kLora;
      trainable[static_cast<size_t>(id)] = table[id].trainable && learns;
    }
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
  const AdapterShape shape = AdaptersOf(encoder, candidate);
  if (!shape.any() || shape == encoder.adapters()) return count;
  for (size_t b = shape.first_block; b + 1 < encoder.blocks().size(); ++b) {
    if (shape.width > 0) count += NewAdapterNumbers(encoder, b, shape.width);
    const EncoderBlock& block = encoder.blocks()[b];
    for (ParameterId id = block.first; shape.rank > 0 && id < block.adapter; ++id) {
      if (table[id].adapts != kNoParameter) count -= table[id].elements();  // of another shape
      if (table[id].product) count += shape.rank * (table[id].rows() + table[id].cols());
    }
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
    for (const Tuning tuning :
         {Tuning::kFull, Tuning::kLora, Tuning::kAdapters, Tuning::kVectors}) {
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

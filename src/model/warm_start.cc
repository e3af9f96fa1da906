#include "model/warm_start.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace masr {
namespace {

Status CheckFeatures(const Model& source, const Model& model) {
  const auto from = nlohmann::json::parse(source.config.ToJson(), nullptr, false);
  const auto to = nlohmann::json::parse(model.config.ToJson(), nullptr, false);
  if (from["features"] == to["features"]) return {};
  return Fail(ErrorCode::kInvalidArgument, "it hears other features (" + from["features"].dump() +
                                               ") than the new model (" + to["features"].dump() +
                                               "); give both the same");
}

Status CheckBlocks(std::span<const int64_t> blocks, int64_t available, int64_t needed) {
  if (blocks.empty()) return {};
  if (static_cast<int64_t>(blocks.size()) != needed) {
    return Fail(ErrorCode::kInvalidArgument,
                std::to_string(blocks.size()) + " blocks are named, but the new model has " +
                    std::to_string(needed) + " besides the head; name one for each");
  }
  for (int64_t block : blocks) {
    if (block >= 0 && block < available) continue;
    return Fail(ErrorCode::kInvalidArgument, "has no block " + std::to_string(block) +
                                                 "; its blocks are 0 to " +
                                                 std::to_string(available - 1));
  }
  return {};
}

// The parameter of the source's block that has the same name within its block, and the same shape.
ParameterId FindTwin(const ParameterTable& from, const EncoderBlock& from_block,
                     const ParameterSpec& spec, const EncoderBlock& block) {
  const std::string name = from_block.name + spec.name.substr(block.name.size());
  for (ParameterId id = from_block.first; id < from_block.end; ++id) {
    if (from[id].name == name) return from[id].shape == spec.shape ? id : kNoParameter;
  }
  return kNoParameter;
}

}  // namespace

Result<std::vector<std::string>> StartFrom(const Model& source, std::span<const int64_t> blocks,
                                           Model& model) {
  MASR_RETURN_IF_ERROR(CheckFeatures(source, model));
  const std::vector<EncoderBlock>& from_blocks = source.encoder.blocks();
  const std::vector<EncoderBlock>& to_blocks = model.encoder.blocks();
  const size_t from_head = from_blocks.size() - 1;
  const size_t head = to_blocks.size() - 1;
  MASR_RETURN_IF_ERROR(
      CheckBlocks(blocks, static_cast<int64_t>(from_head), static_cast<int64_t>(head)));

  const ParameterTable& from = source.encoder.parameters();
  const ParameterTable& to = model.encoder.parameters();
  const bool same_tokens = source.config.SameTokens(model.config);
  std::vector<std::string> kept;
  ParameterId copied = 0;
  for (size_t b = 0; b < to_blocks.size(); ++b) {
    const size_t pair = b == head ? from_head : blocks.empty() ? b : static_cast<size_t>(blocks[b]);
    const bool has_pair = b == head ? same_tokens : pair < from_head;
    for (ParameterId id = to_blocks[b].first; id < to_blocks[b].end; ++id) {
      const ParameterId twin =
          has_pair ? FindTwin(from, from_blocks[pair], to[id], to_blocks[b]) : kNoParameter;
      if (twin == kNoParameter) {
        kept.push_back(to[id].name);
        continue;
      }
      const std::vector<float> values = source.weights.ToFloat(twin);
      model.weights.MakeWritable(id);
      std::copy(values.begin(), values.end(), model.weights.Writable(id).begin());
      ++copied;
    }
  }
  if (copied == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "none of its tensors has the name and shape of one of the new model's; compare the "
                "two with `mobileasr info`");
  }
  return kept;
}

}  // namespace masr

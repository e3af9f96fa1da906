// Any bytes as a model: what is refused is refused with a message and without taking much memory;
// what is accepted can be planned, and runs if it is small. A first byte 'f' is followed by a model
// file, any other by the text of a configuration.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "model/inference.h"
#include "model/model.h"

namespace {

constexpr int64_t kSmallParameters = 100'000;
constexpr int64_t kSmallArenaBytes = 16 << 20;
constexpr int64_t kSmallWidth = 2048;
constexpr size_t kSmallBlocks = 64;

void Require(bool condition) {
  if (!condition) std::abort();
}

template <class T>
bool Accepted(const masr::Result<T>& result) {
  if (!result.has_value()) Require(!result.error().message.empty());
  return result.has_value();
}

// Those utterances that are long enough for the encoder.
std::vector<int64_t> FramesFor(const masr::Encoder& encoder) {
  std::vector<int64_t> frames;
  for (int64_t count : {30, 1, 7}) {
    if (encoder.OutputFrames(count) > 0) frames.push_back(count);
  }
  return frames;
}

// Whether there is a plan for a batch, and its buffers are small enough to run it here.
bool PlanIsSmall(const masr::Encoder& encoder, const std::vector<int64_t>& frames, bool backward) {
  const std::vector<uint8_t> trainable(static_cast<size_t>(encoder.parameters().size()), 1);
  masr::LayerPlanner planner(trainable, /*stochastic=*/backward);
  const auto plan = encoder.Plan(frames, backward, planner);
  if (!Accepted(plan)) return false;
  for (const masr::BufferRequest& request : planner.requests()) {
    Require(request.bytes >= 0 && request.first_use <= request.last_use);
  }
  const masr::MemoryPlan memory = masr::PlanMemory(planner.requests());
  Require(memory.peak_bytes >= memory.floor_bytes && memory.floor_bytes >= 0);
  const bool narrow =
      std::all_of(plan->children.begin(), plan->children.end(),
                  [](const masr::LayerPlan& block) { return block.out.dim <= kSmallWidth; });
  return narrow && memory.peak_bytes <= kSmallArenaBytes;
}

bool IsSmall(const masr::Encoder& encoder) {
  const std::vector<int64_t> frames = FramesFor(encoder);
  if (frames.empty() || encoder.blocks().size() > kSmallBlocks) return false;
  PlanIsSmall(encoder, frames, /*backward=*/true);
  return PlanIsSmall(encoder, frames, /*backward=*/false) &&
         encoder.parameter_count() <= kSmallParameters;
}

void Run(const masr::Model& model) {
  static const masr::ThreadPool threads(1);
  const std::vector<int64_t> frames = FramesFor(model.encoder);
  int64_t rows = 0;
  for (int64_t count : frames) rows += count;
  std::vector<float> features(static_cast<size_t>(rows * model.encoder.mels()));
  for (size_t i = 0; i < features.size(); ++i) features[i] = 0.1f * static_cast<float>(i % 21) - 1;
  const auto logits = masr::Inference(model, threads).Run(frames, features);
  if (!Accepted(logits)) return;
  Require(logits->offsets.size() == frames.size() + 1);
  for (size_t u = 0; u < frames.size(); ++u) {
    Require(logits->offsets[u + 1] - logits->offsets[u] == model.encoder.OutputFrames(frames[u]));
  }
  Require(logits->values.size() ==
          static_cast<size_t>(logits->offsets.back() * model.encoder.tokens()));
}

void TryConfiguration(std::string_view text) {
  const auto config = masr::ModelConfig::FromJson(text, "fuzz");
  if (!Accepted(config)) return;
  const auto again = masr::ModelConfig::FromJson(config->ToJson(), "fuzz");
  Require(again.has_value() && again->ToJson() == config->ToJson());
  const auto encoder = masr::Encoder::Create(*config);
  if (!Accepted(encoder) || !IsSmall(*encoder)) return;
  const auto model = masr::Model::Create(*config, /*seed=*/1);
  if (Accepted(model)) Run(*model);
}

void TryFile(std::span<const uint8_t> bytes) {
  auto parsed = masr::SafetensorsFile::Parse(bytes);
  if (!Accepted(parsed)) return;
  auto file = std::make_shared<const masr::SafetensorsFile>(std::move(*parsed));
  const auto model = masr::ParseModel(std::move(file), "fuzz");
  if (!Accepted(model)) return;
  Require(model->weights.StoredBytes() >= 0);
  if (IsSmall(model->encoder)) Run(*model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] == 'f') {
    TryFile({data + 1, size - 1});
  } else {
    TryConfiguration({reinterpret_cast<const char*>(data) + 1, size - 1});
  }
  return 0;
}

// Sources of src/convert/testdata, converted, against what other implementations of their networks
// made of them (scripts/make_convert_goldens.py, scripts/make_nemo_goldens.py).
#ifndef MOBILEASR_CONVERT_TESTING_GOLDEN_SOURCE_H_
#define MOBILEASR_CONVERT_TESTING_GOLDEN_SOURCE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "convert/source.h"
#include "ctc/ctc_loss.h"
#include "model/feature_extractor.h"
#include "model/inference.h"
#include "model/testing/golden_model.h"

namespace masr::testing {

// A path is taken as it is.
inline std::string SourceFolder(const std::string& name) {
  if (name.starts_with('/')) return name;
  return std::string(MASR_SOURCE_DIR) + "/src/convert/testdata/" + name;
}

template <class T>
std::vector<T> ReadTensor(const SafetensorsFile& file, const std::string& name) {
  const TensorEntry* entry = file.Find(name);
  if (entry == nullptr) return {};
  std::vector<T> values(entry->bytes.size() / sizeof(T));
  std::memcpy(values.data(), entry->bytes.data(), entry->bytes.size());
  return values;
}

// A model converted from its folder, and what the other implementation made of the same.
struct GoldenSource {
  std::string name;
  Source source;
  Model model;
  SafetensorsFile golden;
  SafetensorsFile samples;  // another file, where models share their sound

  // `samples` names that file; empty: they are in golden.safetensors.
  static Result<GoldenSource> Load(const std::string& name, const std::string& path,
                                   const std::string& samples = {}) {
    MASR_TRY(Source source, OpenSource(SourceFolder(name)));
    MASR_RETURN_IF_ERROR(WriteConverted(source, WeightFormat::kF32, path));
    MASR_TRY(Model model, LoadModel(path));
    const std::string golden_path = SourceFolder(name) + "/golden.safetensors";
    MASR_TRY(SafetensorsFile golden, SafetensorsFile::Open(golden_path));
    MASR_TRY(SafetensorsFile sound,
             SafetensorsFile::Open(samples.empty() ? golden_path : SourceFolder(samples)));
    return GoldenSource{name, std::move(source), std::move(model), std::move(golden),
                        std::move(sound)};
  }

  std::vector<float> Features(int u) const {
    return FeatureExtractor::Create(model.config.features)
        ->Features(ReadTensor<float>(samples, "samples." + std::to_string(u)));
  }
  int64_t Frames(const std::vector<float>& features) const {
    return std::ssize(features) / model.encoder.mels();
  }
  const std::vector<int64_t>& rows() const {
    return std::ranges::find(source.tensors, "head.weight", &TensorMap::ours)->rows;
  }
  // The other's logits of the tokens that we keep, in our order.
  std::vector<float> Logits(int u) const {
    const std::vector<float> all = ReadTensor<float>(golden, "logits." + std::to_string(u));
    const auto tokens = static_cast<size_t>(golden.Find("logits." + std::to_string(u))->shape[1]);
    std::vector<float> kept;
    for (size_t r = 0; r < all.size() / tokens; ++r) {
      for (const int64_t row : rows()) kept.push_back(all[r * tokens + static_cast<size_t>(row)]);
    }
    return kept;
  }
};

inline void ExpectLogits(const GoldenSource& converted, double tolerance) {
  const ThreadPool pool(2);
  Inference inference(converted.model, pool);
  for (const int u : {0, 1}) {
    const std::vector<float> features = converted.Features(u);
    const auto logits = inference.Run({converted.Frames(features)}, features);
    ASSERT_TRUE(logits.has_value()) << logits.error().message;
    ASSERT_FALSE(logits->values.empty());
    EXPECT_LT(RelativeError(logits->values, converted.Logits(u)), tolerance) << u;
  }
}

// The map of the gradient of what `map` makes: of a weight norm that of the weight itself, which
// has the shape of v; and a parameter that is theirs times a factor has theirs by that factor.
inline TensorMap GradientMap(TensorMap map) {
  map.scale = 1 / map.scale;
  if (map.layout != Layout::kWeightNorm) return map;
  const std::string name = map.theirs[1].substr(0, map.theirs[1].find(".conv.")) + ".conv.weight";
  return {.ours = map.ours,
          .theirs = {name},
          .shapes = {map.shapes[1]},
          .layout = Layout::kChannelsLast};
}

// Forward, CTC and backward of both utterances as one batch; every parameter learns.
inline void ExpectGradients(const GoldenSource& converted, double loss_tolerance,
                            double tolerance) {
  const Model& model = converted.model;
  const ParameterTable& table = model.encoder.parameters();
  std::vector<float> features = converted.Features(0);
  const int64_t first = converted.Frames(features);
  const std::vector<float> second = converted.Features(1);
  features.insert(features.end(), second.begin(), second.end());

  std::vector<uint8_t> trainable;
  for (const ParameterSpec& spec : table.specs()) trainable.push_back(spec.trainable ? 1 : 0);
  LayerPlanner planner(trainable, /*stochastic=*/false);
  const auto plan =
      model.encoder.Plan({first, converted.Frames(second)}, /*backward=*/true, planner);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  const MemoryPlan memory = PlanMemory(planner.requests());
  const auto arena = Arena::Create(static_cast<size_t>(memory.peak_bytes));
  ASSERT_TRUE(arena.has_value());
  std::vector<std::vector<float>> gradients;
  std::vector<float*> pointers;
  for (const ParameterSpec& spec : table.specs()) {
    gradients.emplace_back(static_cast<size_t>(spec.elements()));
    pointers.push_back(spec.trainable ? gradients.back().data() : nullptr);
  }
  const ThreadPool pool(2);
  const LayerRun run = {.kernels = {pool},
                        .parameters = model.weights.views(),
                        .gradients = {pointers},
                        .memory = memory,
                        .arena = arena->data(),
                        .step_key = 1};
  std::vector<float> logits(static_cast<size_t>(plan->out.floats()));
  model.encoder.Forward(run, *plan, planner, features.data(), logits.data());

  const std::vector<int32_t> targets[] = {ReadTensor<int32_t>(converted.golden, "targets.0"),
                                          ReadTensor<int32_t>(converted.golden, "targets.1")};
  const std::vector<std::span<const int32_t>> texts = {targets[0], targets[1]};
  std::vector<float> losses(2);
  std::vector<float> dlogits(logits.size());
  std::vector<float> scratch(static_cast<size_t>(CtcScratchFloats(plan->out.offsets, texts)));
  const std::vector<float> scales(2, 1.0f / static_cast<float>(plan->out.rows()));
  CtcLoss({pool}, plan->out.offsets, plan->out.dim, Vocabulary::kBlank, logits.data(), texts,
          scales, losses.data(), dlogits.data(), scratch.data());
  EXPECT_LT(RelativeError(losses, ReadTensor<float>(converted.golden, "losses")), loss_tolerance);
  model.encoder.Backward(run, *plan, features.data(), logits.data(), dlogits.data());

  const auto golden =
      SafetensorsFile::Open(SourceFolder(converted.name) + "/gradients.safetensors");
  ASSERT_TRUE(golden.has_value());
  for (const TensorMap& map : converted.source.tensors) {
    const auto id = std::ranges::find(table.specs(), map.ours, &ParameterSpec::name);
    ASSERT_NE(id, table.specs().end());
    if (!id->trainable) continue;
    const auto& ours = gradients[static_cast<size_t>(id - table.specs().begin())];
    std::vector<float> theirs = ReadParameter(GradientMap(map), *golden);
    std::vector<float> compared = ours;
    if (map.ours.ends_with("qkv.bias")) {
      // The key's bias changes nothing (softmax): of its gradient there is rounding only.
      const auto dim = static_cast<int64_t>(ours.size()) / 3;
      compared.erase(compared.begin() + dim, compared.begin() + 2 * dim);
      theirs.erase(theirs.begin() + dim, theirs.begin() + 2 * dim);
    }
    EXPECT_LT(RelativeError(compared, theirs), tolerance) << map.ours;
  }
}

}  // namespace masr::testing

#endif  // MOBILEASR_CONVERT_TESTING_GOLDEN_SOURCE_H_

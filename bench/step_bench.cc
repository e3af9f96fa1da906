// Times one training step of ours: forward, CTC, backward, AdamW. Prints one JSON line.
//
// Frozen blocks are what a device would have: int8 in a mapped file.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "model/inference.h"
#include "model/model.h"
#include "step_options.h"
#include "train/trainer.h"

namespace {

using masr_bench::StepOptions;

template <class T>
T OrExit(masr::Result<T> result) {
  if (!result.has_value()) {
    std::cerr << result.error().message << "\n";
    std::exit(1);
  }
  return std::move(*result);
}

std::string Utf8(uint32_t code_point) {
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) {
    return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 63))};
  }
  return {static_cast<char>(0xE0 | code_point >> 12),
          static_cast<char>(0x80 | (code_point >> 6 & 63)),
          static_cast<char>(0x80 | (code_point & 63))};
}

masr::Model CreateModel(const nlohmann::json& description) {
  nlohmann::json characters = nlohmann::json::array();
  // CJK ideographs: as many distinct characters as one likes.
  for (int64_t i = 0; i + 1 < description.at("tokens").get<int64_t>(); ++i) {
    characters.push_back(Utf8(0x4E00 + static_cast<uint32_t>(i)));
  }
  const nlohmann::json config = {{"name", description.at("name")},
                                 {"features", {{"mels", description.at("mels")}}},
                                 {"characters", characters},
                                 {"encoder", description.at("encoder")}};
  return OrExit(masr::Model::Create(
      OrExit(masr::ModelConfig::FromJson(config.dump(), description.at("name"))), /*seed=*/1));
}

// Written by another process, so that this one's peak memory is that of loading and training.
masr::Model LoadInt8(const nlohmann::json& description) {
  const std::string path = (std::filesystem::temp_directory_path() /
                            ("masr_step_bench." + std::to_string(getpid()) + ".masr"))
                               .string();
  const pid_t child = fork();
  if (child == 0) {
    const auto saved = masr::SaveModel(CreateModel(description), masr::WeightFormat::kInt8, path);
    _exit(saved.has_value() ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  if (status != 0) {
    std::cerr << path << ": cannot write the int8 model; is the disk full?\n";
    std::exit(1);
  }
  masr::Model model = OrExit(masr::LoadModel(path));
  std::filesystem::remove(path);  // the mapping stays
  return model;
}

// As after the first epoch of a round whose frozen blocks see the same audio again.
void KeepFrozenOutputs(const masr::Model& model, size_t frozen, const masr::ThreadPool& threads,
                       masr::Batch& batch) {
  masr::Logits kept =
      OrExit(masr::Inference(model, threads).RunBlocks({0, frozen}, batch.frames, batch.features));
  for (size_t u = 0; u < batch.frames.size(); ++u) {
    batch.frames[u] = kept.offsets[u + 1] - kept.offsets[u];
  }
  batch.features = std::move(kept.values);
  batch.first_block = frozen;
}

}  // namespace

int main(int argc, char** argv) {
  const StepOptions options = masr_bench::ParseStepOptions(argc, argv);
  const nlohmann::json description = masr_bench::ReadJson(options.model);
  masr::Model model = options.frozen_blocks > 0 ? LoadInt8(description) : CreateModel(description);
  const masr::Encoder& encoder = model.encoder;

  masr::Batch batch;
  batch.frames = masr_bench::UtteranceFrames(options);
  int64_t frames = 0;
  std::vector<std::vector<int32_t>> targets;
  for (size_t u = 0; u < batch.frames.size(); ++u) {
    frames += batch.frames[u];
    batch.utterances.push_back(static_cast<int64_t>(u));
    targets.push_back(masr_bench::SyntheticTarget(encoder.OutputFrames(batch.frames[u]),
                                                  encoder.tokens(), u + 1));
  }
  for (const auto& target : targets) batch.targets.push_back(target);
  batch.features = masr_bench::SyntheticFeatures(frames * encoder.mels());

  const masr::ThreadPool threads(options.threads);
  if (options.cached)
    KeepFrozenOutputs(model, static_cast<size_t>(options.frozen_blocks), threads, batch);
  masr::Trainer trainer = masr::Trainer::Create(
      model,
      masr::TrainableParameters(encoder,
                                {.first_block = static_cast<size_t>(options.frozen_blocks)}),
      {.optimizer = {}, .precision = options.bf16 ? masr::Precision::kBf16 : masr::Precision::kF32},
      threads);
  masr_bench::StepResult result{.side = "mobileasr"};
  for (masr::ParameterId id = 0; id < encoder.parameters().size(); ++id) {
    const masr::ParameterSpec& spec = encoder.parameters()[id];
    if (spec.trainable) result.parameters += spec.elements();
  }
  for (masr::ParameterId id : trainer.trainable()) {
    result.trainable += encoder.parameters()[id].elements();
  }
  uint64_t key = 0;
  result.seconds = masr_bench::TimeSteps(options.steps, [&] {
    result.loss = OrExit(trainer.Step({&batch, 1}, /*learning_rate=*/1e-4f, ++key)).loss;
  });
  masr_bench::PrintResult(options, description, result);
}

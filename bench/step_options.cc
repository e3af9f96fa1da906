#include "step_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace masr_bench {

StepOptions ParseStepOptions(int argc, char** argv) {
  StepOptions options;
  CLI::App app("Times training steps on synthetic data.");
  app.add_option("--model", options.model, "description, bench/models/*.json")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--batch", options.batch, "utterances")->check(CLI::Range(1, 1024));
  app.add_option("--seconds", options.seconds, "longest utterance")->check(CLI::Range(0.1, 600.0));
  app.add_option("--shortest", options.shortest, "shortest utterance, 0: as the longest")
      ->check(CLI::Range(0.0, 600.0));
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 256));
  app.add_option("--frozen-blocks", options.frozen_blocks, "blocks that do not learn")
      ->check(CLI::Range(0, 4096));
  app.add_flag("--cached", options.cached, "ours only: outputs of frozen blocks are kept");
  app.add_flag("--bf16", options.bf16, "ours only: matrix products in bf16 where the CPU has them");
  app.add_option("--steps", options.steps, "timed steps")->check(CLI::Range(1, 100000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return options;
}

nlohmann::json ReadJson(const std::string& path) {
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    std::cerr << path << ": not JSON\n";
    std::exit(1);
  }
  return json;
}

std::vector<nlohmann::json> EncoderLayers(const nlohmann::json& model) {
  std::vector<nlohmann::json> layers;
  for (const nlohmann::json& entry : model.at("encoder")) {
    for (int i = 0; i < entry.value("repeat", 1); ++i) layers.push_back(entry);
  }
  return layers;
}

std::vector<int64_t> UtteranceFrames(const StepOptions& options) {
  const double shortest = options.shortest > 0 ? options.shortest : options.seconds;
  std::vector<int64_t> frames;
  for (int64_t u = 0; u < options.batch; ++u) {
    const double share = options.batch > 1 ? static_cast<double>(u) / (options.batch - 1) : 0.0;
    frames.push_back(std::llround(100 * (options.seconds + share * (shortest - options.seconds))));
  }
  return frames;
}

namespace {

// SplitMix64 (Steele et al., 2014).
uint64_t Next(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<float> SyntheticFeatures(int64_t count) {
  std::vector<float> features(static_cast<size_t>(count));
  uint64_t state = 1;
  for (float& x : features) {
    // Uniform with variance 1.
    x = static_cast<float>((static_cast<double>(Next(state) >> 11) * 0x1p-53 - 0.5) *
                           std::sqrt(12.0));
  }
  return features;
}

std::vector<int32_t> SyntheticTarget(int64_t out_frames, int64_t tokens, uint64_t seed) {
  std::vector<int32_t> target(static_cast<size_t>(out_frames / 3));
  uint64_t state = seed;
  for (int32_t& token : target) {
    token = 1 + static_cast<int32_t>(Next(state) % static_cast<uint64_t>(tokens - 1));
  }
  return target;
}

int64_t PeakResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atoll(line.c_str() + 6) * 1024;
  }
  return 0;
}

void PrintResult(const StepOptions& options, const nlohmann::json& model,
                 const StepResult& result) {
  std::vector<double> sorted = result.seconds;
  std::sort(sorted.begin(), sorted.end());
  const nlohmann::ordered_json line = {{"side", result.side},
                                       {"model", model.at("name")},
                                       {"batch", options.batch},
                                       {"threads", options.threads},
                                       {"bf16", options.bf16},
                                       {"cached", options.cached},
                                       {"frozen_blocks", options.frozen_blocks},
                                       {"utterance_seconds", options.seconds},
                                       {"parameters", result.parameters},
                                       {"trainable", result.trainable},
                                       {"loss", result.loss},
                                       {"median_seconds", sorted[sorted.size() / 2]},
                                       {"best_seconds", sorted.front()},
                                       {"flops", StepFlops(model, options)},
                                       {"peak_resident_bytes", PeakResidentBytes()}};
  std::cout << line.dump() << "\n";
}

}  // namespace masr_bench

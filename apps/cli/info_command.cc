#include <cstdio>
#include <memory>

#include "command.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
};

int64_t Elements(const Encoder& encoder, const EncoderBlock& block) {
  int64_t n = 0;
  for (ParameterId id = block.first; id < block.end; ++id) n += encoder.parameters()[id].elements();
  return n;
}

Status Run(const Options& options) {
  MASR_TRY(const Model model, LoadModel(options.model));
  const Encoder& encoder = model.encoder;
  if (options.common.json) {
    Json json = {{"name", model.config.name},
                 {"parameters", encoder.parameter_count()},
                 {"bytes", model.weights.StoredBytes()},
                 {"tokens", encoder.tokens()},
                 {"config", Json::parse(model.config.ToJson())},
                 {"fingerprint", ModelFingerprint(model)}};
    for (const EncoderBlock& block : encoder.blocks()) {
      json["blocks"].push_back({{"name", block.name}, {"parameters", Elements(encoder, block)}});
    }
    json["metadata"] = model.metadata;
    PrintJson(json);
    return {};
  }
  std::printf("%s: %s\n", options.model.c_str(), model.config.name.c_str());
  const FeatureConfig& features = model.config.features;
  const std::string hears = features.kind == FeatureKind::kWaveform
                                ? "the wave"
                                : std::to_string(features.width()) + " mel bins";
  std::printf("  %lld parameters in %.1f MB, %lld tokens, %d Hz, %s\n",
              static_cast<long long>(encoder.parameter_count()),
              static_cast<double>(model.weights.StoredBytes()) / 1e6,
              static_cast<long long>(encoder.tokens()), features.sample_rate_hz(), hears.c_str());
  std::printf("  fingerprint %s\n", ModelFingerprint(model).c_str());
  for (const EncoderBlock& block : encoder.blocks()) {
    std::printf("  %-12s %10lld parameters\n", block.name.c_str(),
                static_cast<long long>(Elements(encoder, block)));
  }
  for (const auto& [key, value] : model.metadata) {
    std::printf("  %s: %s\n", key.c_str(), value.c_str());
  }
  return {};
}

}  // namespace

Command AddInfo(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("info", "What a model file holds");
  app->add_option("model", options->model, "Model file")->required();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli

#include <cstdio>
#include <memory>

#include "command.h"
#include "model/average_models.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> models;
  std::string out;
  std::string format;
};

// That of its matrices; all of them are stored alike.
std::string FormatOf(const Model& model) {
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    if (!table[id].matrix) continue;
    switch (model.weights.views().Matrix(id).type) {
      case WeightType::kInt8:
        return "int8";
      case WeightType::kBf16:
        return "bf16";
      case WeightType::kF32:
        return "f32";
    }
  }
  return "f32";
}

Status Run(Options& options) {
  if (options.format.empty()) {
    MASR_TRY(const Model first, LoadModel(options.models.front()));
    options.format = FormatOf(first);
  }
  MASR_TRY(const Model average, AverageModels(options.models));
  MASR_RETURN_IF_ERROR(SaveModel(average, WeightFormatFromName(options.format), options.out));
  if (options.common.json) {
    PrintJson({{"model", options.out},
               {"models", options.models},
               {"format", options.format},
               {"fingerprint", ModelFingerprint(average)}});
    return {};
  }
  std::printf("%s is the average of %zu models (%s)\n", options.out.c_str(), options.models.size(),
              options.format.c_str());
  return {};
}

}  // namespace

Command AddAverage(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("average", "Average the weights of several models");
  app->add_option("models", options->models, "Model files of one recipe, two or more")
      ->required()
      ->expected(2, 10000);
  app->add_option("--out", options->out, "Model file to write")->required();
  app->add_option("--format", options->format,
                  "Weights in the file: f32, bf16 or int8 (default: as in the first model)")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}));
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli

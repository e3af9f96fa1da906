#include <cstdio>
#include <filesystem>
#include <memory>

#include "command.h"
#include "convert/onnx.h"
#include "convert/source.h"
#include "io/file.h"
#include "train/compare_logits.h"

namespace masr::cli {
namespace {

struct ConvertOptions {
  CommonOptions common;
  std::string source;
  std::string out;
  std::string format = "f32";
  std::string data;
};

struct ExportOptions {
  CommonOptions common;
  std::string model;
  std::string out;
};

// Of an output's logits: enough to be representative, not a second evaluation.
constexpr int64_t kComparedUtterances = 32;

int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(bytes);
}

// A model file that goes when it is done with.
class TemporaryModel {
 public:
  explicit TemporaryModel(std::string path) : path_(std::move(path)) {}
  ~TemporaryModel() {
    if (FileExists(path_)) (void)RemoveFile(path_);
  }
  TemporaryModel(const TemporaryModel&) = delete;
  TemporaryModel& operator=(const TemporaryModel&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Cost {
  Evaluation before;
  Evaluation after;
  LogitsDifference logits;
};

// The model as it came, in full precision, beside what was written.
Result<Cost> MeasureCost(const ConvertOptions& options) {
  const TemporaryModel full(options.out + ".f32.tmp");
  MASR_RETURN_IF_ERROR(ConvertModel(options.source, WeightFormat::kF32, full.path()));
  MASR_TRY(const Model reference, LoadModel(full.path()));
  MASR_TRY(const Model stored, LoadModel(options.out));
  MASR_TRY(SpeechDataset dataset, LoadDataset(options.data, reference));
  const ThreadPool threads(ThreadCount(options.common));
  const EvaluateOptions how = {.cancel = &StopRequested()};
  Cost cost;
  MASR_TRY(cost.logits, CompareLogits(reference, stored, dataset, kComparedUtterances, threads));
  MASR_TRY(cost.before, Evaluate(reference, dataset, {}, threads, how));
  MASR_TRY(cost.after, Evaluate(stored, dataset, {}, threads, how));
  return cost;
}

void PrintCost(const Cost& cost) {
  std::printf(
      "  logits: %.2g off at most, %.2g in the root mean square, of %.3g (%lld utterances)\n",
      cost.logits.largest, cost.logits.rms, cost.logits.reference_rms,
      static_cast<long long>(cost.logits.utterances));
  std::printf(
      "  WER %.2f %% as it came, %.2f %% as stored; CER %.2f %% and %.2f %% (%lld utterances)\n",
      cost.before.words.rate_percent(), cost.after.words.rate_percent(),
      cost.before.characters.rate_percent(), cost.after.characters.rate_percent(),
      static_cast<long long>(cost.after.utterances));
}

Status RunConvert(const ConvertOptions& options) {
  MASR_TRY(const std::vector<std::string> notes,
           ConvertModel(options.source, WeightFormatFromName(options.format), options.out));
  MASR_TRY(const Model model, LoadModel(options.out));
  const int64_t bytes = FileBytes(options.out);
  std::optional<Cost> cost;
  if (!options.data.empty()) {
    MASR_TRY(cost, MeasureCost(options));
  }
  if (options.common.json) {
    Json json = {{"model", options.out},
                 {"name", model.config.name},
                 {"format", options.format},
                 {"parameters", model.encoder.parameter_count()},
                 {"tokens", model.encoder.tokens()},
                 {"bytes", bytes},
                 {"f32_bytes", 4 * model.encoder.parameter_count()},
                 {"notes", notes}};
    if (cost) {
      json["logits"] = {{"utterances", cost->logits.utterances},
                        {"rows", cost->logits.rows},
                        {"largest_error", cost->logits.largest},
                        {"rms_error", cost->logits.rms},
                        {"reference_rms", cost->logits.reference_rms}};
      json["before"] = EvaluationJson(cost->before, 0);
      json["after"] = EvaluationJson(cost->after, 0);
    }
    PrintJson(json);
    return {};
  }
  std::printf("%s: %s, %lld parameters as %s in %.1f MB (%.1f MB in f32), %lld tokens\n",
              options.out.c_str(), model.config.name.c_str(),
              static_cast<long long>(model.encoder.parameter_count()), options.format.c_str(),
              static_cast<double>(bytes) / 1e6,
              4e-6 * static_cast<double>(model.encoder.parameter_count()),
              static_cast<long long>(model.encoder.tokens()));
  for (const std::string& note : notes) std::printf("  note: %s\n", note.c_str());
  if (cost) PrintCost(*cost);
  return {};
}

Status RunExport(const ExportOptions& options) {
  MASR_TRY(const Model model, LoadModel(options.model));
  const bool onnx = std::filesystem::path(options.out).extension() == ".onnx";
  if (onnx) {
    MASR_RETURN_IF_ERROR(ExportOnnx(model, options.out));
  } else {
    MASR_RETURN_IF_ERROR(MakeFolder(options.out));
    MASR_RETURN_IF_ERROR(ExportModel(model, options.out));
  }
  if (options.common.json) {
    PrintJson({{onnx ? "file" : "folder", options.out}, {"name", model.config.name}});
  } else if (onnx) {
    std::printf("%s: %s, %.1f MB\n", options.out.c_str(), model.config.name.c_str(),
                1e-6 * static_cast<double>(FileBytes(options.out)));
  } else {
    std::printf("%s: %s in its source's form\n", options.out.c_str(), model.config.name.c_str());
  }
  return {};
}

}  // namespace

Command AddConvert(CLI::App& parent) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* app =
      parent.add_subcommand("convert", "Make a model file of a recogniser from elsewhere");
  app->add_option(
         "source", options->source,
         "Folder of a Wav2Vec2ForCTC or HubertForCTC, one of NVIDIA NeMo's CTC models that "
         "scripts/unpack_nemo.py has unpacked, or a model file of ours")
      ->required();
  app->add_option("--out", options->out, "Model file to write")->required();
  app->add_option("--format", options->format, "Weights in the file: f32, bf16 or int8")
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->capture_default_str();
  app->add_option("--data", options->data,
                  "Manifest to measure on what the format costs: logits and WER");
  AddCommonOptions(*app, options->common);
  return {app, [options] { return RunConvert(*options); }};
}

Command AddExport(CLI::App& parent) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* app = parent.add_subcommand(
      "export", "Write a model for use elsewhere: ONNX, or its source's form");
  app->add_option("--model", options->model,
                  "Model file; for its source's form, one that convert made or learned from one")
      ->required();
  app->add_option(
         "--out", options->out,
         "File to write that ends in .onnx (from the wave to log-probabilities, f32), or a "
         "folder for the source's form")
      ->required();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return RunExport(*options); }};
}

}  // namespace masr::cli

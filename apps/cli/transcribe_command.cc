#include <cstdio>
#include <memory>

#include "audio/audio_file.h"
#include "audio/resampler.h"
#include "command.h"
#include "ctc/greedy_decoder.h"
#include "model/inference.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
  std::vector<std::string> files;
};

class Transcriber {
 public:
  Transcriber(const Model& model, const ThreadPool& threads, LogMel log_mel)
      : model_(model), inference_(model, threads), log_mel_(std::move(log_mel)) {}

  Result<std::string> Transcribe(const std::string& path) {
    MASR_TRY(const Pcm pcm, ReadAudio(path));
    const FeatureConfig& config = model_.config.features;
    MASR_TRY(const std::vector<float> samples,
             Resample(pcm.samples, pcm.sample_rate_hz, config.log_mel.sample_rate_hz));
    std::vector<float> features = log_mel_.ComputeAll(samples);
    const int64_t frames = static_cast<int64_t>(features.size()) / log_mel_.mels();
    if (model_.encoder.OutputFrames(frames) < 1) {
      return Fail(ErrorCode::kInvalidArgument, path + ": too short to recognise anything");
    }
    NormalizeFeatures(config.normalization, frames, log_mel_.mels(), features.data());
    MASR_TRY(const Logits logits, inference_.Run({frames}, features));
    return model_.vocabulary.Decode(GreedyDecode(logits.offsets[1], model_.encoder.tokens(),
                                                 Vocabulary::kBlank, logits.values.data()));
  }

 private:
  const Model& model_;
  Inference inference_;
  LogMel log_mel_;
};

Status Run(const Options& options) {
  MASR_TRY(const Model model, LoadModel(options.model));
  const ThreadPool threads(ThreadCount(options.common));
  MASR_TRY(LogMel log_mel, LogMel::Create(model.config.features.log_mel));
  Transcriber transcriber(model, threads, std::move(log_mel));
  Json results = Json::array();
  size_t failed = 0;
  for (const std::string& path : options.files) {
    if (StopRequested()) return Fail(ErrorCode::kCancelled, "stopped");
    const auto text = transcriber.Transcribe(path);
    if (!text.has_value()) {
      ++failed;
      std::fprintf(stderr, "mobileasr: %s\n", text.error().message.c_str());
      results.push_back({{"file", path}, {"error", text.error().message}});
      continue;
    }
    results.push_back({{"file", path}, {"text", *text}});
    if (options.common.json) continue;
    if (options.files.size() > 1) std::printf("%s\t", path.c_str());
    std::printf("%s\n", text->c_str());
  }
  if (options.common.json) {
    PrintJson({{"files", results}, {"peak_rss_bytes", PeakRssBytes()}});
  }
  if (failed > 0) {
    return Fail(ErrorCode::kInvalidArgument, std::to_string(failed) + " of " +
                                                 std::to_string(options.files.size()) +
                                                 " files could not be transcribed");
  }
  return {};
}

}  // namespace

Command AddTranscribe(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("transcribe", "Text of audio files");
  app->add_option("--model", options->model, "Model file")->required();
  app->add_option("files", options->files, "Audio files")->required();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli

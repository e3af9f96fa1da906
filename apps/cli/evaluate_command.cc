#include <cstdio>
#include <memory>

#include "command.h"
#include "decoding.h"
#include "io/file.h"
#include "progress.h"
#include "resources/process_memory.h"

namespace masr::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string model;
  std::string data;
  DecodingFlags decoding;
  bool show = false;
  std::string predictions;
};

// A NeMo manifest with what was recognised, as NeMo's own transcription script writes it.
Status WritePredictions(const std::string& path, const SpeechDataset& dataset,
                        const Evaluation& result) {
  std::string lines;
  for (const EvaluatedUtterance& u : result.hypotheses) {
    const Utterance& utterance = dataset.utterance(u.utterance);
    const Json line = {{"audio_filepath", utterance.audio_path},
                       {"duration", utterance.duration_s},
                       {"text", utterance.text},
                       {"pred_text", u.hypothesis},
                       {"speaker", utterance.speaker},
                       {"accent", utterance.accent}};
    lines += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return ReplaceFile(path, lines);
}

Status Run(const Options& options) {
  MASR_TRY(const Model model, LoadModel(options.model));
  MASR_TRY(const Decoding decoding, MakeDecoding(options.decoding, model));
  MASR_TRY(SpeechDataset dataset, LoadDataset(options.data, model));
  const ThreadPool threads(ThreadCount(options.common));
  Progress progress;
  MASR_TRY(
      const Evaluation result,
      Evaluate(model, dataset, {}, threads,
               {.progress =
                    [&](int64_t done, int64_t total) {
                      progress.Update(
                          static_cast<double>(done) / static_cast<double>(total),
                          std::to_string(done) + " of " + std::to_string(total) + " utterances");
                    },
                .cancel = &StopRequested(),
                .decode = [&](int64_t frames,
                              const float* logits) { return decoding.Text(frames, logits); }}));
  progress.Clear();
  if (options.show) {
    for (const EvaluatedUtterance& u : result.hypotheses) {
      std::fprintf(options.common.json ? stderr : stdout, "ref: %s\nhyp: %s\n\n",
                   dataset.utterance(u.utterance).text.c_str(), u.hypothesis.c_str());
    }
  }
  if (!options.predictions.empty()) {
    MASR_RETURN_IF_ERROR(WritePredictions(options.predictions, dataset, result));
  }
  const auto skipped = static_cast<int64_t>(dataset.problems().size());
  if (options.common.json) {
    Json json = EvaluationJson(result, skipped);
    json["peak_rss_bytes"] = PeakResidentBytes();
    PrintJson(json);
    return {};
  }
  std::printf("WER %.2f %%  CER %.2f %%\n", result.words.rate_percent(),
              result.characters.rate_percent());
  std::printf("%lld words: %lld substituted, %lld inserted, %lld deleted\n",
              static_cast<long long>(result.words.reference_tokens),
              static_cast<long long>(result.words.substitutions),
              static_cast<long long>(result.words.insertions),
              static_cast<long long>(result.words.deletions));
  std::printf("%lld utterances (%lld skipped), %.1f s of speech in %.1f s, peak memory %.0f MB\n",
              static_cast<long long>(result.utterances),
              static_cast<long long>(skipped + result.skipped), result.audio_seconds,
              result.seconds, static_cast<double>(PeakResidentBytes()) / 1e6);
  return {};
}

}  // namespace

Command AddEvaluate(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand("evaluate", "WER and CER of a model on a manifest");
  app->add_option("--model", options->model, "Model file")->required();
  app->add_option("--data", options->data,
                  "Manifest: JSON lines, Kaldi directory, folder of audio + .txt, or TSV")
      ->required();
  app->add_flag("--show", options->show, "Print reference and hypothesis of every utterance");
  app->add_option("--predictions", options->predictions,
                  "Also write a manifest with the recognised text as \"pred_text\"");
  AddDecodingOptions(*app, options->decoding);
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli

#include "train/pretrain_data.h"

#include "train/model_speech.h"
#include "train/pretrain.h"

namespace masr {
namespace {

using Warning = std::function<void(const std::string&)>;

Result<SpeechDataset> LoadSpeech(const std::vector<std::string>& paths, const Model& model,
                                 int64_t cache_bytes, const Warning& warning) {
  std::vector<Manifest> manifests;
  for (const std::string& path : paths) {
    MASR_TRY(Manifest manifest, ReadManifest(path));
    manifests.push_back(std::move(manifest));
  }
  SpeechDataset dataset = SpeechFor(model, std::move(manifests), cache_bytes);
  for (const ManifestProblem& problem : dataset.problems()) {
    if (warning) warning(problem.where + ": " + problem.message);
  }
  if (dataset.size() == 0) {
    return Fail(ErrorCode::kInvalidArgument, paths.front() + ": no usable utterance");
  }
  return dataset;
}

// Cut to what a double adds up exactly.
double Fingerprint(const SpeechDataset& dataset) {
  const uint64_t hash = dataset.Fingerprint();
  return static_cast<double>((hash ^ (hash >> 32)) & 0xffffffff);
}

}  // namespace

Status PretrainData::CheckSameEverywhere(Collective& collective) const {
  const double mine[] = {Fingerprint(train), Fingerprint(dev), Fingerprint(noise)};
  double sums[] = {mine[0], mine[1], mine[2]};
  MASR_RETURN_IF_ERROR(collective.Sum(sums));
  const char* names[] = {"training", "dev", "noise"};
  for (size_t i = 0; i < 3; ++i) {
    // If they are not all alike, at least one is not the mean, and that one ends the job.
    if (sums[i] == mine[i] * collective.size()) continue;
    return Fail(ErrorCode::kInvalidArgument,
                std::string("the ") + names[i] +
                    " manifests hold other utterances here than in other processes; every process "
                    "needs the same data");
  }
  return {};
}

Result<PretrainData> PretrainData::Load(const PretrainOptions& options, const Model& model,
                                        const Warning& warning) {
  PretrainData data;
  MASR_TRY(data.train, LoadSpeech(options.train_manifests, model, options.cache_bytes, warning));
  MASR_TRY(data.dev, LoadSpeech({options.dev_manifest}, model, options.cache_bytes / 8, warning));
  data.skipped = static_cast<int64_t>(data.train.problems().size() + data.dev.problems().size());
  if (!options.noise_manifest.empty()) {
    MASR_TRY(data.noise, LoadNoise(options.noise_manifest,
                                   {.sample_rate_hz = model.config.features.sample_rate_hz(),
                                    .cache_bytes = options.cache_bytes / 8}));
  }
  return data;
}

}  // namespace masr

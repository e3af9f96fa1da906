#include <cstdio>
#include <filesystem>
#include <memory>
#include <mutex>
#include <system_error>

#include "audio/resampler.h"
#include "data_command.h"
#include "data_folder.h"
#include "io/file.h"
#include "io/json.h"
#include "progress.h"
#include "train/augmentation.h"

namespace masr::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  CommonOptions common;
  std::string manifest;
  std::string noise;
  std::string recipe;
  std::string out;
  int64_t copies = 1;
  int sample_rate_hz = 16000;
  std::string format = "flac";
};

// Keeps written samples from being clipped once more.
constexpr float kLoudest = 0.99f;

AudioFormat FormatFromName(const std::string& name) {
  if (name == "wav") return AudioFormat::kWav;
  return name == "opus" ? AudioFormat::kOpus : AudioFormat::kFlac;
}

class Augmenter {
 public:
  Augmenter(const Options& options, const AugmentOptions& recipe, const Manifest& manifest,
            const std::vector<Json>& fields, SpeechDataset& noise)
      : options_(options),
        recipe_(recipe),
        manifest_(manifest),
        fields_(fields),
        noise_(noise),
        source_{.count = noise.size(), .samples = [this](int64_t i) { return Noise(i); }} {}

  int64_t items() const {
    return static_cast<int64_t>(manifest_.utterances.size()) * options_.copies;
  }

  // Writes the audio of item i and gives its line; what cannot be made is a line that says why.
  // A disk that is full is an error.
  Result<std::string> Make(int64_t i) {
    auto line = MakeLine(i);
    if (!line.has_value()) {
      if (line.error().code == ErrorCode::kNoSpace || line.error().code == ErrorCode::kIo) {
        return tl::unexpected(std::move(line.error()));
      }
      line = Json{{"skipped", UtteranceOf(i).where + ": " + line.error().message}};
    }
    return WriteJson(*line);
  }

 private:
  const Utterance& UtteranceOf(int64_t i) const {
    return manifest_.utterances[static_cast<size_t>(i / options_.copies)];
  }

  Result<std::vector<float>> Noise(int64_t i) {
    const std::lock_guard lock(mutex_);
    return noise_.Samples(i);
  }

  std::string FromOut(const std::string& path) const {
    std::error_code error;
    const fs::path relative = fs::relative(path, options_.out, error);
    return error ? path : relative.string();
  }

  Result<Json> MakeLine(int64_t i) {
    const Utterance& utterance = UtteranceOf(i);
    MASR_TRY(const Pcm original, ReadUtteranceAudio(utterance));
    MASR_TRY(std::vector<float> samples,
             Resample(original.samples, original.sample_rate_hz, options_.sample_rate_hz));
    const uint64_t key = MixKeys(options_.common.seed, static_cast<uint64_t>(i));
    Rng rng(key);
    std::vector<AppliedEffect> applied;
    MASR_TRY(samples, AugmentSamples(std::move(samples), options_.sample_rate_hz, recipe_, source_,
                                     key, rng, &applied));
    KeepFromClipping(samples, applied);
    char name[64];
    std::snprintf(name, sizeof(name), "audio/%08lld.%s", static_cast<long long>(i),
                  options_.format.c_str());
    const double seconds = static_cast<double>(samples.size()) / options_.sample_rate_hz;
    MASR_TRY(const std::string bytes, EncodeAudio({std::move(samples), options_.sample_rate_hz},
                                                  FormatFromName(options_.format)));
    MASR_RETURN_IF_ERROR(WriteFast(options_.out + "/" + name, bytes));
    Json line = {{"audio_filepath", name}};
    line.update(fields_[static_cast<size_t>(i / options_.copies)]);
    line["duration"] = seconds;
    line["augmented_from"] = FromOut(utterance.audio_path);
    if (utterance.size_bytes > 0) line["augmented_from_byte"] = utterance.offset_bytes;
    line["seed"] = options_.common.seed;
    line["effects"] = Json::array();
    for (const AppliedEffect& effect : applied) line["effects"].push_back(EffectJson(effect));
    return line;
  }

  static void KeepFromClipping(std::vector<float>& samples, std::vector<AppliedEffect>& applied) {
    float peak = 0;
    for (const float x : samples) peak = std::max(peak, std::abs(x));
    if (peak <= kLoudest) return;
    for (float& x : samples) x *= kLoudest / peak;
    applied.push_back({"scale", {}, {{"factor", kLoudest / peak}}});
  }

  Json EffectJson(const AppliedEffect& effect) const {
    Json json = {{"effect", effect.name}};
    if (!effect.kind.empty()) json["kind"] = effect.kind;
    for (const auto& [name, value] : effect.values) {
      if (name == "index") {
        json["file"] = FromOut(noise_.utterance(static_cast<int64_t>(value)).audio_path);
      } else {
        json[name] = value;
      }
    }
    return json;
  }

  const Options& options_;
  const AugmentOptions& recipe_;
  const Manifest& manifest_;
  const std::vector<Json>& fields_;
  SpeechDataset& noise_;
  NoiseSource source_;
  std::mutex mutex_;  // two utterances may draw the same noise at the same time
};

// False if its owner stopped it.
Result<bool> MakeAll(Augmenter& augmenter, GrowingManifest& lines, const ThreadPool& threads) {
  Progress progress;
  const int64_t total = augmenter.items();
  const int64_t chunk = 8 * threads.threads();
  while (static_cast<int64_t>(lines.lines().size()) < total) {
    if (StopRequested()) return false;
    const auto first = static_cast<int64_t>(lines.lines().size());
    std::vector<Result<std::string>> made(static_cast<size_t>(std::min(chunk, total - first)));
    threads.ParallelFor(made.size(), [&](size_t k, int) {
      made[k] = augmenter.Make(first + static_cast<int64_t>(k));
    });
    std::vector<std::string> part;
    for (Result<std::string>& line : made) {
      if (!line.has_value()) return tl::unexpected(std::move(line.error()));
      part.push_back(std::move(*line));
    }
    MASR_RETURN_IF_ERROR(lines.Append(part));
    const auto done = static_cast<int64_t>(lines.lines().size());
    progress.Update(static_cast<double>(done) / static_cast<double>(total),
                    std::to_string(done) + " of " + std::to_string(total) + " utterances");
  }
  progress.Clear();
  return true;
}

Status Run(const Options& options) {
  MASR_TRY(const std::string recipe_text, ReadTextFile(options.recipe, 1 << 20));
  MASR_TRY(const AugmentOptions recipe, AugmentOptionsFromJson(recipe_text, options.recipe));
  if (recipe.noise_probability > 0 && options.noise.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                options.recipe + ": has a 'noise_probability'; give --noise a manifest of noises");
  }
  MASR_TRY(const Manifest manifest, ReadManifest(options.manifest));
  PrintProblems(manifest.problems);
  MASR_TRY(const std::vector<Json> fields, ManifestFields(manifest));
  SpeechDataset noise;
  if (!options.noise.empty()) {
    MASR_TRY(noise, LoadNoise(options.noise, {.sample_rate_hz = options.sample_rate_hz,
                                              .cache_bytes = int64_t{256} << 20}));
    PrintProblems(noise.problems());
  }
  std::string noises;
  for (int64_t i = 0; i < noise.size(); ++i) noises += noise.utterance(i).audio_path + "\n";
  MASR_RETURN_IF_ERROR(BeginFolder(options.out, {{"command", "augment"},
                                                 {"data", Fingerprint(manifest)},
                                                 {"noise", Fingerprint(noises)},
                                                 {"recipe", Fingerprint(recipe_text)},
                                                 {"copies", options.copies},
                                                 {"sample_rate_hz", options.sample_rate_hz},
                                                 {"format", options.format},
                                                 {"seed", options.common.seed}}));
  std::error_code ignored;  // what cannot be made cannot be written to either, which says so
  fs::create_directories(options.out + "/audio", ignored);
  const std::string path = options.out + "/manifest.jsonl";
  GrowingManifest lines(path);
  MASR_RETURN_IF_ERROR(lines.Open());
  if (!lines.finished()) {
    const ThreadPool threads(ThreadCount(options.common));
    Augmenter augmenter(options, recipe, manifest, fields, noise);
    MASR_TRY(const bool whole, MakeAll(augmenter, lines, threads));
    if (!whole) {
      return Fail(ErrorCode::kCancelled,
                  "stopped; run the same command again to go on with " + options.out);
    }
  }
  std::vector<std::string> good;
  size_t skipped = manifest.problems.size();
  double seconds = 0;
  for (const std::string& line : lines.lines()) {
    MASR_TRY(const nlohmann::json json, ParseJson(line));
    if (json.contains("skipped")) {
      ++skipped;
      std::fprintf(stderr, "warning: %s (skipped)\n", json["skipped"].dump().c_str());
      continue;
    }
    seconds += json.value("duration", 0.0);
    good.push_back(line);
  }
  if (!lines.finished()) MASR_RETURN_IF_ERROR(lines.Finish(good));
  if (options.common.json) {
    PrintJson({{"manifest", path},
               {"utterances", good.size()},
               {"audio_seconds", seconds},
               {"skipped", skipped}});
  } else {
    std::printf("%s: %zu utterances, %s of speech (%zu skipped)\n", path.c_str(), good.size(),
                ClockText(seconds).c_str(), skipped);
  }
  return {};
}

}  // namespace

Command AddDataAugment(CLI::App& parent) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "augment", "Copies of speech in rooms, noise, on the telephone, by a recipe");
  app->add_option("--manifest", options->manifest, "Manifest of any form")->required();
  app->add_option("--noise", options->noise, "Manifest of noises to mix in");
  app->add_option("--recipe", options->recipe,
                  "JSON of a stage's augmentation fields (docs/models.md)")
      ->required();
  app->add_option("--out", options->out, "Folder for the audio and its manifest.jsonl")->required();
  app->add_option("--copies", options->copies, "Of each utterance")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--rate", options->sample_rate_hz, "Samples per second of the copies")
      ->check(CLI::Range(8000, 48000))
      ->capture_default_str();
  app->add_option("--format", options->format, "wav, flac or opus")
      ->check(CLI::IsMember({"wav", "flac", "opus"}))
      ->capture_default_str();
  AddCommonOptions(*app, options->common);
  return {app, [options] { return Run(*options); }};
}

}  // namespace masr::cli

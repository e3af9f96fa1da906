#include "capi/speech_input.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "audio/resampler.h"
#include "model/feature_extractor.h"
#include "text/normalizer.h"

namespace masr::capi {
namespace {

constexpr double kLongestS = 3600;

std::string Named(size_t utterance) { return "utterance " + std::to_string(utterance) + ": "; }

int RateOf(const Model& model, const masr_speech& speech) {
  return speech.sample_rate_hz == 0 ? model.config.features.sample_rate_hz()
                                    : speech.sample_rate_hz;
}

Status CheckSpeech(const Model& model, const masr_speech& speech) {
  if (speech.count == 0) return Fail(ErrorCode::kInvalidArgument, "speech has no utterance");
  if ((speech.audio != nullptr) == (speech.features != nullptr)) {
    return Fail(ErrorCode::kInvalidArgument,
                "speech needs either audio or features, and not both of them");
  }
  if (speech.lengths == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "speech: lengths must not be NULL");
  }
  const int rate_hz = RateOf(model, speech);
  if (rate_hz < 100 || rate_hz > 768000) {
    return Fail(ErrorCode::kInvalidArgument, "speech: a sample rate must be from 100 to 768000 Hz");
  }
  const double longest =
      kLongestS * (speech.audio != nullptr ? rate_hz : 1 / model.config.features.frame_s());
  for (size_t u = 0; u < speech.count; ++u) {
    const int64_t length = speech.lengths[u];
    if (length <= 0 || static_cast<double>(length) > longest) {
      return Fail(ErrorCode::kInvalidArgument, Named(u) + "its length is " +
                                                   std::to_string(length) +
                                                   "; it must be above 0 and at most an hour");
    }
  }
  return {};
}

Status CheckFinite(std::span<const float> values, size_t utterance, const char* what) {
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return {};
  return Fail(ErrorCode::kInvalidArgument, Named(utterance) + what + " " +
                                               std::to_string(bad - values.begin()) +
                                               " is not a finite number");
}

// [frames, width], normalised.
Result<std::vector<float>> FeaturesOf(const Model& model, const FeatureExtractor& extractor,
                                      std::span<const float> samples, int rate_hz) {
  MASR_TRY(std::vector<float> resampled,
           Resample(samples, rate_hz, model.config.features.sample_rate_hz()));
  return extractor.Features(std::move(resampled));
}

Status AddAudio(const Model& model, const ThreadPool& threads, const masr_speech& speech,
                Batch& batch) {
  MASR_TRY(const FeatureExtractor extractor, FeatureExtractor::Create(model.config.features));
  std::vector<std::span<const float>> samples(speech.count);
  const float* at = speech.audio;
  for (size_t u = 0; u < speech.count; ++u) {
    samples[u] = {at, static_cast<size_t>(speech.lengths[u])};
    at += speech.lengths[u];
    MASR_RETURN_IF_ERROR(CheckFinite(samples[u], u, "sample"));
  }
  std::vector<Result<std::vector<float>>> features(speech.count);
  threads.ParallelFor(speech.count, [&](size_t u, int) {
    features[u] = FeaturesOf(model, extractor, samples[u], RateOf(model, speech));
  });
  for (size_t u = 0; u < speech.count; ++u) {
    if (!features[u].has_value()) return Fail(Named(u), std::move(features[u].error()));
    batch.frames.push_back(std::ssize(*features[u]) / extractor.width());
    batch.features.insert(batch.features.end(), features[u]->begin(), features[u]->end());
  }
  return {};
}

Status AddFeatures(const Model& model, const masr_speech& speech, Batch& batch) {
  const int64_t mels = model.encoder.mels();
  const float* at = speech.features;
  for (size_t u = 0; u < speech.count; ++u) {
    const std::span<const float> own = {at, static_cast<size_t>(speech.lengths[u] * mels)};
    MASR_RETURN_IF_ERROR(CheckFinite(own, u, "feature"));
    batch.frames.push_back(speech.lengths[u]);
    batch.features.insert(batch.features.end(), own.begin(), own.end());
    at += own.size();
  }
  return {};
}

Status AddTexts(const Model& model, const masr_speech& speech, const std::vector<int64_t>& rows,
                SpeechInput& input) {
  if (speech.texts == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "speech: texts must not be NULL here");
  }
  for (size_t u = 0; u < speech.count; ++u) {
    if (speech.texts[u] == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, Named(u) + "its text must not be NULL");
    }
    auto target = model.vocabulary.Encode(NormalizeEnglish(speech.texts[u]));
    if (!target.has_value()) return Fail(Named(u) + "text", std::move(target.error()));
    MASR_RETURN_IF_ERROR(
        CheckTargetFits({.where = "utterance " + std::to_string(u)}, *target, rows[u]));
    input.texts.push_back(std::move(*target));
  }
  input.batch.targets.assign(input.texts.begin(), input.texts.end());
  return {};
}

}  // namespace

Result<std::vector<int64_t>> SpeechFrames(const Model& model, const masr_speech& speech) {
  MASR_RETURN_IF_ERROR(CheckSpeech(model, speech));
  std::vector<int64_t> frames(speech.lengths, speech.lengths + speech.count);
  if (speech.features != nullptr) return frames;
  MASR_TRY(const LogMel log_mel, LogMel::Create(model.config.features.log_mel));
  const double ratio =
      static_cast<double>(model.config.features.log_mel.sample_rate_hz) / RateOf(model, speech);
  // What a resampler gives may be a sample more or less than this: a frame more is room enough.
  const int64_t spare = RateOf(model, speech) == model.config.features.log_mel.sample_rate_hz
                            ? 0
                            : log_mel.hop_samples();
  for (int64_t& f : frames) {
    f = log_mel.Frames(static_cast<int64_t>(std::ceil(static_cast<double>(f) * ratio)) + spare);
  }
  return frames;
}

Result<std::vector<int64_t>> OutputRows(const Model& model, const std::vector<int64_t>& frames) {
  std::vector<int64_t> rows;
  for (size_t u = 0; u < frames.size(); ++u) {
    rows.push_back(model.encoder.OutputFrames(frames[u]));
    if (rows.back() < 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  Named(u) + "too short: of " + std::to_string(frames[u]) +
                      " feature frames the recogniser makes no output");
    }
  }
  return rows;
}

Result<SpeechInput> ReadSpeech(const Model& model, const ThreadPool& threads,
                               const masr_speech& speech, bool with_texts) {
  MASR_RETURN_IF_ERROR(CheckSpeech(model, speech));
  SpeechInput input;
  for (size_t u = 0; u < speech.count; ++u) {
    input.batch.utterances.push_back(static_cast<int64_t>(u));
  }
  MASR_RETURN_IF_ERROR(speech.features != nullptr ? AddFeatures(model, speech, input.batch)
                                                  : AddAudio(model, threads, speech, input.batch));
  MASR_TRY(const std::vector<int64_t> rows, OutputRows(model, input.batch.frames));
  for (int64_t r : rows) input.output_rows += r;
  if (with_texts) MASR_RETURN_IF_ERROR(AddTexts(model, speech, rows, input));
  return input;
}

}  // namespace masr::capi

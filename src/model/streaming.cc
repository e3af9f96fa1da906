#include "model/streaming.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "audio/waveform.h"

namespace masr {
namespace {

constexpr double kMaxWindowS = 600;
// Long enough to tell its mean, short enough to be gone after the first sentence.
constexpr double kImaginedSpeechS = 1;
// A pause is part of an utterance, as it was in training; the hours between two are not, and
// statistics wait meanwhile. (Leaving all pauses out costs words.)
constexpr double kCountedQuietS = 5;
// Between looks at the tail, at least; and while speech that began less than kOnsetS ago has given
// no text yet, which is to come within 0.3 s.
constexpr double kLookS = 0.12;
constexpr double kFirstLookS = 0.04;
constexpr double kOnsetS = 1.0;
// Samples taken at a time of a large piece: what they become is not kept all at once.
constexpr size_t kPieceSamples = 4096;

std::string Seconds(double s) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.4g s", s);
  return text;
}

// Feature frames from one row of logits to the next; 0 if there is no fixed number up to `most`.
int64_t FramesPerRow(const Encoder& encoder, int64_t most) {
  constexpr int64_t kMany = 1 << 20;  // no edge is near
  int64_t steps[2] = {0, 0};
  int64_t n = kMany;
  for (int64_t& step : steps) {
    const int64_t rows = encoder.OutputFrames(n);
    do {
      if (++n > kMany + 2 * most) return 0;
    } while (encoder.OutputFrames(n) == rows);
    step = n;
  }
  const int64_t stride = steps[1] - steps[0];
  return encoder.OutputFrames(steps[1] + 100 * stride) == encoder.OutputFrames(steps[1]) + 100
             ? stride
             : 0;
}

Status CheckOptions(const StreamingOptions& o) {
  // Written so that NaN fails too.
  const bool times = o.left_s >= 0 && o.right_s >= 0 && o.chunk_s > 0 &&
                     o.left_s + o.chunk_s + o.right_s <= kMaxWindowS;
  if (times && o.tail_visits > 0) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "streaming: left_s is " + Seconds(o.left_s) + ", chunk_s " + Seconds(o.chunk_s) +
                  ", right_s " + Seconds(o.right_s) + ", tail_visits " +
                  std::to_string(o.tail_visits) +
                  "; a chunk and visits above 0, contexts of 0 or more, and at most " +
                  Seconds(kMaxWindowS) + " in all are needed");
}

}  // namespace

Result<StreamingEncoder> StreamingEncoder::Create(const Model& model, const ThreadPool& threads,
                                                  const StreamingOptions& options) {
  MASR_RETURN_IF_ERROR(CheckOptions(options));
  const FeatureConfig& features = model.config.features;
  MASR_TRY(LogMel log_mel, LogMel::Create(features.log_mel));
  const double frame_s =
      features.kind == FeatureKind::kWaveform
          ? features.frame_s()
          : static_cast<double>(log_mel.hop_samples()) / features.sample_rate_hz();
  const auto chunk_frames = static_cast<int64_t>(options.chunk_s / frame_s);
  const int64_t stride = FramesPerRow(model.encoder, chunk_frames);
  if (stride == 0) {
    return Fail(ErrorCode::kUnsupported,
                "streaming: this encoder gives no row of logits per chunk of " +
                    Seconds(options.chunk_s) + "; make the chunk longer, or transcribe it whole");
  }
  const auto whole_rows = [&](double seconds) {
    const auto frames = static_cast<int64_t>(std::llround(seconds / frame_s));
    return (frames + stride - 1) / stride * stride;
  };
  const Frames frames{whole_rows(options.left_s), std::max(whole_rows(options.chunk_s), stride),
                      whole_rows(options.right_s)};
  // Layers without padding look further to the right than their first frame.
  const int64_t lacking =
      (frames.left + frames.chunk) / stride - model.encoder.OutputFrames(frames.window());
  if (lacking > 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "streaming: this encoder looks further ahead than the right context of " +
                    Seconds(options.right_s) + "; give it " +
                    Seconds(static_cast<double>(frames.right + lacking * stride) * frame_s) +
                    " or more");
  }
  return StreamingEncoder(model, threads, options, std::move(log_mel), frames, stride);
}

StreamingEncoder::StreamingEncoder(const Model& model, const ThreadPool& threads,
                                   const StreamingOptions& options, LogMel log_mel,
                                   const Frames& frames, int64_t stride)
    : model_(&model),
      options_(options),
      log_mel_(std::make_unique<LogMel>(std::move(log_mel))),
      frames_(frames),
      stride_(stride),
      frame_s_(0),
      activity_frame_s_(static_cast<double>(log_mel_->hop_samples()) /
                        model.config.features.sample_rate_hz()),
      inference_(model, threads),
      features_(*log_mel_),
      statistics_(log_mel_->mels(), {.memory_frames = options.memory_s / activity_frame_s_,
                                     .speech_frames = kImaginedSpeechS / activity_frame_s_}),
      normalizer_(log_mel_->mels()),
      activity_(1000 * activity_frame_s_) {
  frame_s_ = waveform() ? model.config.features.frame_s() : activity_frame_s_;
}

void StreamingEncoder::Reset() {
  features_.Reset();
  statistics_.Reset();
  normalizer_ = RunningNormalizer(log_mel_->mels());
  activity_ = SpeechActivity(1000 * activity_frame_s_);
  window_.clear();
  tail_.clear();
  window_begin_ = heard_ = stable_rows_ = tail_heard_ = 0;
  spoken_since_tail_ = false;
}

void StreamingEncoder::Append(std::span<const float> frames) {
  window_.insert(window_.end(), frames.begin(), frames.end());
  heard_ += static_cast<int64_t>(frames.size()) / model_->encoder.mels();
}

void StreamingEncoder::HearFrame(std::span<float> frame) {
  activity_.Push(frame);
  spoken_since_tail_ |= activity_.active();
  if (waveform()) return;
  switch (model_->config.features.normalization) {
    case Normalization::kPerUtterance:
    case Normalization::kPerUtteranceUnbiased:
      if (static_cast<double>(activity_.quiet_frames()) * activity_frame_s_ < kCountedQuietS) {
        statistics_.Add(frame.data(), activity_.loud());
      }
      break;
    case Normalization::kRunning:
      normalizer_.Normalize(1, frame.data());
      break;
    case Normalization::kNone:
      break;
  }
  Append(frame);
}

Status StreamingEncoder::RunWindow(bool whole_utterance) {
  tail_.clear();
  tail_heard_ = heard_;
  spoken_since_tail_ = false;
  const int64_t frames = heard_ - window_begin_;
  const int64_t old_rows = stable_rows_ - window_begin_ / stride_;
  if (model_->encoder.OutputFrames(frames) <= old_rows) return {};
  std::vector<float> inputs = window_;
  const Normalization normalization = model_->config.features.normalization;
  if (IsPerUtterance(normalization)) {
    if (waveform()) {
      NormalizeWaveform(inputs);
    } else if (whole_utterance) {
      NormalizeFeatures(normalization, frames, log_mel_->mels(), inputs.data());
    } else {
      statistics_.Normalize(frames, inputs.data());
    }
  }
  MASR_TRY(const Logits logits, inference_.Run({frames}, inputs));
  tail_.assign(logits.values.begin() + old_rows * tokens(), logits.values.end());
  return {};
}

Result<int64_t> StreamingEncoder::Push(std::span<const float> samples, std::vector<float>& rows) {
  const int64_t rows_before = stable_rows_;
  while (!samples.empty()) {
    const auto piece = samples.first(std::min(samples.size(), kPieceSamples));
    samples = samples.subspan(piece.size());
    fresh_.clear();
    features_.Push(piece, fresh_);
    MASR_RETURN_IF_ERROR(HearFresh(rows));
    for (auto wave = waveform() ? piece : piece.first(0); !wave.empty();) {
      const auto room = static_cast<size_t>(window_begin_ + frames_.window() - heard_);
      const auto fits = wave.first(std::min(wave.size(), room));
      Append(fits);
      wave = wave.subspan(fits.size());
      MASR_RETURN_IF_ERROR(TakeChunk(rows));
    }
  }
  return stable_rows_ - rows_before;
}

Status StreamingEncoder::HearFresh(std::vector<float>& rows) {
  const auto mels = static_cast<size_t>(log_mel_->mels());
  for (size_t at = 0; at < fresh_.size(); at += mels) {
    HearFrame({fresh_.data() + at, mels});
    if (!waveform()) MASR_RETURN_IF_ERROR(TakeChunk(rows));
  }
  return {};
}

Status StreamingEncoder::TakeChunk(std::vector<float>& rows) {
  if (heard_ - window_begin_ < frames_.window()) return {};
  MASR_RETURN_IF_ERROR(RunWindow(/*whole_utterance=*/false));
  const int64_t stable = (heard_ - frames_.right) / stride_;
  const int64_t floats = (stable - stable_rows_) * tokens();
  rows.insert(rows.end(), tail_.begin(), tail_.begin() + floats);
  tail_.erase(tail_.begin(), tail_.begin() + floats);
  stable_rows_ = stable;
  window_begin_ += frames_.chunk;
  window_.erase(window_.begin(), window_.begin() + frames_.chunk * model_->encoder.mels());
  return {};
}

Result<std::span<const float>> StreamingEncoder::Tail() {
  if (tail_heard_ != heard_) MASR_RETURN_IF_ERROR(RunWindow(/*whole_utterance=*/false));
  return std::span<const float>(tail_);
}

bool StreamingEncoder::TailDue(bool has_text) const {
  if (!spoken_since_tail_) return false;
  const auto news = static_cast<double>(heard_ - tail_heard_);
  const double onset_s = static_cast<double>(activity_.frames_since_onset()) * activity_frame_s_;
  if (!has_text && onset_s < kOnsetS) return news * frame_s_ >= kFirstLookS;
  if (news * frame_s_ < kLookS) return false;
  return news * options_.tail_visits >= static_cast<double>(heard_ - window_begin_);
}

Result<int64_t> StreamingEncoder::Finish(std::vector<float>& rows) {
  const int64_t rows_before = stable_rows_;
  fresh_.clear();
  features_.Finish(fresh_);
  MASR_RETURN_IF_ERROR(HearFresh(rows));
  // What was left behind of a long stream is in the statistics, not in the window.
  MASR_RETURN_IF_ERROR(RunWindow(/*whole_utterance=*/window_begin_ == 0));
  rows.insert(rows.end(), tail_.begin(), tail_.end());
  const int64_t count = stable_rows_ - rows_before + static_cast<int64_t>(tail_.size()) / tokens();
  Reset();
  return count;
}

}  // namespace masr

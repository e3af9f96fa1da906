// An encoder over sound that is still arriving, for networks that were trained on whole utterances.
//
// Buffered inference, as NeMo's chunked CTC does it: the network runs over windows of left context,
// chunk and right context, and of each window the rows of the chunk are kept; in the first window
// the left context is chunk too. A window begins at a whole row of the output, so that rows of
// different windows are rows of one sequence. Rows that are kept are stable. What follows them, the
// tail without its right context, can be asked for at any time and may be different at the next.
//
// Per-utterance normalisation takes its mean and variance over what was heard when a window is
// computed. A stream that ends before its first window is full gives the very rows of the whole
// utterance: same features, same statistics, one run.
//
// A model that hears the wave has a sample for a frame, and each of its windows is normalised on
// its own.
#ifndef MOBILEASR_MODEL_STREAMING_H_
#define MOBILEASR_MODEL_STREAMING_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "audio/feature_stream.h"
#include "audio/running_statistics.h"
#include "audio/speech_activity.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/inference.h"
#include "model/model.h"

namespace masr {

struct StreamingOptions {
  // Chosen on telephone speech that the base recogniser was not trained on (docs/streaming.md).
  double left_s = 2;
  double chunk_s = 4;
  double right_s = 2;
  // Speech that goes on without a pause passes through the network this many times for the sake of
  // tails, at most: a look every one to two seconds in the windows above.
  double tail_visits = 4;
  // Of per-utterance normalisation: what was heard longer ago fades.
  double memory_s = 60;
};

// Move-only; one thread at a time. The model and the pool must outlive it.
class StreamingEncoder {
 public:
  // Fails on times that are none, on windows beyond ten minutes, and on a model that gives less
  // than a row per chunk or needs more right context.
  static Result<StreamingEncoder> Create(const Model& model, const ThreadPool& threads,
                                         const StreamingOptions& options);

  int64_t tokens() const { return model_->encoder.tokens(); }
  double seconds_per_row() const { return static_cast<double>(stride_) * frame_s_; }
  // Sound heard, in whole frames.
  double seconds_heard() const { return static_cast<double>(heard_) * frame_s_; }
  // Stable rows so far.
  int64_t stable_rows() const { return stable_rows_; }

  // Samples in [-1, 1] at the model's rate, in pieces of any size: the rows do not depend on it.
  // Appends the rows that became stable to `rows` [n, tokens], and returns how many.
  Result<int64_t> Push(std::span<const float> samples, std::vector<float>& rows);

  // The rows after the stable ones, [n, tokens], valid until the next call that is not const. Runs
  // the network unless nothing was heard since the last time.
  Result<std::span<const float>> Tail();
  // Whether a look at the tail is worth its cost by now: often after speech begins and until it has
  // given text, then the more seldom the longer the window, and not at all where nobody speaks.
  bool TailDue(bool has_text) const;

  // The stream's end: the tail, which is stable now. The next Push begins another stream.
  Result<int64_t> Finish(std::vector<float>& rows);

 private:
  struct Frames {  // of features
    int64_t left;
    int64_t chunk;
    int64_t right;
    int64_t window() const { return left + chunk + right; }
  };

  StreamingEncoder(const Model& model, const ThreadPool& threads, const StreamingOptions& options,
                   LogMel log_mel, const Frames& frames, int64_t stride);

  bool waveform() const { return model_->config.features.kind == FeatureKind::kWaveform; }
  void HearFrame(std::span<float> frame);
  void Append(std::span<const float> frames);
  // Keeps the rows of the window's chunk, if it is full, and begins the next window.
  // The frames in fresh_.
  Status HearFresh(std::vector<float>& rows);
  Status TakeChunk(std::vector<float>& rows);
  // The window's rows after the stable ones, to tail_.
  Status RunWindow(bool whole_utterance);
  void Reset();

  const Model* model_;
  StreamingOptions options_;
  // At a fixed place: the feature stream points to it. Of a model that hears the wave it only says
  // whether somebody speaks.
  std::unique_ptr<LogMel> log_mel_;
  Frames frames_;
  int64_t stride_;  // frames per row
  double frame_s_;
  double activity_frame_s_;  // of log-mel
  Inference inference_;

  FeatureStream features_;
  RunningStatistics statistics_;
  RunningNormalizer normalizer_;
  SpeechActivity activity_;
  std::vector<float> fresh_;   // scratch: frames of a piece
  std::vector<float> window_;  // [frames, width]
  int64_t window_begin_ = 0;   // frame at which the window begins; a multiple of stride_
  int64_t heard_ = 0;          // frames
  int64_t stable_rows_ = 0;
  std::vector<float> tail_;  // [n, tokens]
  int64_t tail_heard_ = 0;   // frames heard when it was computed
  bool spoken_since_tail_ = false;
};

}  // namespace masr

#endif  // MOBILEASR_MODEL_STREAMING_H_

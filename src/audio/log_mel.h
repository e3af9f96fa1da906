// Log-mel filter banks, offline and streaming alike: Kaldi's (compute-fbank-feats), or NVIDIA
// NeMo's for models that were trained with it.
#ifndef MOBILEASR_AUDIO_LOG_MEL_H_
#define MOBILEASR_AUDIO_LOG_MEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

enum class LogMelStyle : uint8_t {
  // Samples on 16-bit scale; pre-emphasis inside each window; Povey window; HTK's mel scale, peaks
  // of 1; the log of the power with Kaldi's floor; whole windows only (snip_edges = true).
  kKaldi,
  // Samples in [-1, 1]; pre-emphasis of the whole signal, zeros around it; symmetric Hann window in
  // the middle of `fft_samples`; Slaney's mel scale (Auditory Toolbox, 1998) and areas of 1; the
  // log
  // of the power plus 2^-24; frame f has its middle at f * hop, and there are samples / hop of
  // them.
  kNemo,
};

struct LogMelOptions {
  int sample_rate_hz = 16000;
  int mels = 80;
  double window_ms = 25;
  double hop_ms = 10;
  double low_hz = 20;
  double high_hz = 0;  // 0 or below: offset from the Nyquist frequency, as in Kaldi
  double preemphasis = 0.97;
  bool remove_dc = true;  // kKaldi only
  double dither = 0;      // Kaldi's default is 1 on 16-bit scale; drawn from the frame's number,
                          // so that features stay repeatable; kKaldi only
  LogMelStyle style = LogMelStyle::kKaldi;
  int fft_samples = 0;  // even; 0: the window rounded up to a power of two; kNemo only

  bool operator==(const LogMelOptions&) const = default;
};

// Takes samples in [-1, 1]. All const functions are safe from several threads.
class LogMel {
 public:
  // Fails on rates outside 100..768000 Hz, a hop longer than the window, and the like.
  static Result<LogMel> Create(const LogMelOptions& options);
  LogMel(LogMel&&) noexcept;
  LogMel& operator=(LogMel&&) noexcept;
  ~LogMel();

  int mels() const;
  int hop_samples() const;
  int window_samples() const;
  // Of an utterance of so many samples.
  int64_t Frames(int64_t samples) const;

  // The same as products, for those who compute it elsewhere: the power of line k is the sum of the
  // squares of rows k and lines + k of `fourier` [2 * lines, window_samples] times the samples of a
  // window, the energies are `mel` [mels, lines] times that, and the features ln(max(energy,
  // floor)). Of kNemo they are ln(energy + floor); and first comes y[t] = x[t] - preemphasis * x[t
  // - 1] over all samples, with 0 before the first, and then zeros: `lead` of them before, and as
  // many behind as make Frames() windows: window_samples - hop_samples - lead, less than none being
  // samples that are left out. Dither is left out.
  struct Matrices {
    int lines = 0;
    std::vector<float> fourier;
    std::vector<float> mel;
    float floor = 0;
    float preemphasis = 0;  // kNemo
    int64_t lead = 0;       // kNemo
  };
  Matrices AsMatrices() const;

  // [Frames, mels], row-major.
  std::vector<float> ComputeAll(std::span<const float> samples) const;

 private:
  friend class FeatureStream;
  struct Tables;
  explicit LogMel(std::unique_ptr<Tables> tables);
  // Zeros before the first sample, so that frame 0 begins with its window.
  int64_t lead_samples() const;
  // Whole windows that fit in `samples`.
  int64_t Windows(int64_t samples) const;
  // Appends samples to a signal as windows are cut from it; `last` is the sample before them.
  void Append(std::span<const float> samples, float& last, std::vector<float>& signal) const;
  // Frames first_frame .. first_frame + count - 1 of a stream, of whose signal `samples` begin at
  // the first one's window, to `frames` [count, mels].
  void Compute(const float* samples, int64_t first_frame, int64_t count, float* frames) const;
  std::unique_ptr<Tables> tables_;
};

}  // namespace masr

#endif  // MOBILEASR_AUDIO_LOG_MEL_H_

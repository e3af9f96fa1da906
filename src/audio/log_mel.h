// Kaldi-compatible log-mel filter banks (compute-fbank-feats), offline and streaming alike.
#ifndef MOBILEASR_AUDIO_LOG_MEL_H_
#define MOBILEASR_AUDIO_LOG_MEL_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace masr {

struct LogMelOptions {
  int sample_rate_hz = 16000;
  int mels = 80;
  double window_ms = 25;
  double hop_ms = 10;
  double low_hz = 20;
  double high_hz = 0;  // 0 or below: offset from the Nyquist frequency, as in Kaldi
  double preemphasis = 0.97;
  bool remove_dc = true;
  double dither = 0;  // Kaldi's default is 1 on 16-bit scale; drawn from the frame's number,
                      // so that features stay repeatable
  // Povey window, power spectrum, log with Kaldi's floor, snip_edges = true.

  bool operator==(const LogMelOptions&) const = default;
};

// Samples in [-1, 1] are scaled to 16-bit range as Kaldi sees them. All const functions are safe
// from several threads.
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
  // Whole windows that fit in `samples`.
  int64_t Frames(int64_t samples) const;

  // The same as products, for those who compute it elsewhere: the power of line k is the sum of the
  // squares of rows k and lines + k of `fourier` [2 * lines, window_samples] times the samples of a
  // frame, the energies are `mel` [mels, lines] times that, and the features ln(max(energy,
  // floor)). Dither is left out.
  struct Matrices {
    int lines = 0;
    std::vector<float> fourier;
    std::vector<float> mel;
    float floor = 0;
  };
  Matrices AsMatrices() const;

  // [Frames, mels], row-major.
  std::vector<float> ComputeAll(std::span<const float> samples) const;

 private:
  friend class FeatureStream;
  struct Tables;
  explicit LogMel(std::unique_ptr<Tables> tables);
  // Frames first_frame .. first_frame + count - 1 of a stream, of which `samples` begin at the
  // first one's window, to `frames` [count, mels].
  void Compute(const float* samples, int64_t first_frame, int64_t count, float* frames) const;
  std::unique_ptr<Tables> tables_;
};

}  // namespace masr

#endif  // MOBILEASR_AUDIO_LOG_MEL_H_

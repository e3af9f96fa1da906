#include "audio/log_mel.h"

#include <kissfft/kiss_fft.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <string>

#include "base/rng.h"

namespace masr {
namespace {

constexpr float kEnergyFloor = std::numeric_limits<float>::epsilon();
constexpr float kScale = 32768.0f;
constexpr float kNemoGuard = 0x1p-24f;

struct FftDeleter {
  void operator()(kiss_fft_state* config) const { kiss_fft_free(config); }
};

// Where a mel bin's triangle is not zero: power[first + i] * weights[offset + i], i < count.
struct MelBin {
  int first = 0;
  int count = 0;
  int offset = 0;
};

double MelFromHz(double hz) { return 1127.0 * std::log1p(hz / 700.0); }

// Slaney's: linear below 1 kHz, 27 steps of the logarithm from there to 6.4 kHz.
constexpr double kSlaneyHzPerMel = 200.0 / 3;
constexpr double kSlaneyBendHz = 1000.0;
constexpr double kSlaneyBendMel = kSlaneyBendHz / kSlaneyHzPerMel;
constexpr double kSlaneyLogStep = 0.06875177742094912;  // ln(6.4) / 27

double SlaneyMelFromHz(double hz) {
  if (hz < kSlaneyBendHz) return hz / kSlaneyHzPerMel;
  return kSlaneyBendMel + std::log(hz / kSlaneyBendHz) / kSlaneyLogStep;
}

double HzFromSlaneyMel(double mel) {
  if (mel < kSlaneyBendMel) return mel * kSlaneyHzPerMel;
  return kSlaneyBendHz * std::exp(kSlaneyLogStep * (mel - kSlaneyBendMel));
}

Status Check(const LogMelOptions& o) {
  const auto refuse = [](std::string what) {
    return Fail(ErrorCode::kInvalidArgument, "log-mel features: " + std::move(what));
  };
  if (o.sample_rate_hz < 100 || o.sample_rate_hz > 768000) {
    return refuse("sample_rate_hz is " + std::to_string(o.sample_rate_hz) +
                  "; it must be in 100..768000");
  }
  if (o.mels < 1 || o.mels > 4096) {
    return refuse("mels is " + std::to_string(o.mels) + "; it must be in 1..4096");
  }
  // Written so that NaN fails too.
  if (!(o.window_ms > 0 && o.window_ms <= 1000 && o.sample_rate_hz * o.window_ms * 1e-3 >= 2)) {
    return refuse("window_ms is " + std::to_string(o.window_ms) +
                  "; it must hold two samples and be at most 1000");
  }
  if (!(o.hop_ms <= o.window_ms && o.sample_rate_hz * o.hop_ms * 1e-3 >= 1)) {
    return refuse("hop_ms is " + std::to_string(o.hop_ms) +
                  "; it must be one sample or more and no longer than the window");
  }
  const double nyquist_hz = 0.5 * o.sample_rate_hz;
  const double high_hz = o.high_hz > 0 ? o.high_hz : nyquist_hz + o.high_hz;
  if (!(o.low_hz >= 0 && o.low_hz < high_hz && high_hz <= nyquist_hz)) {
    return refuse("the band from " + std::to_string(o.low_hz) + " to " + std::to_string(high_hz) +
                  " Hz must rise and lie within 0.." + std::to_string(nyquist_hz));
  }
  if (!(o.preemphasis >= 0 && o.preemphasis <= 1)) {
    return refuse("preemphasis is " + std::to_string(o.preemphasis) + "; it must be in 0..1");
  }
  if (!(o.dither >= 0 && o.dither <= kScale)) {
    return refuse("dither is " + std::to_string(o.dither) + "; it must be in 0..32768");
  }
  if (o.style == LogMelStyle::kKaldi) {
    if (o.fft_samples != 0) return refuse("fft_samples is an option of the style nemo only");
    return {};
  }
  if (o.dither != 0) return refuse("dither is an option of the style kaldi only");
  const int window = static_cast<int>(o.sample_rate_hz * o.window_ms * 1e-3);
  if (o.fft_samples != 0 &&
      (o.fft_samples < window || o.fft_samples % 2 != 0 || o.fft_samples > (1 << 20))) {
    return refuse("fft_samples is " + std::to_string(o.fft_samples) +
                  "; it must be even, at most 2^20, and hold the window's " +
                  std::to_string(window) + " samples");
  }
  return {};
}

// Standard normal number `index` of frame `frame` (Box and Muller, 1958).
float DitherNoise(int64_t frame, int64_t index) {
  const uint64_t key = SplitMix64(static_cast<uint64_t>(frame));
  const float u = 1.0f - HashUniform(key, 2 * static_cast<uint64_t>(index));
  const float v = HashUniform(key, 2 * static_cast<uint64_t>(index) + 1);
  return std::sqrt(-2.0f * std::log(u)) * std::cos(2.0f * std::numbers::pi_v<float> * v);
}

}  // namespace

// Read-only once made. The FFT of 2N real samples is one complex FFT of N, taken apart afterwards:
// kiss_fft only reads its configuration, whereas kiss_fftr writes to a buffer inside it, which
// threads could not share.
struct LogMel::Tables {
  LogMelOptions options;
  int window_samples = 0;
  int hop_samples = 0;
  int padded_samples = 0;  // a power of two, or fft_samples; even
  std::vector<float> window;
  std::unique_ptr<kiss_fft_state, FftDeleter> fft;  // of padded_samples / 2
  std::vector<std::complex<float>> twiddles;        // exp(-2 pi i k / padded_samples)
  std::vector<MelBin> bins;
  std::vector<float> weights;

  bool nemo() const { return options.style == LogMelStyle::kNemo; }
  double high_hz() const {
    return options.high_hz > 0 ? options.high_hz : 0.5 * options.sample_rate_hz + options.high_hz;
  }
  void MakeWindow();
  void MakeMelBins();
  void MakeSlaneyBins();
  void Window(const float* samples, int64_t frame_number, float* frame) const;
  void PowerSpectrum(const float* frame, kiss_fft_cpx* spectrum, float* power) const;
};

void LogMel::Tables::MakeWindow() {
  for (int i = 0; i < window_samples; ++i) {
    const double phase = 2.0 * std::numbers::pi * i / (window_samples - 1);
    const double hann = 0.5 - 0.5 * std::cos(phase);
    window.push_back(static_cast<float>(nemo() ? hann : std::pow(hann, 0.85)));
  }
}

void LogMel::Tables::MakeMelBins() {
  const double low_mel = MelFromHz(options.low_hz);
  const double step = (MelFromHz(high_hz()) - low_mel) / (options.mels + 1);
  const double hz_per_line = static_cast<double>(options.sample_rate_hz) / padded_samples;
  for (int m = 0; m < options.mels; ++m) {
    MelBin bin{.first = 0, .count = 0, .offset = static_cast<int>(weights.size())};
    // Kaldi leaves the line at the Nyquist frequency out.
    for (int k = 0; k < padded_samples / 2; ++k) {
      const double position = (MelFromHz(hz_per_line * k) - low_mel) / step - m;  // peak at 1
      const double weight = std::min(position, 2.0 - position);
      if (weight <= 0) continue;
      if (bin.count == 0) bin.first = k;
      ++bin.count;
      weights.push_back(static_cast<float>(weight));
    }
    bins.push_back(bin);
  }
}

// Triangles over Hz between points that are evenly spaced in mels, each divided by half its width.
void LogMel::Tables::MakeSlaneyBins() {
  const double low_mel = SlaneyMelFromHz(options.low_hz);
  const double step = (SlaneyMelFromHz(high_hz()) - low_mel) / (options.mels + 1);
  const double hz_per_line = static_cast<double>(options.sample_rate_hz) / padded_samples;
  const auto point = [&](int i) { return HzFromSlaneyMel(low_mel + step * i); };
  for (int m = 0; m < options.mels; ++m) {
    MelBin bin{.first = 0, .count = 0, .offset = static_cast<int>(weights.size())};
    const double left = point(m), peak = point(m + 1), right = point(m + 2);
    // At the Nyquist frequency no triangle has any height.
    for (int k = 0; k < padded_samples / 2; ++k) {
      const double hz = hz_per_line * k;
      const double height = std::min((hz - left) / (peak - left), (right - hz) / (right - peak));
      if (height <= 0) continue;
      if (bin.count == 0) bin.first = k;
      ++bin.count;
      weights.push_back(static_cast<float>(height * 2.0 / (right - left)));
    }
    bins.push_back(bin);
  }
}

// frame: [padded_samples], of which the padding stays as it is: where in it the window lies makes
// no difference to the power.
void LogMel::Tables::Window(const float* samples, int64_t frame_number, float* frame) const {
  const int n = window_samples;
  if (nemo()) {
    for (int i = 0; i < n; ++i) frame[i] = samples[i] * window[i];
    return;
  }
  for (int i = 0; i < n; ++i) frame[i] = samples[i] * kScale;
  if (options.dither > 0) {
    const auto dither = static_cast<float>(options.dither);
    for (int i = 0; i < n; ++i) frame[i] += dither * DitherNoise(frame_number, i);
  }
  if (options.remove_dc) {
    double sum = 0;
    for (int i = 0; i < n; ++i) sum += frame[i];
    const auto mean = static_cast<float>(sum / n);
    for (int i = 0; i < n; ++i) frame[i] -= mean;
  }
  const auto preemphasis = static_cast<float>(options.preemphasis);
  for (int i = n - 1; i > 0; --i) frame[i] = (frame[i] - preemphasis * frame[i - 1]) * window[i];
  frame[0] = (frame[0] - preemphasis * frame[0]) * window[0];
}

// frame: [padded_samples]; spectrum: scratch [padded_samples / 2]; power: [padded_samples / 2].
void LogMel::Tables::PowerSpectrum(const float* frame, kiss_fft_cpx* spectrum, float* power) const {
  const int half = padded_samples / 2;
  // Even samples as the real, odd ones as the imaginary part.
  kiss_fft(fft.get(), reinterpret_cast<const kiss_fft_cpx*>(frame), spectrum);
  const float dc = spectrum[0].r + spectrum[0].i;
  power[0] = dc * dc;
  for (int k = 1; k < half; ++k) {
    const kiss_fft_cpx a = spectrum[k];
    const kiss_fft_cpx b = spectrum[half - k];
    const float even_r = 0.5f * (a.r + b.r), even_i = 0.5f * (a.i - b.i);
    const float odd_r = 0.5f * (a.i + b.i), odd_i = 0.5f * (b.r - a.r);
    const float w_r = twiddles[k].real(), w_i = twiddles[k].imag();
    const float re = even_r + (odd_r * w_r - odd_i * w_i);
    const float im = even_i + (odd_r * w_i + odd_i * w_r);
    power[k] = re * re + im * im;
  }
}

Result<LogMel> LogMel::Create(const LogMelOptions& options) {
  MASR_RETURN_IF_ERROR(Check(options));
  auto tables = std::make_unique<Tables>();
  tables->options = options;
  tables->window_samples = static_cast<int>(options.sample_rate_hz * options.window_ms * 1e-3);
  tables->hop_samples = static_cast<int>(options.sample_rate_hz * options.hop_ms * 1e-3);
  tables->padded_samples = 2;
  while (tables->padded_samples < tables->window_samples) tables->padded_samples *= 2;
  if (options.fft_samples != 0) tables->padded_samples = options.fft_samples;
  tables->MakeWindow();
  if (tables->nemo()) {
    tables->MakeSlaneyBins();
  } else {
    tables->MakeMelBins();
  }
  const int half = tables->padded_samples / 2;
  for (int k = 0; k < half; ++k) {
    const double phase = -2.0 * std::numbers::pi * k / tables->padded_samples;
    tables->twiddles.emplace_back(static_cast<float>(std::cos(phase)),
                                  static_cast<float>(std::sin(phase)));
  }
  tables->fft.reset(kiss_fft_alloc(half, /*inverse_fft=*/0, nullptr, nullptr));
  if (tables->fft == nullptr) {
    return Fail(ErrorCode::kNoSpace, "log-mel features: no memory for an FFT of " +
                                         std::to_string(half) + "; free some memory");
  }
  return LogMel(std::move(tables));
}

LogMel::LogMel(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
LogMel::LogMel(LogMel&&) noexcept = default;
LogMel& LogMel::operator=(LogMel&&) noexcept = default;
LogMel::~LogMel() = default;

int LogMel::mels() const { return tables_->options.mels; }
int LogMel::hop_samples() const { return tables_->hop_samples; }
int LogMel::window_samples() const { return tables_->window_samples; }

int64_t LogMel::Frames(int64_t samples) const {
  return tables_->nemo() ? samples / tables_->hop_samples : Windows(samples);
}

int64_t LogMel::Windows(int64_t samples) const {
  if (samples < tables_->window_samples) return 0;
  return 1 + (samples - tables_->window_samples) / tables_->hop_samples;
}

int64_t LogMel::lead_samples() const {
  const Tables& t = *tables_;
  // The padding of the window inside the FFT is shorter on the left if it is odd.
  return t.nemo() ? t.padded_samples / 2 - (t.padded_samples - t.window_samples) / 2 : 0;
}

void LogMel::Append(std::span<const float> samples, float& last, std::vector<float>& signal) const {
  if (!tables_->nemo()) {
    signal.insert(signal.end(), samples.begin(), samples.end());
    return;
  }
  const auto preemphasis = static_cast<float>(tables_->options.preemphasis);
  for (const float x : samples) {
    signal.push_back(x - preemphasis * last);
    last = x;
  }
}

void LogMel::Compute(const float* samples, int64_t first_frame, int64_t count,
                     float* frames) const {
  const Tables& t = *tables_;
  std::vector<float> frame(t.padded_samples);
  std::vector<kiss_fft_cpx> spectrum(t.padded_samples / 2);
  std::vector<float> power(t.padded_samples / 2);
  for (int64_t f = 0; f < count; ++f) {
    t.Window(samples + f * t.hop_samples, first_frame + f, frame.data());
    t.PowerSpectrum(frame.data(), spectrum.data(), power.data());
    for (const MelBin& bin : t.bins) {
      float energy = 0;
      for (int i = 0; i < bin.count; ++i) {
        energy += power[bin.first + i] * t.weights[bin.offset + i];
      }
      // Written so that NaN becomes the floor.
      if (t.nemo()) {
        *frames++ = std::log((energy > 0 ? energy : 0) + kNemoGuard);
      } else {
        *frames++ = std::log(energy > kEnergyFloor ? energy : kEnergyFloor);
      }
    }
  }
}

LogMel::Matrices LogMel::AsMatrices() const {
  const Tables& t = *tables_;
  const int n = t.window_samples;
  const double preemphasis = t.options.preemphasis;
  Matrices out{.lines = t.padded_samples / 2,
               .floor = t.nemo() ? kNemoGuard : kEnergyFloor,
               .preemphasis = t.nemo() ? static_cast<float>(preemphasis) : 0,
               .lead = lead_samples()};
  out.fourier.resize(2 * static_cast<size_t>(out.lines) * n);
  std::vector<double> row(n);
  for (int k = 0; k < 2 * out.lines; ++k) {
    const bool real = k < out.lines;
    const int line = real ? k : k - out.lines;
    for (int i = 0; i < n; ++i) {
      const double phase =
          2.0 * std::numbers::pi * static_cast<double>(line) * i / t.padded_samples;
      row[i] = (real ? std::cos(phase) : -std::sin(phase)) * t.window[i];
    }
    if (t.nemo()) {
      std::copy(row.begin(), row.end(), out.fourier.begin() + static_cast<int64_t>(k) * n);
      continue;
    }
    // What Window() does to the frame, done to the row from the other side.
    double sum = 0;
    for (int i = 0; i < n; ++i) {
      const double before = i == 0 ? row[0] : 0.0;
      row[i] -= preemphasis * (before + (i + 1 < n ? row[i + 1] : 0.0));
      sum += row[i];
    }
    const double mean = t.options.remove_dc ? sum / n : 0.0;
    for (int i = 0; i < n; ++i) {
      out.fourier[static_cast<size_t>(k) * n + i] = static_cast<float>((row[i] - mean) * kScale);
    }
  }
  out.mel.resize(t.bins.size() * static_cast<size_t>(out.lines));
  for (size_t m = 0; m < t.bins.size(); ++m) {
    const MelBin& bin = t.bins[m];
    std::copy_n(t.weights.begin() + bin.offset, bin.count,
                out.mel.begin() + static_cast<int64_t>(m) * out.lines + bin.first);
  }
  return out;
}

std::vector<float> LogMel::ComputeAll(std::span<const float> samples) const {
  const int64_t count = Frames(static_cast<int64_t>(samples.size()));
  std::vector<float> frames(count * mels());
  if (!tables_->nemo()) {
    Compute(samples.data(), 0, count, frames.data());
    return frames;
  }
  if (count == 0) return frames;
  std::vector<float> signal(static_cast<size_t>(lead_samples()));
  float last = 0;
  Append(samples, last, signal);
  const int64_t end = (count - 1) * hop_samples() + window_samples();
  if (static_cast<int64_t>(signal.size()) < end) signal.resize(static_cast<size_t>(end));
  Compute(signal.data(), 0, count, frames.data());
  return frames;
}

}  // namespace masr

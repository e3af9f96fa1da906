#include "audio/convolve.h"

#include <kissfft/kiss_fftr.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>

namespace masr {
namespace {

struct FftDeleter {
  void operator()(kiss_fftr_state* config) const { kiss_fft_free(config); }
};
using Fft = std::unique_ptr<kiss_fftr_state, FftDeleter>;

constexpr size_t kSmallestBlock = 1024;

}  // namespace

Result<std::vector<float>> Convolve(std::span<const float> signal, std::span<const float> kernel) {
  if (signal.empty() || kernel.empty()) return std::vector<float>();
  size_t block = kSmallestBlock;
  while (block < 4 * kernel.size()) block *= 2;
  const size_t step = block - kernel.size() + 1;
  const size_t lines = block / 2 + 1;
  const Fft forward(kiss_fftr_alloc(static_cast<int>(block), /*inverse_fft=*/0, nullptr, nullptr));
  const Fft inverse(kiss_fftr_alloc(static_cast<int>(block), /*inverse_fft=*/1, nullptr, nullptr));
  if (forward == nullptr || inverse == nullptr) {
    return Fail(ErrorCode::kNoSpace, "convolution: no memory for an FFT of " +
                                         std::to_string(block) + "; free some memory");
  }
  std::vector<float> frame(block);
  std::vector<kiss_fft_cpx> response(lines);
  std::vector<kiss_fft_cpx> spectrum(lines);
  std::copy(kernel.begin(), kernel.end(), frame.begin());
  kiss_fftr(forward.get(), frame.data(), response.data());
  // KissFFT's inverse is not divided by its length.
  const float scale = 1.0f / static_cast<float>(block);
  for (kiss_fft_cpx& r : response) r = {r.r * scale, r.i * scale};

  std::vector<float> result(signal.size() + kernel.size() - 1);
  for (size_t start = 0; start < signal.size(); start += step) {
    const size_t count = std::min(step, signal.size() - start);
    std::copy_n(signal.begin() + static_cast<std::ptrdiff_t>(start), count, frame.begin());
    std::fill(frame.begin() + static_cast<std::ptrdiff_t>(count), frame.end(), 0.0f);
    kiss_fftr(forward.get(), frame.data(), spectrum.data());
    for (size_t k = 0; k < lines; ++k) {
      const kiss_fft_cpx a = spectrum[k];
      const kiss_fft_cpx b = response[k];
      spectrum[k] = {a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r};
    }
    kiss_fftri(inverse.get(), spectrum.data(), frame.data());
    const size_t end = std::min(start + count + kernel.size() - 1, result.size());
    for (size_t n = start; n < end; ++n) result[n] += frame[n - start];
  }
  return result;
}

}  // namespace masr

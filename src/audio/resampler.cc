#include "audio/resampler.h"

#include <soxr.h>

#include <cmath>
#include <cstddef>
#include <string>

namespace masr {
namespace {

constexpr double kMaxRateHz = 768000;
constexpr double kMaxSamples = 1u << 31;  // 8 GiB; more is a mistaken rate

Status CheckRates(double from_hz, double to_hz) {
  // Written so that NaN fails too.
  if (!(from_hz > 0 && from_hz <= kMaxRateHz && to_hz > 0 && to_hz <= kMaxRateHz)) {
    return Fail(ErrorCode::kInvalidArgument, "cannot resample from " + std::to_string(from_hz) +
                                                 " Hz to " + std::to_string(to_hz) +
                                                 " Hz: give rates above 0 and up to 768000 Hz");
  }
  return {};
}

tl::unexpected<Error> Refused(double from_hz, double to_hz, soxr_error_t error) {
  return Fail(ErrorCode::kUnsupported, "cannot resample from " + std::to_string(from_hz) +
                                           " Hz to " + std::to_string(to_hz) + " Hz: " + error +
                                           "; try rates that are closer");
}

struct SoxrDeleter {
  void operator()(soxr* resampler) const { soxr_delete(resampler); }
};

}  // namespace

Result<std::vector<float>> Resample(std::span<const float> samples, double from_hz, double to_hz) {
  MASR_RETURN_IF_ERROR(CheckRates(from_hz, to_hz));
  if (from_hz == to_hz || samples.empty()) return std::vector(samples.begin(), samples.end());
  const double ideal_length = static_cast<double>(samples.size()) * (to_hz / from_hz);
  if (ideal_length > kMaxSamples) {
    return Fail(ErrorCode::kInvalidArgument,
                "resampling from " + std::to_string(from_hz) + " Hz to " + std::to_string(to_hz) +
                    " Hz would give more than 2^31 samples: check the rates or split the signal");
  }
  std::vector<float> resampled(static_cast<size_t>(std::ceil(ideal_length)));
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  size_t produced = 0;
  const soxr_error_t error =
      soxr_oneshot(from_hz, to_hz, 1, samples.data(), samples.size(), nullptr, resampled.data(),
                   resampled.size(), &produced, nullptr, &quality, nullptr);
  if (error != nullptr) return Refused(from_hz, to_hz, error);
  resampled.resize(produced);
  return resampled;
}

struct ResampleStream::State {
  double from_hz;
  double to_hz;
  std::unique_ptr<soxr, SoxrDeleter> filter;  // null: equal rates
};

ResampleStream::ResampleStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResampleStream::ResampleStream(ResampleStream&&) noexcept = default;
ResampleStream& ResampleStream::operator=(ResampleStream&&) noexcept = default;
ResampleStream::~ResampleStream() = default;

Result<ResampleStream> ResampleStream::Create(double from_hz, double to_hz) {
  MASR_RETURN_IF_ERROR(CheckRates(from_hz, to_hz));
  auto state = std::make_unique<State>(State{from_hz, to_hz, nullptr});
  if (from_hz == to_hz) return ResampleStream(std::move(state));
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  soxr_error_t error = nullptr;
  state->filter.reset(soxr_create(from_hz, to_hz, 1, &error, nullptr, &quality, nullptr));
  if (error != nullptr) return Refused(from_hz, to_hz, error);
  return ResampleStream(std::move(state));
}

Result<std::vector<float>> ResampleStream::Push(std::span<const float> samples) {
  State& s = *state_;
  if (s.filter == nullptr) return std::vector(samples.begin(), samples.end());
  std::vector<float> out;
  while (!samples.empty()) {
    constexpr size_t kRoom = 4096;
    const size_t before = out.size();
    out.resize(before + kRoom);
    size_t taken = 0;
    size_t made = 0;
    const soxr_error_t error = soxr_process(s.filter.get(), samples.data(), samples.size(), &taken,
                                            out.data() + before, kRoom, &made);
    if (error != nullptr) return Refused(s.from_hz, s.to_hz, error);
    out.resize(before + made);
    samples = samples.subspan(taken);
    if (taken == 0 && made == 0) return Refused(s.from_hz, s.to_hz, "the filter stands still");
  }
  return out;
}

Result<std::vector<float>> ResampleStream::Finish() {
  State& s = *state_;
  std::vector<float> out;
  if (s.filter == nullptr) return out;
  for (;;) {
    constexpr size_t kRoom = 4096;
    const size_t before = out.size();
    out.resize(before + kRoom);
    size_t made = 0;
    soxr_error_t error =
        soxr_process(s.filter.get(), nullptr, 0, nullptr, out.data() + before, kRoom, &made);
    out.resize(before + made);
    if (error == nullptr && made < kRoom) error = soxr_clear(s.filter.get());
    if (error != nullptr) return Refused(s.from_hz, s.to_hz, error);
    if (made < kRoom) return out;
  }
}

}  // namespace masr

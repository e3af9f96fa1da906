#include "audio/room.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "audio/convolve.h"

namespace masr {
namespace {

constexpr double kWallGapM = 0.2;
constexpr int kTaps = 32;
constexpr int kLead = kTaps / 2 - 1;  // of which come before the delay
constexpr int kFractions = 128;       // so a delay is at most 1/256 sample off
constexpr double kHighPassHz = 100;

// A reflected copy of the source along one axis.
struct AxisImage {
  double square_m2;  // of its distance from the microphone along this axis
  int reflections;
};

// Those within `reach_m`, nearest first.
std::vector<AxisImage> AxisImages(double size_m, double source_m, double microphone_m,
                                  double reach_m) {
  std::vector<AxisImage> images;
  const auto last = static_cast<int>(std::ceil((reach_m + size_m) / (2 * size_m)));
  for (int n = -last; n <= last; ++n) {
    for (const int mirrored : {0, 1}) {
      const double distance_m =
          (mirrored != 0 ? -source_m : source_m) + 2 * n * size_m - microphone_m;
      if (std::abs(distance_m) > reach_m) continue;
      images.push_back({distance_m * distance_m, std::abs(n - mirrored) + std::abs(n)});
    }
  }
  std::sort(images.begin(), images.end(), [](const AxisImage& a, const AxisImage& b) {
    return a.square_m2 != b.square_m2 ? a.square_m2 < b.square_m2 : a.reflections < b.reflections;
  });
  return images;
}

// [kFractions][kTaps]: row f delays by kLead + f / kFractions samples.
std::vector<float> DelayFilters() {
  std::vector<float> filters;
  for (int f = 0; f < kFractions; ++f) {
    for (int tap = 0; tap < kTaps; ++tap) {
      const double x = tap - kLead - static_cast<double>(f) / kFractions;
      const double window = 0.5 + 0.5 * std::cos(2 * std::numbers::pi * x / kTaps);
      const double phase = std::numbers::pi * x;
      const double sinc = x == 0 ? 1.0 : std::sin(phase) / phase;
      filters.push_back(static_cast<float>(std::abs(x) > kTaps / 2.0 ? 0.0 : window * sinc));
    }
  }
  return filters;
}

// Two zeros near 0 Hz and two poles at 100 Hz; the first sample passes as it is (Allen and Berkley,
// 1979, appendix B).
void HighPass(double sample_rate_hz, std::vector<float>& samples) {
  const double w = 2 * std::numbers::pi * kHighPassHz / sample_rate_hz;
  const double r = std::exp(-w);
  const double b1 = 2 * r * std::cos(w);
  const double b2 = -r * r;
  double y1 = 0, y2 = 0;
  for (float& x : samples) {
    const double y0 = b1 * y1 + b2 * y2 + x;
    x = static_cast<float>(y0 - (1 + r) * y1 + r * y2);
    y2 = y1;
    y1 = y0;
  }
}

double Distance(const Room& room) {
  double square = 0;
  for (size_t axis = 0; axis < 3; ++axis) {
    const double d = room.source_m[axis] - room.microphone_m[axis];
    square += d * d;
  }
  return std::sqrt(square);
}

Status Check(const Room& room, double sample_rate_hz) {
  const auto refuse = [](const std::string& what) {
    return Fail(ErrorCode::kInvalidArgument, "room: " + what);
  };
  // Written so that NaN fails too.
  for (size_t axis = 0; axis < 3; ++axis) {
    const double size_m = room.size_m[axis];
    if (!(size_m >= 1 && size_m <= 50)) {
      return refuse("a side of " + std::to_string(size_m) + " m; give 1 to 50 m");
    }
    for (const double place_m : {room.source_m[axis], room.microphone_m[axis]}) {
      if (!(place_m > 0 && place_m < size_m)) {
        return refuse("a position at " + std::to_string(place_m) + " m is not inside a side of " +
                      std::to_string(size_m) + " m; move it");
      }
    }
  }
  if (!(Distance(room) >= 0.01)) return refuse("source and microphone are in one place; move one");
  if (!(room.t60_s >= 0.02 && room.t60_s <= 3)) {
    return refuse("a t60 of " + std::to_string(room.t60_s) + " s; give 0.02 to 3 s");
  }
  if (!(sample_rate_hz >= 4000 && sample_rate_hz <= 192000)) {
    return refuse(std::to_string(sample_rate_hz) + " Hz; give a rate of 4000 to 192000 Hz");
  }
  return {};
}

double Energy(std::span<const float> samples) {
  double sum = 0;
  for (const float x : samples) sum += static_cast<double>(x) * x;
  return sum;
}

}  // namespace

Room DrawRoom(const RoomRange& range, Rng& rng) {
  Room room;
  room.size_m = {rng.Uniform(3, 10), rng.Uniform(3, 8), rng.Uniform(2.4, 4)};
  room.t60_s = rng.Uniform(range.t60_low_s, range.t60_high_s);
  for (size_t axis = 0; axis < 3; ++axis) {
    room.microphone_m[axis] = rng.Uniform(kWallGapM, room.size_m[axis] - kWallGapM);
  }
  // A direction that is uniform on the sphere: Archimedes' cylinder.
  const double up = rng.Uniform(-1, 1);
  const double around = rng.Uniform(0, 2 * std::numbers::pi);
  const double flat = std::sqrt(1 - up * up);
  const double distance_m = rng.Uniform(range.distance_low_m, range.distance_high_m);
  const std::array<double, 3> direction = {flat * std::cos(around), flat * std::sin(around), up};
  for (size_t axis = 0; axis < 3; ++axis) {
    const double low = kWallGapM, high = room.size_m[axis] - kWallGapM;
    double step = distance_m * direction[axis];
    const double there = room.microphone_m[axis] + step;
    if (there < low || there > high) step = -step;  // the other way may have more space
    room.source_m[axis] = std::clamp(room.microphone_m[axis] + step, low, high);
  }
  // Where neither way has space, both may end up in one corner.
  if (Distance(room) < 0.05) {
    room.source_m[0] += room.microphone_m[0] < room.size_m[0] / 2 ? 0.5 : -0.5;
  }
  return room;
}

double WallAbsorption(const Room& room) {
  const auto& [x, y, z] = room.size_m;
  const double volume_m3 = x * y * z;
  const double surface_m2 = 2 * (x * y + y * z + z * x);
  return -std::expm1(-24 * std::numbers::ln10 / kSpeedOfSoundMps * volume_m3 /
                     (surface_m2 * room.t60_s));
}

Result<std::vector<float>> RoomImpulseResponse(const Room& room, double sample_rate_hz) {
  MASR_RETURN_IF_ERROR(Check(room, sample_rate_hz));
  const double seconds = Distance(room) / kSpeedOfSoundMps + room.t60_s;
  const auto length = static_cast<int64_t>(std::ceil(seconds * sample_rate_hz));
  const double reach_m = seconds * kSpeedOfSoundMps;
  std::array<std::vector<AxisImage>, 3> images;
  int most = 0;
  for (size_t axis = 0; axis < 3; ++axis) {
    images[axis] =
        AxisImages(room.size_m[axis], room.source_m[axis], room.microphone_m[axis], reach_m);
    int most_here = 0;
    for (const AxisImage& image : images[axis]) most_here = std::max(most_here, image.reflections);
    most += most_here;
  }
  // A wall's pressure reflection is the root of the energy that it leaves.
  const double reflection = std::sqrt(1 - WallAbsorption(room));
  std::vector<double> gains;
  for (int n = 0; n <= most; ++n) gains.push_back(std::pow(reflection, n));

  const std::vector<float> filters = DelayFilters();
  // kLead samples before the moment the source sounds, and a filter's length after the last one.
  std::vector<float> padded(static_cast<size_t>(length + 2 * kTaps));
  const double fractions_per_m = kFractions * sample_rate_hz / kSpeedOfSoundMps;
  const double reach_m2 = reach_m * reach_m;
  for (const AxisImage& z : images[2]) {
    for (const AxisImage& y : images[1]) {
      const double yz = z.square_m2 + y.square_m2;
      if (yz > reach_m2) break;
      for (const AxisImage& x : images[0]) {
        const double square_m2 = yz + x.square_m2;
        if (square_m2 > reach_m2) break;
        const double distance_m = std::sqrt(square_m2);
        const int64_t delay = std::lrint(distance_m * fractions_per_m);
        const auto gain = static_cast<float>(
            gains[static_cast<size_t>(x.reflections + y.reflections + z.reflections)] / distance_m);
        const float* filter = filters.data() + delay % kFractions * kTaps;
        float* out = padded.data() + delay / kFractions;
        for (int tap = 0; tap < kTaps; ++tap) out[tap] += gain * filter[tap];
      }
    }
  }
  std::vector<float> response(padded.begin() + kLead, padded.begin() + kLead + length);
  HighPass(sample_rate_hz, response);
  return response;
}

Result<std::vector<float>> Reverberate(std::span<const float> samples, const Room& room,
                                       double sample_rate_hz) {
  MASR_TRY(const std::vector<float> response, RoomImpulseResponse(room, sample_rate_hz));
  MASR_TRY(std::vector<float> heard, Convolve(samples, response));
  const auto delay =
      static_cast<std::ptrdiff_t>(Distance(room) / kSpeedOfSoundMps * sample_rate_hz);
  if (!heard.empty()) heard.erase(heard.begin(), heard.begin() + delay);
  heard.resize(samples.size());
  const double before = Energy(samples);
  const double after = Energy(heard);
  if (before > 0 && after > 0) {
    const auto gain = static_cast<float>(std::sqrt(before / after));
    for (float& x : heard) x *= gain;
  }
  return heard;
}

}  // namespace masr

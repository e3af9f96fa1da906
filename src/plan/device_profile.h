// What a device computes in a second, measured once (MeasureDevice) and kept in a file.
#ifndef MOBILEASR_PLAN_DEVICE_PROFILE_H_
#define MOBILEASR_PLAN_DEVICE_PROFILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace masr {

// A pass over some speech takes pass_s + speech_s * its seconds: what threads need to meet and what
// is packed again for every product does not grow with the speech.
struct PassCost {
  double pass_s = 0;
  double speech_s = 0;

  double Of(double speech, double passes) const { return pass_s * passes + speech_s * speech; }
  bool operator==(const PassCost&) const = default;
};

// Of one block of an encoder. Its backward gives the gradient of what enters it, except for the
// lowest block, below which nobody wants it.
struct BlockCost {
  PassCost frozen_forward;   // weights as stored, nothing kept for a backward
  PassCost forward;          // f32 weights, kept
  PassCost backward;         // gradients of everything in it
  PassCost vector_backward;  // of its vectors only (Tuning::kVectors)

  bool operator==(const BlockCost&) const = default;
};

struct DeviceProfile {
  std::string name;
  int threads = 1;                // it was measured with
  std::string encoder;            // it was measured on (ModelConfig::encoder_json)
  std::vector<BlockCost> blocks;  // of that encoder
  // Samples to features, per second of speech: as they are, and at another tempo.
  double features_s = 0;
  double augmented_features_s = 0;
  // Per number that learns and update: clearing, clipping, optimizer, mean.
  double update_s = 0;
  // Out of the battery while it computes; nullopt: never measured.
  std::optional<double> training_power_w;
  std::optional<double> battery_wh;  // nullopt: not known

  bool operator==(const DeviceProfile&) const = default;
};

// For devices that do not tell: Google's Pixel 2, whose power profile (android.googlesource.com,
// device/google/muskie, walleye/.../power_profile.xml) has 212.147 mA for each of four big cores at
// 2457 MHz, 6.141 for their cluster, 17.757 for the processor, and a battery of 2700 mAh; at the
// 3.85 V that a lithium-ion cell is rated at, all four busy.
inline constexpr double kPhonePowerW = 3.85 * (4 * 0.212147 + 0.006141 + 0.017757);
inline constexpr double kPhoneBatteryWh = 3.85 * 2.7;

// All of its times `factor` times as long: a device that computes so much slower.
void SlowDown(DeviceProfile& profile, double factor);

double TrainingPowerW(const DeviceProfile& profile);
double BatteryWh(const DeviceProfile& profile);

// A JSON object with the names above; a PassCost is a pair of numbers. The reader refuses what
// cannot be (kCorrupt where it is not JSON, kInvalidArgument) and names `where` and the field.
Result<std::string> WriteDeviceProfile(const DeviceProfile& profile);
Result<DeviceProfile> ReadDeviceProfile(std::string_view text, const std::string& where);

// Refuses a profile that was measured on another encoder or with another number of threads, and
// says what to do.
Status CheckProfile(const DeviceProfile& profile, const std::string& encoder, int threads);

}  // namespace masr

#endif  // MOBILEASR_PLAN_DEVICE_PROFILE_H_

// Simulated rooms: impulse responses of rectangular ones by image sources (Allen and Berkley,
// "Image method for efficiently simulating small-room acoustics", 1979).
#ifndef MOBILEASR_AUDIO_ROOM_H_
#define MOBILEASR_AUDIO_ROOM_H_

#include <array>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/rng.h"

namespace masr {

constexpr double kSpeedOfSoundMps = 343.0;  // in dry air at 20 degrees Celsius

struct Room {
  std::array<double, 3> size_m = {5, 4, 3};  // length, width, height
  std::array<double, 3> source_m = {};       // from the corner that is the origin
  std::array<double, 3> microphone_m = {};
  double t60_s = 0.3;  // in which reverberation falls by 60 dB
};

// What rooms are drawn from: uniform between each two limits.
struct RoomRange {
  double t60_low_s = 0.1;
  double t60_high_s = 0.6;
  double distance_low_m = 0.3;  // from mouth to microphone
  double distance_high_m = 3.0;
};

// A room of 3 to 10 m by 3 to 8 m by 2.4 to 4 m. Source and microphone keep 0.2 m from the walls;
// where a distance does not fit into the room, the source is put as far as it goes.
Room DrawRoom(const RoomRange& range, Rng& rng);

// The share of the energy that a wall takes, the same for all six, by Eyring (1930):
// 1 - exp(-24 ln(10) / c * V / (S * t60)). Eyring supposes sound from everywhere alike; in rooms of
// unequal sides it bounces longer between the far walls, so that the time measured is a quarter
// longer on average over DrawRoom's rooms.
double WallAbsorption(const Room& room);

// One sample per 1 / sample_rate_hz seconds from the moment the source sounds; its length is the
// direct path's delay plus t60. The direct path has the gain 1 / r, r in metres; each image's delay
// is exact to 1/256 sample, through a Hann-windowed sinc (Peterson, 1986) of 32 samples.
// High-passed at 100 Hz as by Allen and Berkley, whose images would otherwise add up to a slow
// offset. Fails on a room outside 1..50 m, a position that is not inside it, source and microphone
// closer than 1 cm, a t60 outside 0.02..3 s, or a rate outside 4000..192000 Hz.
Result<std::vector<float>> RoomImpulseResponse(const Room& room, double sample_rate_hz);

// Speech as heard in the room: as long as `samples`, beginning with the direct path, and with the
// energy that `samples` have.
Result<std::vector<float>> Reverberate(std::span<const float> samples, const Room& room,
                                       double sample_rate_hz);

}  // namespace masr

#endif  // MOBILEASR_AUDIO_ROOM_H_

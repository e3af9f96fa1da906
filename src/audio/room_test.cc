#include "audio/room.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

namespace masr {
namespace {

constexpr double kRateHz = 16000;

std::vector<float> Response(const Room& room, double rate_hz = kRateHz) {
  auto response = RoomImpulseResponse(room, rate_hz);
  EXPECT_TRUE(response) << response.error().message;
  return response.value_or(std::vector<float>());
}

double DistanceM(const Room& room) {
  double square = 0;
  for (size_t axis = 0; axis < 3; ++axis) {
    square += std::pow(room.source_m[axis] - room.microphone_m[axis], 2);
  }
  return std::sqrt(square);
}

double Energy(std::span<const float> samples) {
  double sum = 0;
  for (const float x : samples) sum += static_cast<double>(x) * x;
  return sum;
}

// Seconds for 60 dB, from the slope between -5 and -25 dB of the energy still to come (Schroeder,
// "New method of measuring reverberation time", 1965).
double MeasureT60(const std::vector<float>& response, double rate_hz) {
  std::vector<double> left(response.size());
  double sum = 0;
  for (size_t i = response.size(); i-- > 0;) {
    sum += static_cast<double>(response[i]) * response[i];
    left[i] = sum;
  }
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    const double level_db = 10 * std::log10(left[i] / sum);
    if (level_db > -5 || level_db < -25) continue;
    const double seconds = static_cast<double>(i) / rate_hz;
    n += 1;
    x += seconds;
    y += level_db;
    xx += seconds * seconds;
    xy += seconds * level_db;
  }
  return -60 / ((n * xy - x * y) / (n * xx - x * x));
}

// In a large and dead room the first reflection comes long after the direct path.
Room DeadRoom(double distance_m) {
  return {.size_m = {40, 40, 40},
          .source_m = {20, 20, 20},
          .microphone_m = {20 + distance_m, 20, 20},
          .t60_s = 0.2};
}

TEST(Room, TheDirectPathHasItsDelayAndOneOverItsLength) {
  for (const double rate_hz : {8000.0, 16000.0, 44100.0}) {
    // Lengths of a whole number of samples, where the sinc's peak is on a sample.
    for (const int delay : {10, 37, 100}) {
      const double distance_m = delay * kSpeedOfSoundMps / rate_hz;
      const std::vector<float> response = Response(DeadRoom(distance_m), rate_hz);
      const auto peak = std::max_element(response.begin(), response.end());
      EXPECT_EQ(peak - response.begin(), delay) << rate_hz;
      EXPECT_NEAR(*peak, 1 / distance_m, 1e-3 / distance_m) << rate_hz;
    }
  }
}

TEST(Room, DelaysBetweenSamplesAreKept) {
  // The phase of a 1 kHz tone through the direct path alone, against what its length says.
  for (const double delay : {20.25, 20.5, 20.8}) {
    const double distance_m = delay * kSpeedOfSoundMps / kRateHz;
    const std::vector<float> response = Response(DeadRoom(distance_m));
    const double w = 2 * M_PI * 1000 / kRateHz;
    double re = 0, im = 0, exact_re = 0, exact_im = 0;
    const std::vector<float> whole = Response(DeadRoom(20 * kSpeedOfSoundMps / kRateHz));
    for (int n = 0; n < 200; ++n) {  // before the first reflection
      re += response[n] * std::cos(w * n);
      im -= response[n] * std::sin(w * n);
      exact_re += whole[n] * std::cos(w * n);
      exact_im -= whole[n] * std::sin(w * n);
    }
    const double phase = std::atan2(exact_im, exact_re) - std::atan2(im, re);
    EXPECT_NEAR(std::remainder(phase - w * (delay - 20), 2 * M_PI), 0, 0.003) << delay;
  }
}

// scripts/make_room_goldens.py sums every image with its exact delay.
TEST(Room, IsTheSumOfAllImages) {
  const Room room{.size_m = {3.1, 2.6, 2.4},
                  .source_m = {1.0, 1.3, 1.5},
                  .microphone_m = {2.2, 0.9, 1.1},
                  .t60_s = 0.12};
  std::ifstream file(MASR_SOURCE_DIR "/src/audio/testdata/room.txt");
  std::vector<double> golden;
  for (double x = 0; file >> x;) golden.push_back(x);
  const std::vector<float> response = Response(room);
  ASSERT_EQ(response.size(), golden.size());
  double error = 0, energy = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    error += std::pow(response[i] - golden[i], 2);
    energy += golden[i] * golden[i];
    ASSERT_NEAR(response[i], golden[i], 0.01) << i;
  }
  EXPECT_LT(std::sqrt(error / energy), 5e-3);  // delays are rounded to 1/128 sample
}

// Eyring supposes that sound comes from everywhere alike; image sources do not, least in rooms of
// unequal sides.
TEST(Room, ReverberationTakesTheTimeAskedFor) {
  for (const double t60_s : {0.2, 0.4, 0.8}) {
    Room room{.size_m = {5.2, 4.4, 3.6},
              .source_m = {1.3, 1.1, 1.6},
              .microphone_m = {3.9, 3.1, 2.1},
              .t60_s = t60_s};
    EXPECT_NEAR(MeasureT60(Response(room), kRateHz) / t60_s, 1, 0.2) << t60_s;
  }
}

TEST(Room, SourceAndMicrophoneMayBeExchanged) {
  const Room room{.size_m = {6, 4, 2.7},
                  .source_m = {1.1, 2.9, 1.7},
                  .microphone_m = {4.6, 0.8, 1.2},
                  .t60_s = 0.3};
  Room exchanged = room;
  std::swap(exchanged.source_m, exchanged.microphone_m);
  const std::vector<float> there = Response(room), back = Response(exchanged);
  ASSERT_EQ(there.size(), back.size());
  for (size_t i = 0; i < there.size(); ++i) ASSERT_NEAR(there[i], back[i], 1e-4) << i;
}

TEST(Room, AbsorptionIsEyrings) {
  // A cube of 6 m: V / S = 1 m; 0.161 is the textbook's constant.
  const Room room{.size_m = {6, 6, 6}, .t60_s = 0.5};
  EXPECT_NEAR(WallAbsorption(room), 1 - std::exp(-0.161 / 0.5), 1e-3);
}

TEST(Room, DrawnRoomsCanBeSimulatedAndHoldTheirLimits) {
  const RoomRange range{
      .t60_low_s = 0.15, .t60_high_s = 0.25, .distance_low_m = 0.5, .distance_high_m = 2};
  Rng rng(1);
  int as_asked = 0;
  for (int i = 0; i < 200; ++i) {
    const Room room = DrawRoom(range, rng);
    EXPECT_GE(room.t60_s, 0.15);
    EXPECT_LE(room.t60_s, 0.25);
    EXPECT_LE(DistanceM(room), 2 + 1e-9);
    as_asked += DistanceM(room) >= 0.5;
    if (i >= 20) continue;
    EXPECT_TRUE(RoomImpulseResponse(room, 8000)) << i;
  }
  EXPECT_GE(as_asked, 190);  // the others did not fit between the walls
  Rng first(1), second(1);
  EXPECT_EQ(DrawRoom(range, first).source_m, DrawRoom(range, second).source_m);
}

TEST(Room, SpeechKeepsItsLengthItsEnergyAndItsBeginning) {
  Rng rng(2);
  std::vector<float> speech(8000);
  for (size_t i = 2000; i < 6000; ++i) speech[i] = static_cast<float>(rng.Uniform(-0.3, 0.3));
  const Room room{
      .size_m = {5, 4, 3}, .source_m = {1, 1, 1.5}, .microphone_m = {3, 2.5, 1.2}, .t60_s = 0.4};
  const auto heard = Reverberate(speech, room, kRateHz);
  ASSERT_TRUE(heard) << heard.error().message;
  ASSERT_EQ(heard->size(), speech.size());
  EXPECT_NEAR(Energy(*heard) / Energy(speech), 1, 1e-3);
  const std::span<const float> h = *heard;
  // Quiet before, loud from the first sample of speech on, and a tail after it.
  EXPECT_LT(Energy(h.subspan(0, 1980)), 1e-3 * Energy(h));
  EXPECT_GT(Energy(h.subspan(2000, 400)), 1e-2 * Energy(h));
  EXPECT_GT(Energy(h.subspan(6100, 800)), 1e-3 * Energy(h));
  const auto silence = Reverberate(std::vector<float>(100), room, kRateHz);
  ASSERT_TRUE(silence);
  EXPECT_EQ(Energy(*silence), 0);
  EXPECT_TRUE(Reverberate({}, room, kRateHz)->empty());
}

TEST(Room, WhatIsNoRoomIsRefused) {
  const Room good{
      .size_m = {5, 4, 3}, .source_m = {1, 1, 1}, .microphone_m = {2, 2, 2}, .t60_s = 0.2};
  const auto refused = [](const Room& room, double rate_hz, const char* says) {
    const auto response = RoomImpulseResponse(room, rate_hz);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(response.error().message.find(says), std::string::npos) << response.error().message;
  };
  Room bad = good;
  bad.size_m[1] = 60;
  refused(bad, kRateHz, "1 to 50 m");
  bad = good;
  bad.source_m[2] = 3.5;
  refused(bad, kRateHz, "not inside");
  bad.source_m = bad.microphone_m;
  refused(bad, kRateHz, "one place");
  bad = good;
  bad.t60_s = std::nan("");
  refused(bad, kRateHz, "0.02 to 3 s");
  refused(good, 100, "4000");
}

}  // namespace
}  // namespace masr

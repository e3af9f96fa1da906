#include "audio/codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>

#include "base/rng.h"

namespace masr {
namespace {

// The values that a code stands for, by the tables of ITU-T G.711, in 16 bit.
int MuLawValue(int code) {
  code = ~code & 0xff;
  const int magnitude = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

int ALawValue(int code) {
  code ^= 0x55;
  const int exponent = (code >> 4) & 7;
  int magnitude = ((code & 15) << 4) + 8;
  if (exponent > 0) magnitude = (magnitude + 0x100) << (exponent - 1);
  return (code & 0x80) != 0 ? magnitude : -magnitude;
}

// Of the segment that a value of the table lies in.
int MuLawStep(int value) { return 8 << (std::bit_width((std::abs(value) + 0x84u) >> 7) - 1); }
int ALawStep(int value) {
  return 16 << std::max<int>(0, std::bit_width(static_cast<unsigned>(std::abs(value)) >> 8) - 1);
}

std::vector<int> Coded(const std::vector<int>& values, Codec codec) {
  std::vector<float> samples;
  for (const int v : values) samples.push_back(static_cast<float>(v) / 32768);
  const auto coded = ThroughCodec(samples, 8000, codec);
  EXPECT_TRUE(coded) << coded.error().message;
  std::vector<int> result;
  for (const float x : *coded) result.push_back(static_cast<int>(std::lround(x * 32768)));
  return result;
}

struct Law {
  Codec codec;
  int (*value)(int code);
  int (*step)(int value);
  int input_bits;  // that the coder looks at
};

void ExpectTable(const Law& law) {
  std::set<int> values;
  for (int code = 0; code < 256; ++code) values.insert(law.value(code));
  // What is in the table stays what it is.
  const std::vector<int> table(values.begin(), values.end());
  EXPECT_EQ(Coded(table, law.codec), table);
  // Every other sample becomes the middle of the step that it lies in, but for the bits that the
  // coder cuts off first.
  std::vector<int> all;
  for (int v = table.front(); v <= table.back(); ++v) all.push_back(v);
  const std::vector<int> coded = Coded(all, law.codec);
  const int cut_off = 1 << (16 - law.input_bits);
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(values.contains(coded[i])) << all[i];
    ASSERT_LE(std::abs(coded[i] - all[i]), law.step(coded[i]) / 2 + cut_off) << all[i];
  }
  EXPECT_EQ(Coded({-32768, 32767}, law.codec), (std::vector<int>{table.front(), table.back()}));
}

TEST(Codec, MuLawIsTheTableOfG711) {
  EXPECT_EQ(MuLawValue(0x00), -32124);
  EXPECT_EQ(MuLawValue(0xff), 0);
  ExpectTable({Codec::kMuLaw, MuLawValue, MuLawStep, 14});
}
TEST(Codec, ALawIsTheTableOfG711) {
  EXPECT_EQ(ALawValue(0xaa), 32256);
  EXPECT_EQ(ALawValue(0xd5), 8);
  ExpectTable({Codec::kALaw, ALawValue, ALawStep, 13});
}

// Something like a vowel: harmonics of 120 Hz under a slowly changing level.
std::vector<float> Vowel(double rate_hz, size_t count) {
  std::vector<float> samples(count);
  for (size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / rate_hz;
    double sum = 0;
    for (int h = 1; h <= 20; ++h) {
      const double hz = 120.0 * h;
      const double formants = std::exp(-std::pow((hz - 600) / 250, 2)) +
                              0.4 * std::exp(-std::pow((hz - 1700) / 300, 2));
      sum += formants * std::sin(2 * M_PI * hz * t + h * h);
    }
    samples[i] = static_cast<float>(0.1 * (1 + 0.5 * std::sin(2 * M_PI * 3 * t)) * sum);
  }
  return samples;
}

double SnrDb(std::span<const float> clean, std::span<const float> coded) {
  double signal = 0, noise = 0;
  for (size_t i = 0; i < clean.size(); ++i) {
    signal += static_cast<double>(clean[i]) * clean[i];
    noise += std::pow(static_cast<double>(coded[i]) - clean[i], 2);
  }
  return 10 * std::log10(signal / noise);
}

struct Quality {
  Codec codec;
  double low_db, high_db;
};

// Each loses something, and none loses the speech.
TEST(Codec, SpeechComesOutWorseButInPlace) {
  for (const double rate_hz : {8000.0, 16000.0}) {
    const std::vector<float> speech = Vowel(rate_hz, static_cast<size_t>(rate_hz));
    for (const Quality& q : {Quality{Codec::kMuLaw, 30, 45},
                             {Codec::kALaw, 30, 45},
                             {Codec::kGsm, 8, 30},
                             {Codec::kG726, 15, 40},
                             {Codec::kImaAdpcm, 15, 40}}) {
      const auto coded = ThroughCodec(speech, rate_hz, q.codec);
      ASSERT_TRUE(coded) << coded.error().message;
      ASSERT_EQ(coded->size(), speech.size());
      const double snr_db = SnrDb(speech, *coded);
      EXPECT_GT(snr_db, q.low_db) << kCodecNames[static_cast<size_t>(q.codec)];
      EXPECT_LT(snr_db, q.high_db) << kCodecNames[static_cast<size_t>(q.codec)];
    }
  }
}

TEST(Codec, OpusSpendsWhatItIsGiven) {
  const std::vector<float> speech = Vowel(16000, 32000);
  const auto poor = ThroughCodec(speech, 16000, Codec::kOpus, 6000);
  const auto rich = ThroughCodec(speech, 16000, Codec::kOpus, 64000);
  ASSERT_TRUE(poor && rich);
  ASSERT_EQ(poor->size(), speech.size());
  EXPECT_GT(SnrDb(speech, *rich), SnrDb(speech, *poor) + 3);
  EXPECT_GT(SnrDb(speech, *rich), 10);
  EXPECT_EQ(*poor, *ThroughCodec(speech, 16000, Codec::kOpus, 6000));
}

TEST(Codec, LengthsAreKept) {
  for (size_t c = 0; c < kCodecNames.size(); ++c) {
    for (const size_t count : {0u, 1u, 2u, 100u, 319u, 321u, 1000u}) {
      for (const double rate_hz : {8000.0, 16000.0, 22050.0}) {
        const auto coded = ThroughCodec(Vowel(rate_hz, count), rate_hz, static_cast<Codec>(c));
        ASSERT_TRUE(coded) << kCodecNames[c] << ": " << coded.error().message;
        EXPECT_EQ(coded->size(), count) << kCodecNames[c] << " at " << rate_hz;
      }
    }
  }
  EXPECT_FALSE(ThroughCodec(Vowel(8000, 10), 0, Codec::kGsm));
}

}  // namespace
}  // namespace masr

#include "kernels/sequence_gate.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/sequence_gate.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

using reference::Doubles;
using reference::ExpectClose;
using reference::ExpectNumericGradient;
using reference::ForEachTarget;
using reference::PackedOffsets;
using reference::RandomFloats;
using reference::SameBits;

constexpr int64_t kChannels[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 257};

struct Gate {
  Gate(const std::vector<int64_t>& lengths, int64_t width)
      : offsets(PackedOffsets(lengths)),
        channels(width),
        x(RandomFloats(offsets.back() * width, 1, 3.0)),
        gate(RandomFloats(std::ssize(lengths) * width, 2, 2.0)),
        dmean(RandomFloats(std::ssize(lengths) * width, 3)),
        dy(RandomFloats(offsets.back() * width, 4)),
        mean(gate.size(), 7.0f),
        y(x.size()),
        dgate(gate.size(), 7.0f),
        dx(x.size()) {}

  void Run(const ThreadPool& threads) {
    SequenceMeans({threads}, offsets, channels, x.data(), mean.data());
    SequenceGateForward({threads}, offsets, channels, gate.data(), x.data(), y.data());
    SequenceGateBackward({threads}, offsets, channels, gate.data(), x.data(), dy.data(),
                         dgate.data());
    SequenceGateInputBackward({threads}, offsets, channels, gate.data(), dmean.data(), dy.data(),
                              dx.data());
  }

  std::vector<int64_t> offsets;
  int64_t channels;
  std::vector<float> x, gate, dmean, dy, mean, y, dgate, dx;
};

// Utterances of one, two and many frames, and one without any.
const std::vector<int64_t> kLengths = {5, 1, 0, 301, 17};

TEST(SequenceGateTest, MatchesTwin) {
  ForEachTarget([&] {
    ThreadPool threads(2);
    for (const int64_t channels : kChannels) {
      Gate g(kLengths, channels);
      g.Run(threads);
      std::vector<double> mean(g.mean.size()), y(g.y.size()), dgate(g.dgate.size()),
          dx(g.dx.size());
      const std::vector<double> x = Doubles(g.x), gate = Doubles(g.gate), dy = Doubles(g.dy);
      reference::SequenceMeans(g.offsets, channels, x.data(), mean.data());
      reference::SequenceGateForward(g.offsets, channels, gate.data(), x.data(), y.data());
      reference::SequenceGateBackward(g.offsets, channels, gate.data(), x.data(), dy.data(),
                                      dgate.data());
      reference::SequenceGateInputBackward(g.offsets, channels, gate.data(),
                                           Doubles(g.dmean).data(), dy.data(), dx.data());
      ExpectClose(g.mean, mean, 1e-5, "mean");
      ExpectClose(g.y, y, 1e-5, "y");
      ExpectClose(g.dgate, dgate, 2e-5, "dgate");
      ExpectClose(g.dx, dx, 1e-5, "dx");
    }
  });
}

TEST(SequenceGateTest, TwinGradientsAreDerivatives) {
  Gate g({3, 4}, 3);
  std::vector<double> x = Doubles(g.x), gate = Doubles(g.gate);
  const std::vector<double> dy = Doubles(g.dy), dmean = Doubles(g.dmean);
  std::vector<double> y(x.size()), mean(gate.size()), dx(x.size()), dgate(gate.size());
  reference::SequenceGateBackward(g.offsets, 3, gate.data(), x.data(), dy.data(), dgate.data());
  reference::SequenceGateInputBackward(g.offsets, 3, gate.data(), dmean.data(), dy.data(),
                                       dx.data());
  const auto loss = [&] {
    reference::SequenceMeans(g.offsets, 3, x.data(), mean.data());
    reference::SequenceGateForward(g.offsets, 3, gate.data(), x.data(), y.data());
    return reference::Dot(y, dy) + reference::Dot(mean, dmean);
  };
  ExpectNumericGradient(x, dx, loss, "dx");
  ExpectNumericGradient(gate, dgate, loss, "dgate");
}

TEST(SequenceGateTest, ThreadsDoNotChangeBitsAndItRunsInPlace) {
  ForEachTarget([&] {
    ThreadPool one(1);
    Gate expected({200, 150}, 131);
    expected.Run(one);
    for (const int count : {2, 3}) {
      ThreadPool threads(count);
      Gate g({200, 150}, 131);
      g.Run(threads);
      EXPECT_TRUE(SameBits(g.mean, expected.mean));
      EXPECT_TRUE(SameBits(g.y, expected.y));
      EXPECT_TRUE(SameBits(g.dgate, expected.dgate));
      EXPECT_TRUE(SameBits(g.dx, expected.dx));
    }
    std::vector<float> x = expected.x, dy = expected.dy;
    SequenceGateForward({one}, expected.offsets, 131, expected.gate.data(), x.data(), x.data());
    EXPECT_TRUE(SameBits(x, expected.y));
    SequenceGateInputBackward({one}, expected.offsets, 131, expected.gate.data(),
                              expected.dmean.data(), dy.data(), dy.data());
    EXPECT_TRUE(SameBits(dy, expected.dx));
  });
}

}  // namespace
}  // namespace masr

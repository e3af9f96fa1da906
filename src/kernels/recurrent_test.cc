#include "kernels/recurrent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/recurrent.h"
#include "kernels/reference/testing.h"

namespace masr {
namespace {

constexpr float kUntouched = -7777.0f;

using reference::ForEachTarget;
using reference::PackedOffsets;

// The same numbers in both precisions.
template <class Real>
std::vector<Real> Random(int64_t size, uint64_t seed, double scale = 1.0) {
  const std::vector<float> values = reference::RandomFloats(size, seed, scale);
  return {values.begin(), values.end()};
}

struct Case {
  Cell cell;
  std::vector<int64_t> lengths;
  int64_t hidden;
  bool reverse = false;
  bool bias = true;
  WeightType type = WeightType::kF32;
  int64_t weight_gap = 0;  // elements between the rows of w_hh

  RecurrentShape shape() const { return {.cell = cell, .hidden = hidden, .reverse = reverse}; }
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  out << (c.cell == Cell::kLstm ? "LSTM " : "GRU ") << c.hidden << (c.reverse ? " reverse" : "")
      << ", type " << static_cast<int>(c.type) << ", lengths";
  for (const int64_t length : c.lengths) out << ' ' << length;
  return out;
}

// W_hh as stored, of any type, and the values it stands for.
struct StoredWeight {
  explicit StoredWeight(const Case& c) : type(c.type), rows(c.shape().gates() * c.hidden) {
    cols = c.hidden;
    stride = cols + c.weight_gap;
    const double scale = 1.5 / std::sqrt(static_cast<double>(cols));
    floats = Random<float>(rows * stride, 11, scale);
    values.resize(rows * cols);
    bf16.resize(floats.size());
    int8.resize(floats.size());
    for (int64_t r = 0; r < rows; ++r) {
      scales.push_back(static_cast<float>(scale) / 127.0f * (1.0f + 0.1f * (r % 3)));
      for (int64_t k = 0; k < stride; ++k) Store(r, k);
    }
  }

  void Store(int64_t r, int64_t k) {
    const size_t at = r * stride + k;
    uint32_t bits;
    std::memcpy(&bits, &floats[at], sizeof(bits));
    bf16[at] = static_cast<uint16_t>(bits >> 16);
    int8[at] = static_cast<int8_t>(std::lround(floats[at] / scales[r]));
    if (k >= cols) return;
    float value = floats[at];
    if (type == WeightType::kBf16) {
      bits &= 0xffff0000u;
      std::memcpy(&value, &bits, sizeof(bits));
    } else if (type == WeightType::kInt8) {
      value = scales[r] * int8[at];
    }
    values[r * cols + k] = value;
  }

  WeightView view() const {
    const void* data = floats.data();
    if (type == WeightType::kBf16) data = bf16.data();
    if (type == WeightType::kInt8) data = int8.data();
    return {data, type, type == WeightType::kInt8 ? scales.data() : nullptr, rows, cols, stride};
  }

  WeightType type;
  int64_t rows, cols, stride;
  std::vector<float> floats, scales;
  std::vector<uint16_t> bf16;
  std::vector<int8_t> int8;
  std::vector<double> values;
};

// Everything but the weights. h has room for two directions, of which one is used.
template <class Real>
struct Operands {
  explicit Operands(const Case& c)
      : offsets(PackedOffsets(c.lengths)),
        shape(c.shape()),
        h_stride(2 * c.hidden + 3),
        bias(c.bias) {
    const int64_t rows = offsets.back();
    const int64_t width = shape.gates() * c.hidden;
    gates = Random<Real>(rows * width, 1, 2.0);
    b_hh = Random<Real>(width, 2);
    dh = Random<Real>(rows * h_stride, 3);
    saved.assign(rows * c.hidden, Real(kUntouched));
    h.assign(rows * h_stride, Real(kUntouched));
    dw_hh.assign(width * c.hidden, Real(0.5));
    db_hh.assign(width, Real(-0.25));
  }

  const Real* b_or_null() const { return bias ? b_hh.data() : nullptr; }

  std::vector<int64_t> offsets;
  RecurrentShape shape;
  int64_t h_stride;
  bool bias;
  std::vector<Real> gates, b_hh, dh, saved, h, dw_hh, db_hh;
};

void Forward(const double* w_hh, Operands<double>& o) {
  reference::RecurrentForward(o.offsets, o.shape, o.gates.data(), w_hh, o.b_or_null(),
                              o.saved.data(), o.h.data(), o.h_stride);
}

void Backward(const double* w_hh, Operands<double>& o) {
  reference::RecurrentBackward(o.offsets, o.shape, o.gates.data(), w_hh, o.saved.data(), o.h.data(),
                               o.h_stride, o.dh.data(), o.dw_hh.data(), o.db_hh.data());
}

std::vector<float> Scratch(const Operands<float>& o) {
  return std::vector<float>(RecurrentScratchFloats(o.offsets, o.shape),
                            std::numeric_limits<float>::quiet_NaN());
}

void Forward(const ThreadPool& pool, const StoredWeight& w, Operands<float>& o) {
  std::vector<float> scratch = Scratch(o);
  RecurrentForward({pool}, o.offsets, o.shape, o.gates.data(), w.view(), o.b_or_null(),
                   o.saved.data(), o.h.data(), o.h_stride, scratch.data());
}

void Backward(const ThreadPool& pool, const StoredWeight& w, Operands<float>& o) {
  std::vector<float> scratch = Scratch(o);
  RecurrentBackward({pool}, o.offsets, o.shape, o.gates.data(), w.view(), o.saved.data(),
                    o.h.data(), o.h_stride, o.dh.data(), o.dw_hh.data(), o.db_hh.data(),
                    scratch.data());
}

// Errors are measured against the largest element: sums cancel.
void ExpectClose(const char* name, const std::vector<float>& actual,
                 const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  double largest = 1.0;
  for (const double e : expected) {
    if (e != kUntouched) largest = std::max(largest, std::abs(e));
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * largest) << name << " at " << i;
  }
}

void ExpectSameBits(const char* name, const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_TRUE(reference::SameBits(a, b)) << name;
}

void ExpectMatchesTwin(const Case& c) {
  SCOPED_TRACE(testing::Message() << c);
  const StoredWeight w(c);
  Operands<double> expected(c);
  Forward(w.values.data(), expected);
  const Operands<double> forward = expected;
  Backward(w.values.data(), expected);
  const ThreadPool pool(2);
  ForEachTarget([&] {
    Operands<float> actual(c);
    Forward(pool, w, actual);
    ExpectClose("gates", actual.gates, forward.gates, 1e-5);
    ExpectClose("saved", actual.saved, forward.saved, 1e-5);
    ExpectClose("h", actual.h, forward.h, 1e-5);
    Backward(pool, w, actual);
    ExpectClose("dgates", actual.gates, expected.gates, 3e-5);
    ExpectClose("dw_hh", actual.dw_hh, expected.dw_hh, 3e-5);
    ExpectClose("db_hh", actual.db_hh, expected.db_hh, 3e-5);
  });
}

class RecurrentTest : public testing::TestWithParam<Cell> {};

INSTANTIATE_TEST_SUITE_P(Cells, RecurrentTest, testing::Values(Cell::kLstm, Cell::kGru),
                         [](const auto& cell) {
                           return cell.param == Cell::kLstm ? "Lstm" : "Gru";
                         });

TEST_P(RecurrentTest, MatchesTwinOnOddSizes) {
  for (const int64_t hidden : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 130}) {
    for (const bool reverse : {false, true}) {
      ExpectMatchesTwin(
          {.cell = GetParam(), .lengths = {5, 3}, .hidden = hidden, .reverse = reverse});
    }
  }
}

// Every number of rows per product, and utterances that end while others go on.
TEST_P(RecurrentTest, MatchesTwinOnBatches) {
  for (const int64_t utterances : {1, 2, 3, 4, 5, 6, 7, 8, 9, 40}) {
    std::vector<int64_t> lengths;
    for (int64_t u = 0; u < utterances; ++u) lengths.push_back(1 + u * 5 % 7);
    for (const bool reverse : {false, true}) {
      ExpectMatchesTwin({.cell = GetParam(), .lengths = lengths, .hidden = 19, .reverse = reverse});
    }
  }
}

TEST_P(RecurrentTest, MatchesTwinForEveryStoredType) {
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16, WeightType::kInt8}) {
    for (const int64_t hidden : {6, 21, 40}) {
      ExpectMatchesTwin(
          {.cell = GetParam(), .lengths = {4, 6}, .hidden = hidden, .type = type, .weight_gap = 5});
    }
  }
}

TEST_P(RecurrentTest, MatchesTwinWithoutBias) {
  ExpectMatchesTwin({.cell = GetParam(), .lengths = {4, 2}, .hidden = 12, .bias = false});
}

TEST_P(RecurrentTest, OneFrameAndEmptyUtterances) {
  ExpectMatchesTwin({.cell = GetParam(), .lengths = {1}, .hidden = 10});
  ExpectMatchesTwin({.cell = GetParam(), .lengths = {1, 0, 1, 3}, .hidden = 10, .reverse = true});
  ExpectMatchesTwin({.cell = GetParam(), .lengths = {0}, .hidden = 10});
}

TEST_P(RecurrentTest, LongUtteranceStaysClose) {
  ExpectMatchesTwin({.cell = GetParam(), .lengths = {150}, .hidden = 24});
}

TEST_P(RecurrentTest, AnyNumberOfThreadsGivesTheSameBits) {
  // Large enough that three threads get a slice each.
  const Case c = {.cell = GetParam(), .lengths = {6, 3}, .hidden = 145};
  const StoredWeight w(c);
  ForEachTarget([&] {
    Operands<float> one(c);
    const ThreadPool single(1);
    Forward(single, w, one);
    const Operands<float> one_forward = one;
    Backward(single, w, one);
    for (const int threads : {2, 3}) {
      const ThreadPool pool(threads);
      Operands<float> many(c);
      Forward(pool, w, many);
      ExpectSameBits("gates", many.gates, one_forward.gates);
      ExpectSameBits("saved", many.saved, one_forward.saved);
      ExpectSameBits("h", many.h, one_forward.h);
      Backward(pool, w, many);
      ExpectSameBits("dgates", many.gates, one.gates);
      ExpectSameBits("dw_hh", many.dw_hh, one.dw_hh);
      ExpectSameBits("db_hh", many.db_hh, one.db_hh);
    }
  });
}

TEST_P(RecurrentTest, BatchEqualsItsUtterancesAlone) {
  for (const bool reverse : {false, true}) {
    const Case c = {
        .cell = GetParam(), .lengths = {4, 1, 7, 7, 2, 5}, .hidden = 37, .reverse = reverse};
    const StoredWeight w(c);
    const ThreadPool pool(2);
    ForEachTarget([&] {
      const Operands<float> input(c);
      Operands<float> batch(c);
      Forward(pool, w, batch);
      const int64_t width = batch.shape.gates() * c.hidden;
      for (size_t u = 0; u < c.lengths.size(); ++u) {
        Case one = c;
        one.lengths = {c.lengths[u]};
        Operands<float> alone(one);
        const int64_t row = batch.offsets[u];
        std::copy_n(input.gates.begin() + row * width, alone.gates.size(), alone.gates.begin());
        Forward(pool, w, alone);
        const auto gates = batch.gates.begin() + row * width;
        ExpectSameBits("gates", alone.gates, {gates, gates + c.lengths[u] * width});
        const auto saved = batch.saved.begin() + row * c.hidden;
        ExpectSameBits("saved", alone.saved, {saved, saved + c.lengths[u] * c.hidden});
        const auto h = batch.h.begin() + row * batch.h_stride;
        ExpectSameBits("h", alone.h, {h, h + c.lengths[u] * batch.h_stride});
      }
    });
  }
}

TEST_P(RecurrentTest, FrozenGradientsChangeNothing) {
  const Case c = {.cell = GetParam(), .lengths = {5, 2}, .hidden = 11};
  const StoredWeight w(c);
  const ThreadPool pool(2);
  ForEachTarget([&] {
    Operands<float> full(c);
    Forward(pool, w, full);
    const Operands<float> start = full;
    Backward(pool, w, full);
    for (const bool with_dw : {false, true}) {
      for (const bool with_db : {false, true}) {
        Operands<float> o = start;
        std::vector<float> scratch = Scratch(o);
        RecurrentBackward({pool}, o.offsets, o.shape, o.gates.data(), w.view(), o.saved.data(),
                          o.h.data(), o.h_stride, o.dh.data(), with_dw ? o.dw_hh.data() : nullptr,
                          with_db ? o.db_hh.data() : nullptr, scratch.data());
        ExpectSameBits("dgates", o.gates, full.gates);
        ExpectSameBits("dw_hh", o.dw_hh, with_dw ? full.dw_hh : start.dw_hh);
        ExpectSameBits("db_hh", o.db_hh, with_db ? full.db_hh : start.db_hh);
      }
    }
  });
}

// One unit, one frame, by hand.
TEST(LstmTest, FirstStepByHand) {
  const Case c = {.cell = Cell::kLstm, .lengths = {1}, .hidden = 1, .bias = false};
  const StoredWeight w(c);
  Operands<float> o(c);
  o.gates = {0.5f, -1.0f, 0.25f, 2.0f};
  const ThreadPool pool(1);
  Forward(pool, w, o);
  const double state = 1.0 / (1.0 + std::exp(-0.5)) * std::tanh(0.25);
  EXPECT_NEAR(o.saved[0], state, 1e-6);
  EXPECT_NEAR(o.h[0], std::tanh(state) / (1.0 + std::exp(-2.0)), 1e-6);
}

// The twin's gradients against central differences of its loss sum(dh * h).
TEST_P(RecurrentTest, TwinGradientsMatchCentralDifferences) {
  for (const bool reverse : {false, true}) {
    const Case c = {.cell = GetParam(), .lengths = {4, 1, 3}, .hidden = 5, .reverse = reverse};
    StoredWeight w(c);
    Operands<double> inputs(c);
    std::fill(inputs.dw_hh.begin(), inputs.dw_hh.end(), 0.0);
    std::fill(inputs.db_hh.begin(), inputs.db_hh.end(), 0.0);
    const auto loss = [&] {
      Operands<double> o = inputs;
      Forward(w.values.data(), o);
      double sum = 0.0;
      for (int64_t row = 0; row < o.offsets.back(); ++row) {
        for (int64_t k = 0; k < c.hidden; ++k) {
          sum += o.h[row * o.h_stride + k] * o.dh[row * o.h_stride + k];
        }
      }
      return sum;
    };
    Operands<double> o = inputs;
    Forward(w.values.data(), o);
    Backward(w.values.data(), o);
    reference::ExpectNumericGradient(inputs.gates, o.gates, loss, "gates");
    reference::ExpectNumericGradient(w.values, o.dw_hh, loss, "w_hh");
    reference::ExpectNumericGradient(inputs.b_hh, o.db_hh, loss, "b_hh");
  }
}

}  // namespace
}  // namespace masr

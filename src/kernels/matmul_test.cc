#include "kernels/matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/reference/elementwise.h"
#include "kernels/reference/matmul.h"
#include "kernels/reference/testing.h"
#include "kernels/simd/amx.h"

namespace masr {
namespace {

using reference::ForEachTarget;
using reference::SameBits;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> Random(int64_t size, uint64_t seed) {
  return reference::RandomFloats(size, seed);
}

// rows x cols with gaps of `gap` between the rows. The gaps hold NaN: a kernel that reads them into
// a sum fails, one that writes them is caught by ExpectGapsUntouched.
std::vector<float> RandomRows(int64_t rows, int64_t cols, int64_t gap, uint64_t seed) {
  std::vector<float> values = Random(rows * (cols + gap), seed);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = cols; c < cols + gap; ++c) values[r * (cols + gap) + c] = kNaN;
  }
  return values;
}

void ExpectGapsUntouched(const std::vector<float>& values, int64_t rows, int64_t cols,
                         int64_t gap) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = cols; c < cols + gap; ++c) {
      ASSERT_TRUE(std::isnan(values[r * (cols + gap) + c])) << "row " << r << ", column " << c;
    }
  }
}

// The nearest bfloat16, to even if there are two (what x86's and ARM's conversions do). NaN stays
// NaN.
float Bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&value, &bits, sizeof(bits));
  return std::isnan(value) ? kNaN : value;
}

// A random weight of any type; owns what its view points to.
struct Weight {
  Weight(WeightType type, int64_t rows, int64_t cols, int64_t gap, uint64_t seed)
      : f32(RandomRows(rows, cols, gap, seed)), scales(Random(rows, seed + 1)) {
    view = {f32.data(), type, nullptr, rows, cols, cols + gap};
    if (type == WeightType::kBf16) {
      for (float v : f32) {
        uint32_t bits;
        std::memcpy(&bits, &v, sizeof(bits));
        bf16.push_back(static_cast<uint16_t>(bits >> 16));
      }
      view.data = bf16.data();
    }
    if (type == WeightType::kInt8) {
      for (float v : f32) int8.push_back(static_cast<int8_t>(std::isnan(v) ? 99 : v * 127.9f));
      for (float& s : scales) s *= 0.01f;
      view.data = int8.data();
      view.scales = scales.data();
    }
  }
  std::vector<float> f32;
  std::vector<uint16_t> bf16;
  std::vector<int8_t> int8;
  std::vector<float> scales;
  WeightView view;
};

// Values of at most 1 in magnitude: each of k roundings is off by at most half an ulp of a sum that
// stays below sqrt(k) or so. Generous, but a term that is missing or wrong is thousands of times
// it.
void ExpectClose(const std::vector<float>& actual, const std::vector<float>& expected, int64_t k) {
  ASSERT_EQ(actual.size(), expected.size());
  const float bound = 2e-7f * (4.0f + static_cast<float>(k) * 0.25f);
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) continue;
    ASSERT_NEAR(actual[i], expected[i], bound * std::max(1.0f, std::abs(expected[i])))
        << "element " << i;
  }
}

struct Shape {
  int64_t m, n, k;
};

// One dimension sweeps while the others stay small and odd: tails of every kind, and more than one
// block of k.
std::vector<Shape> Shapes() {
  std::vector<Shape> shapes;
  for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 15, 16, 17, 25, 63, 64, 65}) {
    shapes.push_back({m, 19, 23});
  }
  for (int64_t n :
       {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65, 127}) {
    shapes.push_back({5, n, 21});
  }
  for (int64_t k :
       {1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 255, 256, 257, 511, 512, 513, 1025}) {
    shapes.push_back({3, 18, k});
  }
  shapes.insert(shapes.end(), {{1, 1, 1}, {1, 1, 600}, {1, 600, 1}, {130, 1, 1}, {25, 545, 261}});
  return shapes;
}

enum class Kind { kNT, kNN, kTN };

struct Case {
  Kind kind;
  WeightType type = WeightType::kF32;
  bool bias = false;
  bool accumulate = false;
  int64_t gap = 0;
  Precision precision = Precision::kF32;
  // Of the operand that may have one, or (NN) the one whose gradient the result takes.
  std::optional<Activation> f = {};
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16, WeightType::kInt8}) {
    cases.push_back({.kind = Kind::kNT, .type = type});
    cases.push_back({.kind = Kind::kNT, .type = type, .bias = true, .gap = 3});
    cases.push_back({.kind = Kind::kNT, .type = type, .accumulate = true, .gap = 1});
    cases.push_back({.kind = Kind::kNN, .type = type, .gap = 2});
    cases.push_back({.kind = Kind::kNN, .type = type, .accumulate = true});
  }
  cases.push_back({.kind = Kind::kTN, .gap = 5});
  cases.push_back({.kind = Kind::kTN, .accumulate = true});
  for (const Activation f :
       {Activation::kRelu, Activation::kClippedRelu, Activation::kSilu, Activation::kGelu}) {
    cases.push_back({.kind = Kind::kNT, .bias = true, .f = f});
    cases.push_back({.kind = Kind::kNT, .type = WeightType::kInt8, .gap = 2, .f = f});
    cases.push_back({.kind = Kind::kNN, .accumulate = true, .gap = 2, .f = f});
    cases.push_back({.kind = Kind::kNN, .type = WeightType::kInt8, .f = f});
    cases.push_back({.kind = Kind::kTN, .accumulate = true, .gap = 2, .f = f});
  }
  const size_t in_f32 = cases.size();
  for (size_t i = 0; i < in_f32; ++i) {
    Case kase = cases[i];
    kase.precision = Precision::kBf16;
    // An activated operand is rounded after it: only Relu leaves what bf16 holds exactly.
    const bool exact = !kase.f || kase.kind == Kind::kNN || *kase.f == Activation::kRelu;
    if (kase.type == WeightType::kF32 && exact) cases.push_back(kase);
  }
  return cases;
}

// The operands of one case; C comes fresh from Start() for each run.
struct Problem {
  Problem(const Case& kase_in, const Shape& s)
      : kase(kase_in),
        shape(s),
        a(kase.kind == Kind::kTN ? RandomRows(s.k, s.m, kase.gap, 1)
                                 : RandomRows(s.m, s.k, kase.gap, 1)),
        a_stride((kase.kind == Kind::kTN ? s.m : s.k) + kase.gap),
        b(kase.kind == Kind::kNT ? Weight(kase.type, s.n, s.k, kase.gap, 2)
                                 : Weight(kase.type, s.k, s.n, kase.gap, 2)),
        bias(Random(s.n, 3)),
        through(RandomRows(s.m, s.n, 3, 5)) {
    if (kase.precision == Precision::kF32) return;
    // What bf16 holds exactly has the same products with and without tiles.
    for (std::vector<float>* operand : {&a, &b.f32}) {
      for (float& value : *operand) value = Bf16(value);
    }
  }

  std::vector<float> Start() const {
    std::vector<float> c = RandomRows(shape.m, shape.n, kase.gap, 4);
    if (!kase.accumulate) std::fill(c.begin(), c.end(), kNaN);
    return c;
  }

  std::vector<float> Run(const ThreadPool& pool) const {
    std::vector<float> c = Start();
    const KernelContext context{pool, kase.precision};
    const float* maybe_bias = kase.bias ? bias.data() : nullptr;
    const int64_t c_stride = shape.n + kase.gap;
    switch (kase.kind) {
      case Kind::kNT:
        MatmulNT(context, shape.m, a.data(), a_stride, b.view, maybe_bias, c.data(), c_stride,
                 kase.accumulate, kase.f);
        break;
      case Kind::kNN: {
        const ActivationGradient gradient = {kase.f.value_or(Activation::kRelu), through.data(),
                                             shape.n + 3};
        MatmulNN(context, shape.m, a.data(), a_stride, b.view, c.data(), c_stride, kase.accumulate,
                 kase.f ? &gradient : nullptr);
        break;
      }
      case Kind::kTN:
        MatmulTN(context, shape.m, shape.n, shape.k, a.data(), a_stride, b.f32.data(),
                 b.view.stride, c.data(), c_stride, kase.accumulate, kase.f);
    }
    return c;
  }

  std::vector<float> Activated(const std::vector<float>& values) const {
    if (!kase.f) return values;
    std::vector<double> exact(values.begin(), values.end());
    reference::ActivationForward(*kase.f, static_cast<int64_t>(exact.size()), exact.data(),
                                 exact.data());
    return {exact.begin(), exact.end()};
  }

  // Row i of C, [n], through the gradient of the activation.
  void TakeGradient(int64_t i, float* row) const {
    const float* x_row = through.data() + i * (shape.n + 3);
    const std::vector<double> x(x_row, x_row + shape.n);
    std::vector<double> dy(row, row + shape.n);
    reference::ActivationBackward(*kase.f, shape.n, x.data(), dy.data(), dy.data());
    std::copy(dy.begin(), dy.end(), row);
  }

  std::vector<float> RunReference() const {
    std::vector<float> c = Start();
    const float* maybe_bias = kase.bias ? bias.data() : nullptr;
    const int64_t c_stride = shape.n + kase.gap;
    switch (kase.kind) {
      case Kind::kNT:
        reference::MatmulNT(shape.m, Activated(a).data(), a_stride, b.view, maybe_bias, c.data(),
                            c_stride, kase.accumulate);
        break;
      case Kind::kNN:
        reference::MatmulNN(shape.m, a.data(), a_stride, b.view, c.data(), c_stride,
                            kase.accumulate);
        for (int64_t i = 0; kase.f && i < shape.m; ++i) TakeGradient(i, c.data() + i * c_stride);
        break;
      case Kind::kTN:
        reference::MatmulTN(shape.m, shape.n, shape.k, a.data(), a_stride, Activated(b.f32).data(),
                            b.view.stride, c.data(), c_stride, kase.accumulate);
    }
    return c;
  }

  Case kase;
  Shape shape;
  std::vector<float> a;
  int64_t a_stride;
  Weight b;
  std::vector<float> bias;
  std::vector<float> through;  // [m, n] with gaps: what the activation of NN was applied to
};

TEST(Matmul, MatchesTheReferenceForOddShapesTypesAndStrides) {
  const ThreadPool pool(1);
  for (const Case& kase : Cases()) {
    for (const Shape& shape : Shapes()) {
      SCOPED_TRACE(testing::Message() << "kind " << static_cast<int>(kase.kind) << " type "
                                      << static_cast<int>(kase.type) << " f "
                                      << (kase.f ? static_cast<int>(*kase.f) : -1) << " m "
                                      << shape.m << " n " << shape.n << " k " << shape.k);
      const Problem problem(kase, shape);
      const std::vector<float> expected = problem.RunReference();
      ForEachTarget([&] {
        const std::vector<float> c = problem.Run(pool);
        ExpectClose(c, expected, shape.k);
        ExpectGapsUntouched(c, shape.m, shape.n, kase.gap);
      });
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Matmul, TheNumberOfThreadsDoesNotChangeABit) {
  const ThreadPool one(1);
  const ThreadPool two(2);
  const ThreadPool three(3);
  for (const Case& kase : Cases()) {
    for (const Shape& shape : {Shape{7, 300, 90}, Shape{150, 40, 70}, Shape{61, 145, 301}}) {
      const Problem problem(kase, shape);
      ForEachTarget([&] {
        const std::vector<float> expected = problem.Run(one);
        EXPECT_TRUE(SameBits(problem.Run(two), expected));
        EXPECT_TRUE(SameBits(problem.Run(three), expected));
      });
    }
  }
}

TEST(Matmul, ARowDoesNotDependOnTheRowsBesideIt) {
  const ThreadPool pool(2);
  const KernelContext context{pool};
  for (const WeightType type : {WeightType::kF32, WeightType::kBf16, WeightType::kInt8}) {
    const int64_t m = 29, n = 147, k = 311;
    const std::vector<float> a = Random(m * k, 1);
    const Weight nt(type, n, k, 0, 2);
    const Weight nn(type, k, n, 0, 3);
    const std::vector<float> bias = Random(n, 4);
    ForEachTarget([&] {
      std::vector<float> all(m * n);
      std::vector<float> alone(n);
      MatmulNT(context, m, a.data(), k, nt.view, bias.data(), all.data(), n);
      for (int64_t i = 0; i < m; ++i) {
        MatmulNT(context, 1, a.data() + i * k, k, nt.view, bias.data(), alone.data(), n);
        EXPECT_EQ(std::memcmp(alone.data(), all.data() + i * n, n * sizeof(float)), 0) << i;
      }
      MatmulNN(context, m, a.data(), k, nn.view, all.data(), n);
      for (int64_t i = 0; i < m; ++i) {
        MatmulNN(context, 1, a.data() + i * k, k, nn.view, alone.data(), n);
        EXPECT_EQ(std::memcmp(alone.data(), all.data() + i * n, n * sizeof(float)), 0) << i;
      }
    });
  }
}

TEST(Matmul, AColumnDoesNotDependOnItsPlaceInAPanel) {
  const ThreadPool pool(1);
  const KernelContext context{pool};
  const int64_t m = 3, n = 37, k = 270;
  const std::vector<float> a = Random(m * k, 1);
  const std::vector<float> b = Random(n * k, 2);
  ForEachTarget([&] {
    std::vector<float> all(m * n);
    MatmulNT(context, m, a.data(), k, F32Weight(b.data(), n, k), nullptr, all.data(), n);
    for (int64_t j = 0; j < n; ++j) {
      std::vector<float> alone(m);
      MatmulNT(context, m, a.data(), k, F32Weight(b.data() + j * k, 1, k), nullptr, alone.data(),
               1);
      for (int64_t i = 0; i < m; ++i) EXPECT_EQ(alone[i], all[i * n + j]) << i << ", " << j;
    }
  });
}

TEST(Matmul, SmallIntegersAreExact) {
  const ThreadPool pool(2);
  const KernelContext context{pool};
  const int64_t m = 14, n = 35, k = 523;
  std::vector<float> a(m * k);
  std::vector<float> b(n * k);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i * 7 % 15) - 7.0f;
  for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i * 5 % 13) - 6.0f;
  std::vector<float> expected(m * n);
  reference::MatmulNT(m, a.data(), k, F32Weight(b.data(), n, k), nullptr, expected.data(), n);
  ForEachTarget([&] {
    std::vector<float> c(m * n);
    MatmulNT(context, m, a.data(), k, F32Weight(b.data(), n, k), nullptr, c.data(), n);
    EXPECT_EQ(c, expected);
  });
}

TEST(Matmul, Bf16RoundsOperandsToTheNearestEvenWhereTheCpuHasTiles) {
#ifdef HWY_COMPILE_ONLY_SCALAR
  GTEST_SKIP() << "the scalar build has no bf16 matrix tiles";
#endif
  if (!amx::Available()) GTEST_SKIP() << "this CPU has no bf16 matrix tiles";
  const ThreadPool pool(1);
  const KernelContext context{pool, Precision::kBf16};
  const int64_t n = 47;
  std::vector<float> one(n * n);
  for (int64_t i = 0; i < n; ++i) one[i * n + i] = 1.0f;
  std::vector<float> a = Random(n * n, 1);
  a[0] = 1.0f + 0x1p-8f;  // halfway, to even: down
  a[1] = 1.0f + 0x3p-8f;  // halfway, to even: up
  std::vector<float> rounded = a;
  for (float& value : rounded) value = Bf16(value);
  EXPECT_EQ(rounded[0], 1.0f);
  EXPECT_EQ(rounded[1], 1.0f + 0x4p-8f);
  std::vector<float> c(n * n);
  MatmulNN(context, n, a.data(), n, F32Weight(one.data(), n, n), c.data(), n);
  EXPECT_EQ(c, rounded);
  MatmulNT(context, n, one.data(), n, F32Weight(a.data(), n, n), nullptr, c.data(), n);
  for (int64_t i = 0; i < n * n; ++i) EXPECT_EQ(c[i], rounded[i % n * n + i / n]);
}

TEST(Matmul, AnEmptySumIsTheBiasOrNothing) {
  const ThreadPool pool(1);
  const KernelContext context{pool};
  const float a = 1.0f;
  const float b = 1.0f;
  const std::vector<float> bias = {1.0f, 2.0f, 3.0f};
  ForEachTarget([&] {
    std::vector<float> c(6, 5.0f);
    MatmulNT(context, 2, &a, 0, F32Weight(&b, 3, 0), bias.data(), c.data(), 3);
    EXPECT_EQ(c, (std::vector<float>{1, 2, 3, 1, 2, 3}));
    MatmulTN(context, 2, 3, 0, &a, 2, &b, 3, c.data(), 3, /*accumulate=*/true);
    EXPECT_EQ(c, (std::vector<float>{1, 2, 3, 1, 2, 3}));
    MatmulTN(context, 2, 3, 0, &a, 2, &b, 3, c.data(), 3);
    EXPECT_EQ(c, std::vector<float>(6, 0.0f));
    MatmulNT(context, 0, &a, 0, F32Weight(&b, 3, 1), bias.data(), c.data(), 3);
    MatmulNN(context, 2, &a, 0, F32Weight(&b, 1, 0), c.data(), 3);
    EXPECT_EQ(c, std::vector<float>(6, 0.0f));
  });
}

}  // namespace
}  // namespace masr

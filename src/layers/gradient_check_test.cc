// Every layer's backward pass against numeric derivatives of its forward pass.
#include <gtest/gtest.h>

#include "layers/testing/layer_cases.h"
#include "layers/testing/layer_harness.h"

namespace masr {
namespace {

using testing::Floats;
using testing::LayerRunner;

// The utterances have different lengths, one of them a single frame.
const std::vector<int64_t> kLengths = {9, 1, 14};

class GradientCheck : public ::testing::TestWithParam<testing::LayerCase> {};

// The derivative of sum(dy * y) by one value. Activations have kinks and f32 has noise, so that no
// single step is right for all: of differences to both sides and to either one, the nearest counts.
double NearestNumeric(const LayerRunner& runner, const Floats& x, const Floats& dy, float& value,
                      double expected) {
  const float before = value;
  const Floats here = runner.Forward(x);
  double best = std::numeric_limits<double>::infinity();
  const auto consider = [&](const Floats& above, const Floats& below, double step) {
    double difference = 0;
    for (size_t i = 0; i < dy.size(); ++i) {
      difference += static_cast<double>(dy[i]) * (static_cast<double>(above[i]) - below[i]);
    }
    const double numeric = difference / step;
    if (!(std::abs(numeric - expected) >= std::abs(best - expected))) best = numeric;
  };
  for (const double step : {1e-2, 3e-3, 1e-3, 3e-4}) {
    const auto high = static_cast<float>(before + step);
    const auto low = static_cast<float>(before - step);
    value = high;
    const Floats above = runner.Forward(x);
    value = low;
    const Floats below = runner.Forward(x);
    value = before;
    consider(above, below, static_cast<double>(high) - low);
    consider(above, here, static_cast<double>(high) - before);
    consider(here, below, static_cast<double>(before) - low);
  }
  return best;
}

void Check(const LayerRunner& runner, Floats& x, const Floats& dy, Floats& values,
           const Floats& gradient, const std::string& name) {
  ASSERT_EQ(values.size(), gradient.size());
  double largest = 0;
  for (float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  Rng rng(3);
  const size_t samples = std::min<size_t>(values.size(), 16);
  for (size_t s = 0; s < samples; ++s) {
    const size_t i = values.size() <= 16 ? s : rng.Below(values.size());
    const double numeric = NearestNumeric(runner, x, dy, values[i], gradient[i]);
    EXPECT_NEAR(gradient[i], numeric, 2e-3 + 5e-3 * largest) << name << " [" << i << "]";
  }
}

TEST_P(GradientCheck, EqualsNumericDerivatives) {
  auto net = testing::MakeNet(GetParam());
  ASSERT_TRUE(net.has_value()) << net.error().message;
  const testing::PassOptions options = {.trainable = net->TrainableFrom(0),
                                        .backward = true,
                                        .input_gradient = true,
                                        .stochastic = true};
  const auto runner = LayerRunner::Create(*net, kLengths, options);
  ASSERT_TRUE(runner.has_value()) << runner.error().message;
  Floats x = testing::RandomFloats(runner->plan().in.floats(), 8);
  const Floats dy = testing::RandomFloats(runner->plan().out.floats(), 9);
  const testing::PassResult pass = runner->Pass(x, dy);

  Check(*runner, x, dy, x, pass.dx, "x");
  for (ParameterId id = 0; id < net->table.size(); ++id) {
    const auto i = static_cast<size_t>(id);
    if (!net->table[id].trainable) continue;
    Check(*runner, x, dy, net->values[i], pass.gradients[i], net->table[id].name);
  }
}

// Gradients are added to what is there; dx is written.
TEST_P(GradientCheck, SumOverUtterancesEqualsTheBatch) {
  const auto net = testing::MakeNet(GetParam());
  ASSERT_TRUE(net.has_value());
  const testing::PassOptions options = {
      .trainable = net->TrainableFrom(0), .backward = true, .input_gradient = true};
  const auto batch = LayerRunner::Create(*net, kLengths, options);
  ASSERT_TRUE(batch.has_value());
  const Floats x = testing::RandomFloats(batch->plan().in.floats(), 8);
  const Floats dy = testing::RandomFloats(batch->plan().out.floats(), 9);
  const testing::PassResult together = batch->Pass(x, dy);

  std::vector<std::vector<double>> sums(net->values.size());
  for (size_t id = 0; id < sums.size(); ++id) sums[id].resize(together.gradients[id].size());
  for (size_t u = 0; u < kLengths.size(); ++u) {
    const LayerPlan& plan = batch->plan();
    const auto part = [u](const Floats& all, const SequenceShape& shape) {
      return Floats(all.begin() + shape.offsets[u] * shape.dim,
                    all.begin() + shape.offsets[u + 1] * shape.dim);
    };
    const auto alone = LayerRunner::Create(*net, {kLengths[u]}, options);
    ASSERT_TRUE(alone.has_value());
    const auto pass = alone->Pass(part(x, plan.in), part(dy, plan.out));
    const Floats dx = part(together.dx, plan.in);
    ASSERT_EQ(pass.dx.size(), dx.size());
    for (size_t i = 0; i < dx.size(); ++i) ASSERT_NEAR(pass.dx[i], dx[i], 1e-4) << u << ", " << i;
    for (size_t id = 0; id < sums.size(); ++id) {
      for (size_t i = 0; i < sums[id].size(); ++i) sums[id][i] += pass.gradients[id][i];
    }
  }
  for (size_t id = 0; id < sums.size(); ++id) {
    for (size_t i = 0; i < sums[id].size(); ++i) {
      ASSERT_NEAR(together.gradients[id][i], sums[id][i], 1e-4 * (1 + std::abs(sums[id][i])))
          << net->table[static_cast<ParameterId>(id)].name << " [" << i << "]";
    }
  }
}

class Pairs : public ::testing::TestWithParam<testing::LayerCase> {};

// Where B is zero: no bit of the forward pass, and nothing of what goes on down.
TEST_P(Pairs, ThatHaveLearnedNothingChangeNothing) {
  auto adapted = testing::MakeNet(GetParam());
  testing::LayerCase without = GetParam();
  without.adapter_rank = 0;
  auto plain = testing::MakeNet(without);
  ASSERT_TRUE(adapted.has_value() && plain.has_value());
  size_t shared = 0;
  size_t pairs = 0;
  for (ParameterId id = 0; id < adapted->table.size(); ++id) {
    const ParameterSpec& spec = adapted->table[id];
    Floats& values = adapted->values[static_cast<size_t>(id)];
    if (spec.adapts != kNoParameter) {
      const bool is_b = spec.name.ends_with("lora_b");
      EXPECT_TRUE(is_b || spec.name.ends_with("lora_a")) << spec.name;
      EXPECT_EQ(spec.adapts, id - (is_b ? 2 : 1));
      if (is_b) std::fill(values.begin(), values.end(), 0.0f);
      ++pairs;
      continue;
    }
    ASSERT_EQ(spec.name, plain->table[static_cast<ParameterId>(shared)].name);
    values = plain->values[shared++];
  }
  EXPECT_EQ(shared, plain->values.size());
  EXPECT_GT(pairs, 0u);
  const auto expected = testing::RunOnce(
      *plain, kLengths,
      {.trainable = plain->TrainableFrom(0), .backward = true, .input_gradient = true});
  const auto pass = testing::RunOnce(
      *adapted, kLengths,
      {.trainable = adapted->TrainableFrom(0), .backward = true, .input_gradient = true});
  ASSERT_TRUE(expected.has_value() && pass.has_value());
  EXPECT_EQ(pass->y, expected->y);
  for (size_t i = 0; i < pass->dx.size(); ++i) {
    ASSERT_NEAR(pass->dx[i], expected->dx[i], 1e-5 * (1 + std::abs(expected->dx[i])));
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, GradientCheck, ::testing::ValuesIn(testing::AllLayers()),
                         testing::CaseName());
INSTANTIATE_TEST_SUITE_P(Layers, Pairs, ::testing::ValuesIn(testing::AdaptedLayers()),
                         testing::CaseName());

}  // namespace
}  // namespace masr

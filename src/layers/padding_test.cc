// A batch is its utterances: no layer looks across their borders, and there is no padding.
#include <gtest/gtest.h>

#include "layers/testing/layer_cases.h"
#include "layers/testing/layer_harness.h"

namespace masr {
namespace {

using testing::Floats;
using testing::LayerRunner;

class Packing : public ::testing::TestWithParam<testing::LayerCase> {
 protected:
  void SetUp() override {
    auto made = testing::MakeNet(GetParam());
    ASSERT_TRUE(made.has_value()) << made.error().message;
    net_ = std::move(*made);
  }

  testing::TestNet net_;
};

Floats Rows(const Floats& all, const SequenceShape& shape, size_t utterance) {
  return Floats(all.begin() + shape.offsets[utterance] * shape.dim,
                all.begin() + shape.offsets[utterance + 1] * shape.dim);
}

TEST_P(Packing, ABatchEqualsItsUtterancesAlone) {
  const std::vector<int64_t> lengths = {17, 1, 40, 8, 2};
  const testing::PassOptions options;
  const auto batch = LayerRunner::Create(net_, lengths, options);
  ASSERT_TRUE(batch.has_value()) << batch.error().message;
  const Floats x = testing::RandomFloats(batch->plan().in.floats(), 1);
  const Floats y = batch->Forward(x);
  for (size_t u = 0; u < lengths.size(); ++u) {
    SCOPED_TRACE("utterance " + std::to_string(u));
    const auto alone = LayerRunner::Create(net_, {lengths[u]}, options);
    ASSERT_TRUE(alone.has_value());
    EXPECT_EQ(alone->plan().out.rows(), net_.layer->OutputFrames(lengths[u]));
    EXPECT_EQ(alone->plan().out.dim, net_.layer->out_dim());
    EXPECT_EQ(Rows(y, batch->plan().out, u), alone->Forward(Rows(x, batch->plan().in, u)));
  }
}

// With a gradient that is zero for one utterance, nothing of it reaches the input or the
// parameters.
TEST_P(Packing, NoGradientCrossesABorder) {
  const testing::PassOptions options = {
      .trainable = net_.TrainableFrom(0), .backward = true, .input_gradient = true};
  const auto runner = LayerRunner::Create(net_, {12, 9, 11}, options);
  ASSERT_TRUE(runner.has_value());
  const SequenceShape& in = runner->plan().in;
  const SequenceShape& out = runner->plan().out;
  Floats x = testing::RandomFloats(in.floats(), 1);
  Floats dy = testing::RandomFloats(out.floats(), 2);
  std::fill(dy.begin() + out.offsets[1] * out.dim, dy.begin() + out.offsets[2] * out.dim, 0.0f);
  const testing::PassResult before = runner->Pass(x, dy);
  for (float v : Rows(before.dx, in, 1)) EXPECT_EQ(v, 0.0f);

  for (int64_t i = in.offsets[1] * in.dim; i < in.offsets[2] * in.dim; ++i) {
    x[static_cast<size_t>(i)] += 1.0f;
  }
  const testing::PassResult after = runner->Pass(x, dy);
  EXPECT_EQ(Rows(before.dx, in, 0), Rows(after.dx, in, 0));
  EXPECT_EQ(Rows(before.dx, in, 2), Rows(after.dx, in, 2));
  EXPECT_EQ(before.gradients, after.gradients);
}

INSTANTIATE_TEST_SUITE_P(Layers, Packing, ::testing::ValuesIn(testing::AllLayers()),
                         testing::CaseName());

}  // namespace
}  // namespace masr

// What Plan promises: buffers that live long enough, and no more work and memory than what trains
// needs.
#include <gtest/gtest.h>

#include "layers/testing/layer_cases.h"
#include "layers/testing/layer_harness.h"

namespace masr {
namespace {

using testing::Floats;
using testing::PassOptions;
using testing::PassResult;

// Long enough that activations, not the convolutions' scratch, are most of a net's memory.
const std::vector<int64_t> kLayerLengths = {33, 12, 21};
const std::vector<int64_t> kNetLengths = {700, 12, 521};

PassResult MustRun(const testing::TestNet& net, const PassOptions& options) {
  auto result = testing::RunOnce(net, net.parts.size() > 1 ? kNetLengths : kLayerLengths, options);
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return result.has_value() ? std::move(*result) : PassResult{};
}

void ExpectFinite(const Floats& values, const std::string& name) {
  for (float v : values) {
    ASSERT_TRUE(std::isfinite(v)) << name << ": a buffer was read that nobody had written";
  }
}

class LayerPlanTest : public ::testing::TestWithParam<testing::LayerCase> {
 protected:
  void SetUp() override {
    auto made = testing::MakeNet(GetParam());
    ASSERT_TRUE(made.has_value()) << made.error().message;
    net_ = std::move(*made);
  }
  testing::TestNet net_;
};

TEST_P(LayerPlanTest, TrainsAnyOneParameterAlone) {
  const PassResult full =
      MustRun(net_, {.trainable = net_.TrainableFrom(0), .backward = true, .input_gradient = true});
  ExpectFinite(full.y, "y");
  ExpectFinite(full.dx, "dx");
  for (ParameterId id = 0; id < net_.table.size(); ++id) {
    if (!net_.table[id].trainable) continue;
    const auto i = static_cast<size_t>(id);
    std::vector<uint8_t> one(net_.values.size(), 0);
    one[i] = 1;
    for (const bool input_gradient : {false, true}) {
      const PassResult alone =
          MustRun(net_, {.trainable = one, .backward = true, .input_gradient = input_gradient});
      EXPECT_EQ(alone.gradients[i], full.gradients[i]) << net_.table[id].name;
      if (input_gradient) {
        EXPECT_EQ(alone.dx, full.dx) << net_.table[id].name;
      }
    }
  }
}

TEST_P(LayerPlanTest, PassesTheGradientThroughWhenAllIsFrozen) {
  const PassResult full =
      MustRun(net_, {.trainable = net_.TrainableFrom(0), .backward = true, .input_gradient = true});
  const PassResult frozen = MustRun(net_, {.trainable = std::vector<uint8_t>(net_.values.size(), 0),
                                           .backward = true,
                                           .input_gradient = true});
  EXPECT_EQ(frozen.dx, full.dx);
  EXPECT_LE(frozen.peak_bytes, full.peak_bytes);
}

TEST_P(LayerPlanTest, SharingBytesChangesNothing) {
  PassOptions options = {.trainable = net_.TrainableFrom(0),
                         .backward = true,
                         .input_gradient = true,
                         .stochastic = true};
  const PassResult shared = MustRun(net_, options);
  options.private_buffers = true;
  const PassResult own = MustRun(net_, options);
  EXPECT_EQ(shared.y, own.y);
  EXPECT_EQ(shared.dx, own.dx);
  EXPECT_EQ(shared.gradients, own.gradients);
  EXPECT_LE(shared.peak_bytes, own.peak_bytes);
}

TEST_P(LayerPlanTest, InferenceEqualsTrainingWithoutDropout) {
  const PassResult training =
      MustRun(net_, {.trainable = net_.TrainableFrom(0), .backward = true, .input_gradient = true});
  const PassResult inference = MustRun(net_, {});
  EXPECT_EQ(inference.y, training.y);
  EXPECT_LE(inference.peak_bytes, training.peak_bytes);
}

TEST_P(LayerPlanTest, ThreadsChangeNothing) {
  PassOptions options = {.trainable = net_.TrainableFrom(0),
                         .backward = true,
                         .input_gradient = true,
                         .stochastic = true};
  const PassResult one = MustRun(net_, options);
  options.threads = 3;
  const PassResult three = MustRun(net_, options);
  EXPECT_EQ(one.y, three.y);
  EXPECT_EQ(one.dx, three.dx);
  EXPECT_EQ(one.gradients, three.gradients);
}

INSTANTIATE_TEST_SUITE_P(Layers, LayerPlanTest, ::testing::ValuesIn(testing::AllLayers()),
                         testing::CaseName());

// An activation, and a dropout, lie where what they are applied to lay.
TEST(PlanTest, WhatRunsInPlaceTakesNoMemory) {
  const auto peak = [](const char* json, const PassOptions& options) {
    auto net = testing::MakeNet(nlohmann::json::parse(json), 8);
    EXPECT_TRUE(net.has_value()) << net.error().message;
    return MustRun(*net, options).peak_bytes;
  };
  const char* plain = R"([{"layer": "linear", "dim": 64}, {"layer": "linear", "dim": 4}])";
  const char* with = R"([{"layer": "linear", "dim": 64},
                         {"layer": "activation", "function": "relu"},
                         {"layer": "dropout", "probability": 0.1},
                         {"layer": "linear", "dim": 4}])";
  EXPECT_EQ(peak(with, {}), peak(plain, {}));
  const char* relu = R"([{"layer": "linear", "dim": 64},
                         {"layer": "activation", "function": "relu"},
                         {"layer": "linear", "dim": 4}])";
  const std::vector<uint8_t> all = {1, 1, 1, 1};
  EXPECT_EQ(peak(relu, {.trainable = all, .backward = true}),
            peak(plain, {.trainable = all, .backward = true}));
}

class NetPlanTest : public ::testing::TestWithParam<testing::NetCase> {
 protected:
  void SetUp() override {
    auto made = testing::MakeNet(nlohmann::json::parse(GetParam().json), GetParam().in_dim);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    net_ = std::move(*made);
  }
  testing::TestNet net_;
};

// Only the upper layers train: the same gradients for them, with less memory the fewer there are.
TEST_P(NetPlanTest, FrozenPrefixKeepsTheGradientsAndSavesMemory) {
  const PassResult full =
      MustRun(net_, {.trainable = net_.TrainableFrom(0), .backward = true, .stochastic = true});
  ExpectFinite(full.y, "y");
  int64_t peak = full.peak_bytes;
  for (size_t part = 1; part < net_.parts.size(); ++part) {
    SCOPED_TRACE("from layer " + std::to_string(part));
    const std::vector<uint8_t> trainable = net_.TrainableFrom(part);
    const PassResult top =
        MustRun(net_, {.trainable = trainable, .backward = true, .stochastic = true});
    EXPECT_EQ(top.y, full.y);
    for (size_t id = 0; id < trainable.size(); ++id) {
      ASSERT_EQ(top.gradients[id].empty(), trainable[id] == 0);
      if (trainable[id] == 0) continue;
      EXPECT_EQ(top.gradients[id], full.gradients[id])
          << net_.table[static_cast<ParameterId>(id)].name;
    }
    EXPECT_LE(top.peak_bytes, peak);
    peak = top.peak_bytes;
  }
  EXPECT_LT(peak, full.peak_bytes);
  EXPECT_LE(MustRun(net_, {}).peak_bytes, peak);
}

// Holes in what trains: a frozen layer between trainable ones passes the gradient on.
TEST_P(NetPlanTest, FrozenLayersInTheMiddleKeepTheGradients) {
  const PassResult full = MustRun(net_, {.trainable = net_.TrainableFrom(0), .backward = true});
  for (size_t hole = 0; hole < net_.parts.size(); ++hole) {
    std::vector<uint8_t> trainable = net_.TrainableFrom(0);
    for (ParameterId id = net_.parts[hole].first; id < net_.parts[hole].second; ++id) {
      trainable[static_cast<size_t>(id)] = 0;
    }
    const PassResult holed = MustRun(net_, {.trainable = trainable, .backward = true});
    for (size_t id = 0; id < trainable.size(); ++id) {
      if (trainable[id] == 0) continue;
      EXPECT_EQ(holed.gradients[id], full.gradients[id]) << hole;
    }
  }
}

TEST_P(NetPlanTest, SharingBytesAndThreadsChangeNothing) {
  PassOptions options = {.trainable = net_.TrainableFrom(0), .backward = true, .stochastic = true};
  const PassResult one = MustRun(net_, options);
  options.private_buffers = true;
  options.threads = 3;
  const PassResult other = MustRun(net_, options);
  EXPECT_EQ(one.y, other.y);
  EXPECT_EQ(one.gradients, other.gradients);
  EXPECT_LT(one.peak_bytes, other.peak_bytes);
}

TEST_P(NetPlanTest, DropoutIsDrawnFromTheStep) {
  const auto runs = [&](bool stochastic) {
    return MustRun(
        net_, {.trainable = net_.TrainableFrom(0), .backward = true, .stochastic = stochastic});
  };
  EXPECT_EQ(runs(true).gradients, runs(true).gradients);
  EXPECT_NE(runs(true).y, runs(false).y);
}

INSTANTIATE_TEST_SUITE_P(Nets, NetPlanTest, ::testing::ValuesIn(testing::AllNets()),
                         testing::CaseName());

}  // namespace
}  // namespace masr

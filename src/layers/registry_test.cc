#include "layers/registry.h"

#include <gtest/gtest.h>

#include "layers/testing/layer_cases.h"
#include "layers/testing/layer_harness.h"

namespace masr {
namespace {

std::string ErrorOf(const std::string& json, int64_t in_dim = 8) {
  ParameterTable table;
  const auto layer = MakeLayer(nlohmann::json::parse(json), "encoder layer 3", in_dim, table);
  if (layer.has_value()) return "";
  EXPECT_EQ(layer.error().code, ErrorCode::kInvalidArgument);
  return layer.error().message;
}

struct Refusal {
  const char* json;
  int64_t in_dim;
  const char* says;
};

TEST(Registry, BadDescriptionsAreRefusedWithAReason) {
  const Refusal refusals[] = {
      {R"([])", 8, "must be a JSON object"},
      {R"({})", 8, "'layer' is missing"},
      {R"({"layer": 3})", 8, "'layer' must be a string"},
      {R"({"layer": "lienar", "dim": 3})", 8, "no layer is called 'lienar'; known: activation"},
      {R"({"layer": "linear"})", 8, "'dim' is missing"},
      {R"({"layer": "linear", "dim": "7"})", 8, "'dim'"},
      {R"({"layer": "linear", "dim": 2.5})", 8, "'dim'"},
      {R"({"layer": "linear", "dim": 0})", 8, "'dim'"},
      {R"({"layer": "linear", "dim": 18446744073709551615})", 8, "'dim'"},
      {R"({"layer": "linear", "dim": 7, "bais": true})", 8, "unknown option 'bais'"},
      {R"({"layer": "linear", "dim": 7, "bias": 1})", 8, "'bias' must be true or false"},
      {R"({"layer": "linear", "dim": 7, "repeat": 0})", 8, "'repeat'"},
      {R"({"layer": "activation"})", 8, "'function' is missing"},
      {R"({"layer": "activation", "function": "tanh"})", 8, "must be one of: relu"},
      {R"({"layer": "glu"})", 7, "even"},
      {R"({"layer": "dropout", "probability": 1})", 8, "'probability'"},
      {R"({"layer": "layer_norm", "epsilon": 0})", 8, "'epsilon'"},
      {R"({"layer": "conv1d", "kernel": 3})", 8, "'channels' is missing"},
      {R"({"layer": "conv1d", "kernel": 3, "depthwise": true, "channels": 8})", 8,
       "unknown option 'channels'"},
      {R"({"layer": "conv1d", "kernel": 0, "channels": 8})", 8, "'kernel'"},
      {R"({"layer": "conv1d", "kernel": 3, "depthwise": true, "stride": 5})", 8, "'stride'"},
      {R"({"layer": "conv1d", "kernel": 255, "depthwise": true, "dilation": 64})", 8, "dilation"},
      {R"({"layer": "conv2d", "channels": 4, "time_kernel": 3, "frequency_kernel": 3,
           "in_channels": 3})",
       8, "'in_channels' must divide the input width 8"},
      {R"({"layer": "conv2d", "channels": 4, "time_kernel": 3, "frequency_kernel": 11,
           "frequency_padding": 0})",
       8, "wider than the 8 bins"},
      {R"({"layer": "self_attention", "heads": 3})", 8, "'heads' must divide the input width 8"},
      {R"({"layer": "self_attention", "heads": 1})", 7, "even"},
      {R"({"layer": "self_attention", "heads": 2, "positions": "absolute"})", 8,
       "must be one of: relative, none"},
      {R"({"layer": "conv1d", "kernel": 3, "channels": 6, "groups": 4})", 8,
       "'groups' must divide the widths 8 and 6"},
      {R"({"layer": "positional_conv", "groups": 3})", 8, "'groups' must divide the widths"},
      {R"({"layer": "transformer_block"})", 8, "'heads' is missing"},
      {R"({"layer": "transformer_block", "heads": 3})", 8, "'heads' must divide"},
      {R"({"layer": "transformer_block", "heads": 2, "norm": "both"})", 8,
       "must be one of: pre, post"},
      {R"({"layer": "feature_encoder", "channels": [4], "kernels": [3], "strides": [2]})", 1,
       "'norm' is missing"},
      {R"({"layer": "feature_encoder", "channels": [4], "kernels": [3, 3], "strides": [2],
           "norm": "layer"})",
       1, "one number per convolution"},
      {R"({"layer": "feature_encoder", "channels": [4.5], "kernels": [3], "strides": [2],
           "norm": "layer"})",
       1, "'channels' must be whole numbers"},
      {R"({"layer": "feature_encoder", "channels": [4], "kernels": [3], "strides": [99],
           "norm": "layer"})",
       1, "'strides' must be whole numbers from 1 to 16"},
      {R"({"layer": "recurrent", "hidden": 8, "cell": "rnn"})", 8, "must be one of: lstm, gru"},
      {R"({"layer": "conv_subsampling"})", 8, "'dim' is missing"},
      {R"({"layer": "conformer_block", "heads": 3})", 8, "'heads' must divide the input width 8"},
      {R"({"layer": "conformer_block", "conv_kernel": 4})", 8, "'conv_kernel' must be odd"},
      {R"({"layer": "conformer_block", "conv_norm": "group"})", 8, "must be one of: layer, batch"},
      {R"({"layer": "quartznet_block", "channels": 8, "kernel": 4})", 8, "'kernel' must be odd"},
      {R"({"layer": "conv_subsampling", "dim": 8, "convolutions": 5})", 8, "'convolutions'"},
      {R"({"layer": "quartznet_block", "channels": 8, "kernel": 3, "stride": 8, "residual": false})",
       8, "'stride'"},
      {R"({"layer": "quartznet_block", "channels": 8, "kernel": 255, "dilation": 64})", 8,
       "dilation"},
  };
  for (const Refusal& refusal : refusals) {
    const std::string message = ErrorOf(refusal.json, refusal.in_dim);
    EXPECT_NE(message.find("encoder layer 3"), std::string::npos) << refusal.json << message;
    EXPECT_NE(message.find(refusal.says), std::string::npos) << refusal.json << ": " << message;
  }
}

// Widths multiply: a list of harmless layers must not overflow the arithmetic of sizes.
TEST(Registry, WidthsAreBounded) {
  const auto wide = nlohmann::json::parse(
      R"({"layer": "conv2d", "channels": 65536, "time_kernel": 1, "frequency_kernel": 1})");
  ParameterTable table;
  int64_t dim = 80;
  std::string message;
  for (int i = 0; i < 8 && message.empty(); ++i) {
    const auto layer = MakeLayer(wide, "layer", dim, table);
    if (layer.has_value()) {
      dim = (*layer)->out_dim();
    } else {
      message = layer.error().message;
    }
  }
  EXPECT_NE(message.find("wide"), std::string::npos) << message;
  EXPECT_LT(dim, int64_t{1} << 32);
}

TEST(Registry, TheTestsOfThisFolderCoverEveryRow) {
  const std::string message = ErrorOf(R"({"layer": "?"})");
  const std::string key = "known: ";
  ASSERT_NE(message.find(key), std::string::npos);
  std::string known = message.substr(message.find(key) + key.size());
  int rows = 0;
  while (!known.empty()) {
    const size_t comma = known.find(", ");
    const std::string name = known.substr(0, comma);
    known = comma == std::string::npos ? "" : known.substr(comma + 2);
    const auto layers = testing::AllLayers();
    EXPECT_TRUE(std::any_of(layers.begin(), layers.end(), [&](const testing::LayerCase& layer) {
      return nlohmann::json::parse(layer.json)["layer"] == name;
    })) << name;
    ++rows;
  }
  EXPECT_GE(rows, 17);
}

TEST(Registry, ParametersAreNamedInOrderUnderThePrefix) {
  ParameterTable table;
  {
    const ParameterScope scope(table, "blocks.0");
    ASSERT_TRUE(MakeLayer(nlohmann::json::parse(R"({"layer": "quartznet_block", "channels": 6,
                          "kernel": 3, "convolutions": 1})"),
                          "layer", 4, table)
                    .has_value());
  }
  std::vector<std::string> names;
  for (const ParameterSpec& spec : table.specs()) names.push_back(spec.name);
  const std::string block = "blocks.0.residual.";
  const std::vector<std::string> expected = {block + "shortcut.pointwise.weight",
                                             block + "shortcut.norm.weight",
                                             block + "shortcut.norm.bias",
                                             block + "shortcut.norm.running_mean",
                                             block + "shortcut.norm.running_var",
                                             block + "0.depthwise.weight",
                                             block + "0.pointwise.weight",
                                             block + "0.norm.weight",
                                             block + "0.norm.bias",
                                             block + "0.norm.running_mean",
                                             block + "0.norm.running_var"};
  EXPECT_EQ(names, expected);
  EXPECT_FALSE(table[3].trainable);
  EXPECT_FALSE(table[4].trainable);
  EXPECT_TRUE(table[6].matrix);
}

TEST(Registry, ContainersSpanTheParametersOfTheirChildren) {
  for (const testing::LayerCase& layer : testing::AllLayers()) {
    const auto net = testing::MakeNet(nlohmann::json::parse(layer.json), layer.in_dim);
    ASSERT_TRUE(net.has_value()) << layer.name << net.error().message;
    EXPECT_EQ(net->layer->first_parameter(), 0) << layer.name;
    EXPECT_EQ(net->layer->end_parameter(), net->table.size()) << layer.name;
  }
}

TEST(Registry, AShortcutOfAnotherShapeIsRefused) {
  ParameterTable table;
  const auto make = [&](const char* json) {
    auto layer = MakeLayer(nlohmann::json::parse(json), "layer", 8, table);
    EXPECT_TRUE(layer.has_value());
    return std::move(*layer);
  };
  const SequenceShape in{{0, 10}, 8};
  LayerPlanner planner({}, false);
  const auto wider = MakeResidual(1.0f, make(R"({"layer": "linear", "dim": 9})"));
  const auto wider_plan = wider->Plan(in, {}, planner);
  ASSERT_FALSE(wider_plan.has_value());
  EXPECT_NE(wider_plan.error().message.find("9 and 8 wide"), std::string::npos)
      << wider_plan.error().message;
  const auto slower =
      MakeShortcut(make(R"({"layer": "conv1d", "channels": 8, "kernel": 3, "stride": 2})"),
                   make(R"({"layer": "conv1d", "channels": 8, "kernel": 3})"));
  EXPECT_FALSE(slower->Plan(in, {}, planner).has_value());
}

}  // namespace
}  // namespace masr

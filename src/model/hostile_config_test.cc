// Configurations that nobody means: refused with a reason, at once, and without taking memory.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/encoder.h"
#include "model/model.h"
#include "model/model_config.h"

namespace masr {
namespace {

using nlohmann::json;

json Layer(const std::string& name, json options) {
  options["layer"] = name;
  return options;
}

Result<Encoder> Create(const std::vector<json>& layers, int64_t characters = 1) {
  json list = json::array();
  for (int64_t i = 0; i < characters; ++i) list.push_back(std::to_string(i));
  const json config = {{"name", "test"}, {"characters", list}, {"encoder", layers}};
  auto parsed = ModelConfig::FromJson(config.dump(), "test");
  if (!parsed.has_value()) return tl::unexpected(std::move(parsed.error()));
  return Encoder::Create(*parsed);
}

void ExpectRefused(const std::vector<json>& layers, const std::string& says,
                   int64_t characters = 1) {
  const auto encoder = Create(layers, characters);
  ASSERT_FALSE(encoder.has_value()) << json(layers);
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(encoder.error().message.find(says), std::string::npos) << encoder.error().message;
}

TEST(HostileConfig, TooManyParameters) {
  ExpectRefused({Layer("linear", {{"dim", 65536}}), Layer("linear", {{"dim", 65536}})},
                "parameters");
  ExpectRefused({Layer("linear", {{"dim", 8192}, {"repeat", 1000}})}, "parameters");
  ExpectRefused({Layer("linear", {{"dim", 65536}}), Layer("conformer_block", {{"heads", 64}})},
                "parameters");
  ExpectRefused({Layer("conv1d", {{"channels", 65536}, {"kernel", 255}, {"repeat", 2}})},
                "parameters");
  // The layer to the tokens counts too.
  ExpectRefused({Layer("linear", {{"dim", 65536}})}, "parameters", /*characters=*/40'000);
}

TEST(HostileConfig, TooManyLayersAndTensors) {
  std::vector<json> dropouts;
  for (int i = 0; i < 5; ++i) {
    dropouts.push_back(Layer("dropout", {{"probability", 0.1}, {"repeat", 1000}}));
  }
  ExpectRefused(dropouts, "4096 layers");
  ExpectRefused({Layer("quartznet_block",
                       {{"channels", 1}, {"kernel", 1}, {"convolutions", 64}, {"repeat", 1000}})},
                "tensors");
}

TEST(HostileConfig, RepeatIsCheckedEvenIfItIsNotUsed) {
  for (const json& repeat :
       {json(0), json(-5), json(1001), json(UINT64_MAX), json(1.5), json("2")}) {
    ExpectRefused({Layer("linear", {{"dim", 4}, {"repeat", repeat}})}, "'repeat'");
  }
}

TEST(HostileConfig, FramesMayNotMultiply) {
  ExpectRefused({Layer("conv1d", {{"channels", 4}, {"kernel", 1}, {"padding", 1}})}, "padding");
  ExpectRefused(
      {Layer("conv2d",
             {{"channels", 4}, {"time_kernel", 3}, {"time_padding", 2}, {"frequency_kernel", 3}})},
      "padding");
  EXPECT_TRUE(
      Create({Layer("conv1d", {{"channels", 4}, {"kernel", 4}, {"padding", 2}})}).has_value());
}

TEST(HostileConfig, AnUtteranceThatVanishesOnTheWayIsTooShort) {
  const auto encoder = Create({Layer("conv1d", {{"channels", 4}, {"kernel", 5}, {"padding", 0}}),
                               Layer("self_attention", {{"heads", 1}}),
                               Layer("conv1d", {{"channels", 4}, {"kernel", 2}, {"padding", 1}})});
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_EQ(encoder->OutputFrames(5), 2);
  EXPECT_EQ(encoder->OutputFrames(4), 0);
  LayerPlanner planner({}, /*stochastic=*/false);
  EXPECT_FALSE(encoder->Plan({5, 4}, /*backward=*/false, planner).has_value());
}

TEST(HostileConfig, WidthsMayNotMultiply) {
  ExpectRefused(
      {Layer("conv2d",
             {{"channels", 65536}, {"time_kernel", 1}, {"frequency_kernel", 1}, {"repeat", 8}})},
      "wide");
}

// What the kernels' scratch memory holds.
TEST(HostileConfig, ShapesThatNoKernelTakes) {
  ExpectRefused({Layer("linear", {{"dim", 2050}}), Layer("self_attention", {{"heads", 2}})},
                "'heads'");
  ExpectRefused({Layer("linear", {{"dim", 4100}}), Layer("conformer_block", json::object())},
                "'heads'");
  const json wide =
      Layer("conv2d", {{"channels", 4096}, {"time_kernel", 1}, {"frequency_kernel", 1}});
  ExpectRefused({wide, Layer("batch_norm", json::object())}, "65536 wide");
  ExpectRefused({Layer("conv2d", {{"depthwise", true},
                                  {"in_channels", 1},
                                  {"time_kernel", 255},
                                  {"frequency_kernel", 255}})},
                "12000");
}

TEST(HostileConfig, ListsOfTheWrongKind) {
  for (const char* encoder : {"3", "\"linear\"", "{}", "[]", "null"}) {
    const auto config = ModelConfig::FromJson(
        std::string(R"({"name": "t", "characters": ["a"], "encoder": )") + encoder + "}", "test");
    ASSERT_FALSE(config.has_value()) << encoder;
    EXPECT_NE(config.error().message.find("'encoder'"), std::string::npos);
  }
  for (const json& entry : {json(), json(1), json("linear"), json::array({json::object()})}) {
    ExpectRefused({entry}, "must be a JSON object");
  }
}

Result<ModelConfig> WithPieces(const json& pieces) {
  return ModelConfig::FromJson(
      json({{"name", "test"}, {"pieces", pieces}, {"encoder", {Layer("linear", {{"dim", 2}})}}})
          .dump(),
      "test");
}

TEST(ConfigOfPieces, ComesBackAsItWas) {
  const auto config = WithPieces(
      {{"model", "unigram"}, {"texts", {" the", "s", "\u00e9"}}, {"scores", {-0.1, -2, 0}}});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->tokens(), 4);
  EXPECT_TRUE(config->characters.empty());
  const auto again = ModelConfig::FromJson(config->ToJson(), "test");
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_TRUE(again->SameTokens(*config));
  EXPECT_EQ(again->pieces.scores, (std::vector<float>{-0.1f, -2, 0}));
  const auto model = Model::Create(*config, 1);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->encoder.tokens(), model->vocabulary.size());
  EXPECT_EQ(model->vocabulary.token(1), " the");
}

TEST(ConfigOfPieces, BadOnesAreRefused) {
  EXPECT_FALSE(WithPieces(7).has_value());
  EXPECT_FALSE(WithPieces({{"model", "wordpiece"}, {"texts", {"a"}}, {"scores", {1}}}).has_value());
  for (const json& pieces :
       {json({{"model", "bpe"}, {"texts", {"a", "b"}}, {"scores", {-1}}}),
        json({{"model", "bpe"}, {"texts", {"a", "a"}}, {"scores", {-1, -1}}}),
        json({{"model", "bpe"}, {"texts", json::array()}, {"scores", json::array()}}),
        json({{"model", "bpe"}, {"texts", {"a"}}, {"scores", {1e99}}})}) {
    const auto config = WithPieces(pieces);
    ASSERT_TRUE(config.has_value()) << config.error().message;
    EXPECT_FALSE(Model::Create(*config, 1).has_value()) << pieces;
  }
}

}  // namespace
}  // namespace masr

#include "model/streaming.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/rng.h"
#include "model/feature_extractor.h"
#include "model/testing/golden_model.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

using PieceSize = std::function<size_t()>;

constexpr StreamingOptions kShort = {.left_s = 0.4, .chunk_s = 0.4, .right_s = 0.24};

// Noise whose level goes up and down, as that of speech does.
std::vector<float> Sound(const Model& model, double seconds, uint64_t seed = 1) {
  const int rate_hz = model.config.features.log_mel.sample_rate_hz;
  Rng rng(seed);
  std::vector<float> samples(static_cast<size_t>(seconds * rate_hz));
  for (size_t i = 0; i < samples.size(); ++i) {
    const double level = 0.02 + 0.3 * std::abs(std::sin(9.0 * static_cast<double>(i) / rate_hz));
    samples[i] = static_cast<float>(level * rng.Uniform(-1, 1));
  }
  return samples;
}

// Of a file at once, as without streaming.
std::vector<float> WholeRows(const Model& model, const ThreadPool& pool,
                             std::span<const float> samples) {
  const auto extractor = FeatureExtractor::Create(model.config.features);
  const std::vector<float> features = extractor->Features({samples.begin(), samples.end()});
  const int64_t frames = static_cast<int64_t>(features.size()) / extractor->width();
  Inference inference(model, pool);
  const auto logits = inference.Run({frames}, features);
  EXPECT_TRUE(logits.has_value());
  return logits->values;
}

Result<std::vector<float>> StreamRows(StreamingEncoder& encoder, std::span<const float> samples,
                                      const PieceSize& next_size) {
  std::vector<float> rows;
  int64_t count = 0;
  while (!samples.empty()) {
    const size_t n = std::min(samples.size(), next_size());
    MASR_TRY(const int64_t more, encoder.Push(samples.first(n), rows));
    count += more;
    EXPECT_EQ(count, encoder.stable_rows());
    samples = samples.subspan(n);
  }
  MASR_TRY(const int64_t rest, encoder.Finish(rows));
  EXPECT_EQ(static_cast<int64_t>(rows.size()), (count + rest) * encoder.tokens());
  return rows;
}

class Streaming : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto golden = testing::Golden::Load(GetParam());
    ASSERT_TRUE(golden.has_value()) << golden.error().message;
    model_ = std::make_unique<Model>(std::move(golden->model));
  }
  StreamingEncoder Make(const StreamingOptions& options = kShort) {
    auto encoder = StreamingEncoder::Create(*model_, pool_, options);
    EXPECT_TRUE(encoder.has_value()) << encoder.error().message;
    return std::move(*encoder);
  }

  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
};

TEST_P(Streaming, RowsDoNotDependOnThePieces) {
  StreamingEncoder encoder = Make();
  const std::vector<float> samples = Sound(*model_, 3.7);
  const auto whole = StreamRows(encoder, samples, [&] { return samples.size(); });
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  ASSERT_FALSE(whole->empty());
  Rng rng(2);
  for (const PieceSize& size :
       {PieceSize([] { return 1; }), PieceSize([] { return 160; }), PieceSize([] { return 4097; }),
        PieceSize([&] { return rng.Below(3000) + 1; })}) {
    const auto rows = StreamRows(encoder, samples, size);
    ASSERT_TRUE(rows.has_value());
    EXPECT_EQ(*rows, *whole);
  }
}

TEST_P(Streaming, AsManyRowsAsTheWholeFile) {
  StreamingEncoder encoder = Make();
  for (const double seconds : {0.5, 1.03, 1.04, 1.05, 1.44, 2.0, 3.333}) {
    const std::vector<float> samples = Sound(*model_, seconds);
    const auto rows = StreamRows(encoder, samples, [] { return 1000; });
    ASSERT_TRUE(rows.has_value());
    EXPECT_EQ(rows->size(), WholeRows(*model_, pool_, samples).size()) << seconds;
  }
}

TEST_P(Streaming, ShorterThanAWindowIsTheWholeFileToTheBit) {
  StreamingEncoder encoder = Make();
  for (const double seconds : {0.3, 0.9}) {
    const std::vector<float> samples = Sound(*model_, seconds);
    const auto rows = StreamRows(encoder, samples, [] { return 77; });
    ASSERT_TRUE(rows.has_value());
    EXPECT_EQ(*rows, WholeRows(*model_, pool_, samples)) << seconds;
  }
}

TEST_P(Streaming, LookingAtTheTailChangesNoStableRow) {
  StreamingEncoder encoder = Make();
  const std::vector<float> samples = Sound(*model_, 3.7);
  const auto unseen = StreamRows(encoder, samples, [] { return 300; });
  ASSERT_TRUE(unseen.has_value());

  std::vector<float> rows;
  int64_t looks = 0;
  for (size_t begin = 0; begin < samples.size(); begin += 300) {
    const std::vector<float> before = rows;
    ASSERT_TRUE(
        encoder
            .Push(std::span(samples).subspan(begin, std::min<size_t>(300, samples.size() - begin)),
                  rows)
            .has_value());
    ASSERT_TRUE(std::equal(before.begin(), before.end(), rows.begin()));
    const auto tail = encoder.Tail();
    ASSERT_TRUE(tail.has_value());
    ASSERT_EQ(tail->size() % encoder.tokens(), 0u);
    looks += tail->empty() ? 0 : 1;
  }
  EXPECT_GT(looks, 50);
  ASSERT_TRUE(encoder.Finish(rows).has_value());
  EXPECT_EQ(rows, *unseen);
}

TEST_P(Streaming, TheTailReachesToWhatWasHeard) {
  StreamingEncoder encoder = Make();
  const std::vector<float> samples = Sound(*model_, 2.5);
  std::vector<float> rows;
  ASSERT_TRUE(encoder.Push(samples, rows).has_value());
  const auto tail = encoder.Tail();
  ASSERT_TRUE(tail.has_value());
  const int64_t all = static_cast<int64_t>(rows.size() + tail->size()) / encoder.tokens();
  EXPECT_EQ(all * encoder.tokens(),
            static_cast<int64_t>(WholeRows(*model_, pool_, samples).size()));
  // A second look without news is the same without a run.
  const std::vector<float> first(tail->begin(), tail->end());
  const auto again = encoder.Tail();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(first, std::vector<float>(again->begin(), again->end()));
}

INSTANTIATE_TEST_SUITE_P(EveryEncoder, Streaming, ::testing::ValuesIn(testing::GoldenNames()),
                         [](const auto& param_info) { return param_info.param; });

Result<Model> OneLayer(const std::string& layer, const std::string& normalization = "utterance") {
  return testing::MakeModel(R"({"name": "one layer", "features": {"sample_rate_hz": 8000, "mels": 4,
                               "normalization": ")" +
                                normalization + R"("}, "characters": ["a"], "encoder": [)" + layer +
                                "]}",
                            1);
}

// With context enough on both sides, a convolution's windows are the whole.
TEST(StreamingEncoder, AConvolutionWithItsContextsIsExact) {
  const ThreadPool pool(1);
  for (const char* normalization : {"none", "running"}) {
    for (const char* layer :
         {R"({"layer": "conv1d", "channels": 4, "kernel": 9, "stride": 2})",
          R"({"layer": "conv1d", "channels": 4, "kernel": 9, "stride": 3, "padding": 0})"}) {
      const auto model = OneLayer(layer, normalization);
      ASSERT_TRUE(model.has_value()) << model.error().message;
      auto encoder = StreamingEncoder::Create(*model, pool, kShort);
      ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
      const std::vector<float> samples = Sound(*model, 3.1);
      const auto rows = StreamRows(*encoder, samples, [] { return 500; });
      ASSERT_TRUE(rows.has_value());
      EXPECT_EQ(*rows, WholeRows(*model, pool, samples)) << normalization << layer;
    }
  }
}

TEST(StreamingEncoder, NothingAndTooLittleGiveNoRows) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const ThreadPool pool(1);
  auto encoder = StreamingEncoder::Create(*model, pool, kShort);
  ASSERT_TRUE(encoder.has_value());
  std::vector<float> rows;
  EXPECT_EQ(*encoder->Finish(rows), 0);
  EXPECT_EQ(*encoder->Push({}, rows), 0);
  EXPECT_EQ(*encoder->Push(Sound(*model, 0.02), rows), 0);  // less than one feature window
  EXPECT_TRUE(encoder->Tail()->empty());
  EXPECT_FALSE(encoder->TailDue(false));
  EXPECT_EQ(*encoder->Finish(rows), 0);
  EXPECT_TRUE(rows.empty());
}

TEST(StreamingEncoder, FinishForgetsTheStream) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const ThreadPool pool(1);
  auto encoder = StreamingEncoder::Create(*model, pool, kShort);
  ASSERT_TRUE(encoder.has_value());
  const std::vector<float> samples = Sound(*model, 2.2, 1);
  const auto fresh = StreamRows(*encoder, samples, [] { return 100; });
  ASSERT_TRUE(StreamRows(*encoder, Sound(*model, 5.05, 2), [] { return 100; }).has_value());
  const auto after = StreamRows(*encoder, samples, [] { return 100; });
  EXPECT_EQ(*fresh, *after);
}

TEST(StreamingEncoder, TheTailIsDueSoonAfterSpeechBeginsAndThenMoreSeldom) {
  const auto model = testing::MakeModel(
      R"({"name": "many bins", "features": {"mels": 64}, "characters": ["a"],
          "encoder": [{"layer": "conv1d", "channels": 4, "kernel": 5, "stride": 4}]})",
      1);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const ThreadPool pool(1);
  auto encoder = StreamingEncoder::Create(*model, pool, {});
  ASSERT_TRUE(encoder.has_value());
  const int rate_hz = model->config.features.log_mel.sample_rate_hz;
  std::vector<float> samples = Sound(*model, 7);
  const auto speech = static_cast<size_t>(3 * rate_hz);
  Rng rng(3);
  for (size_t i = 0; i < speech; ++i) {  // a quiet room first
    samples[i] = static_cast<float>(1e-3 * rng.Uniform(-1, 1));
  }
  std::vector<double> looks_s;
  std::vector<float> rows;
  for (size_t begin = 0; begin < samples.size(); begin += 160) {
    ASSERT_TRUE(encoder->Push(std::span(samples).subspan(begin, 160), rows).has_value());
    const double heard_s = static_cast<double>(begin + 160) / rate_hz;
    const bool has_text = heard_s > 3.6;
    if (!encoder->TailDue(has_text)) continue;
    ASSERT_TRUE(encoder->Tail().has_value());
    looks_s.push_back(heard_s);
  }
  const auto between = [&](double begin_s, double end_s) {
    return std::count_if(looks_s.begin(), looks_s.end(),
                         [&](double s) { return s > begin_s && s <= end_s; });
  };
  // None in the quiet room; soon after speech begins, and often until there is text.
  EXPECT_EQ(between(0, 3.0), 0);
  const auto first = std::find_if(looks_s.begin(), looks_s.end(), [](double s) { return s > 3.0; });
  ASSERT_NE(first, looks_s.end());
  EXPECT_LE(*first, 3.2);
  EXPECT_GE(between(3.0, 3.6), 5);
  // With text, and a longer window, it is rarer.
  EXPECT_LE(between(3.6, 4.0), 2);
  EXPECT_GE(between(4.0, 7.0), 1);
  EXPECT_LE(between(4.0, 7.0), 6);
}

TEST(StreamingEncoder, RefusesTimesThatAreNone) {
  const auto model = testing::MakeTinyModel(1);
  ASSERT_TRUE(model.has_value());
  const ThreadPool pool(1);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const StreamingOptions& options :
       {StreamingOptions{.left_s = -1}, StreamingOptions{.chunk_s = 0},
        StreamingOptions{.right_s = nan}, StreamingOptions{.chunk_s = nan},
        StreamingOptions{.left_s = 1e9}, StreamingOptions{.tail_visits = 0}}) {
    const auto encoder = StreamingEncoder::Create(*model, pool, options);
    ASSERT_FALSE(encoder.has_value());
    EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(encoder.error().message.find("chunk_s"), std::string::npos);
  }
}

// Five samples a frame, then two: a row every ten. Its attention sees the whole window.
Result<Model> WaveModel() {
  return testing::MakeModel(
      R"({"name": "wave", "characters": ["a", "b"],
          "features": {"kind": "waveform", "sample_rate_hz": 4000},
          "encoder": [{"layer": "feature_encoder", "channels": [8, 8], "kernels": [10, 3],
                       "strides": [5, 2], "norm": "instance"},
                      {"layer": "positional_conv", "kernel": 6, "groups": 2},
                      {"layer": "transformer_block", "heads": 2, "feed_forward": 16}]})",
      3);
}

TEST(StreamingOfWaves, RowsDoNotDependOnThePiecesAndAreAsManyAsTheWholeFiles) {
  const auto model = WaveModel();
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const ThreadPool pool(1);
  auto encoder = StreamingEncoder::Create(*model, pool, kShort);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  EXPECT_DOUBLE_EQ(encoder->seconds_per_row(), 10.0 / 4000);
  const std::vector<float> samples = Sound(*model, 3.7031);
  const auto whole = StreamRows(*encoder, samples, [&] { return samples.size(); });
  ASSERT_TRUE(whole.has_value()) << whole.error().message;
  EXPECT_EQ(whole->size(), WholeRows(*model, pool, samples).size());
  for (const size_t piece : {1u, 160u, 4097u}) {
    const auto rows = StreamRows(*encoder, samples, [&] { return piece; });
    ASSERT_TRUE(rows.has_value());
    EXPECT_EQ(*rows, *whole) << piece;
  }
}

TEST(StreamingOfWaves, ShorterThanAWindowIsTheWholeFileToTheBit) {
  const auto model = WaveModel();
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const ThreadPool pool(1);
  auto encoder = StreamingEncoder::Create(*model, pool, kShort);
  ASSERT_TRUE(encoder.has_value()) << encoder.error().message;
  const std::vector<float> samples = Sound(*model, 1.0);
  const auto rows = StreamRows(*encoder, samples, [] { return 77; });
  ASSERT_TRUE(rows.has_value());
  EXPECT_EQ(*rows, WholeRows(*model, pool, samples));
}

TEST(StreamingEncoder, RefusesWhatCannotStreamAndSaysWhatWould) {
  const ThreadPool pool(1);
  // Each row spans 16^3 frames of 10 ms.
  const auto coarse = OneLayer(R"({"layer": "conv1d", "channels": 4, "kernel": 16, "stride": 16,
                                   "padding": 0, "repeat": 3})");
  ASSERT_TRUE(coarse.has_value()) << coarse.error().message;
  const auto no_rows = StreamingEncoder::Create(*coarse, pool, {});
  ASSERT_FALSE(no_rows.has_value());
  EXPECT_EQ(no_rows.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(no_rows.error().message.find("chunk"), std::string::npos);

  const auto ahead = OneLayer(R"({"layer": "conv1d", "channels": 4, "kernel": 101, "padding": 0})");
  ASSERT_TRUE(ahead.has_value()) << ahead.error().message;
  StreamingOptions options = kShort;
  const auto refused = StreamingEncoder::Create(*ahead, pool, options);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("1 s or more"), std::string::npos)
      << refused.error().message;
  options.right_s = 1;
  EXPECT_TRUE(StreamingEncoder::Create(*ahead, pool, options).has_value());
}

}  // namespace
}  // namespace masr

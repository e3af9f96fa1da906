#include "recognize/streaming_recognizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "ctc/greedy_decoder.h"
#include "model/testing/tiny_model.h"

namespace masr {
namespace {

constexpr StreamingOptions kShort = {.left_s = 0.4, .chunk_s = 0.4, .right_s = 0.24};

// Its only layer is the head. Loud features say 'a', others the blank, which the bias prefers.
Result<Model> LoudnessModel() {
  MASR_TRY(Model model, testing::MakeModel(
                            R"({"name": "loudness", "features": {"sample_rate_hz": 8000, "mels": 4,
                                  "normalization": "none"}, "characters": ["a"],
                                  "encoder": [{"layer": "activation", "function": "relu"}]})",
                            1));
  const ParameterTable& table = model.encoder.parameters();
  for (ParameterId id = 0; id < table.size(); ++id) {
    model.weights.MakeWritable(id);
    const auto values = model.weights.Writable(id);
    std::fill(values.begin(), values.end(), 0.0f);
    if (table[id].name == "head.bias") values[0] = 78;  // sums of bins: quiet 53, loud 103
    if (table[id].name == "head.weight") std::fill(values.begin() + 4, values.end(), 1.0f);
  }
  return model;
}

// Seconds of noise, loud, quiet, loud, quiet, ...
std::vector<float> Alternating(const std::vector<double>& seconds) {
  Rng rng(1);
  std::vector<float> samples;
  double level = 0.5;
  for (const double s : seconds) {
    for (int i = 0; i < static_cast<int>(8000 * s); ++i) {
      samples.push_back(static_cast<float>(level * rng.Uniform(-1, 1)));
    }
    level = level > 0.1 ? 1e-3 : 0.5;
  }
  return samples;
}

class Recognizer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = LoudnessModel();
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_ = std::make_unique<Model>(std::move(*model));
  }
  StreamingRecognizer Make() {
    auto encoder = StreamingEncoder::Create(*model_, pool_, kShort);
    EXPECT_TRUE(encoder.has_value());
    return {std::move(*encoder),
            TextDecoder(GreedyDecoder(model_->encoder.tokens(), Vocabulary::kBlank)), 0.5};
  }

  ThreadPool pool_{1};
  std::unique_ptr<Model> model_;
};

TEST_F(Recognizer, PausesEndSegments) {
  auto recognizer = Make();
  std::vector<SpokenSegment> segments;
  // The pause of 0.2 s is within a segment, that of 1 s is between two.
  const std::vector<float> samples = Alternating({0.5, 0.2, 0.5, 1.0, 0.5});
  ASSERT_TRUE(recognizer.Push(samples, segments).has_value());
  EXPECT_EQ(segments.size(), 1u);
  ASSERT_TRUE(recognizer.Finish(segments).has_value());
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].hypotheses[0].tokens, (std::vector<int32_t>{1, 1}));
  EXPECT_EQ(segments[1].hypotheses[0].tokens, (std::vector<int32_t>{1}));
  EXPECT_NEAR(segments[0].begin_s, 0, 0.03);
  EXPECT_NEAR(segments[0].end_s, 1.2, 0.03);
  EXPECT_NEAR(segments[1].begin_s, 2.2, 0.03);
  EXPECT_NEAR(segments[1].end_s, 2.7, 0.03);
}

TEST_F(Recognizer, SegmentsDoNotDependOnThePiecesNorOnPartialResults) {
  auto recognizer = Make();
  const std::vector<float> samples = Alternating({0.5, 0.2, 0.5, 1.0, 0.5, 0.7, 0.3});
  const auto hear = [&](size_t piece, bool partial) {
    std::vector<SpokenSegment> segments;
    for (size_t i = 0; i < samples.size(); i += piece) {
      EXPECT_TRUE(
          recognizer
              .Push(std::span(samples).subspan(i, std::min(piece, samples.size() - i)), segments)
              .has_value());
      EXPECT_TRUE(!partial || recognizer.Partial().has_value());
    }
    EXPECT_TRUE(recognizer.Finish(segments).has_value());
    return segments;
  };
  const auto whole = hear(samples.size(), false);
  ASSERT_EQ(whole.size(), 3u);
  for (const auto& segments : {hear(1, false), hear(400, true), hear(7777, true)}) {
    ASSERT_EQ(segments.size(), whole.size());
    for (size_t i = 0; i < whole.size(); ++i) {
      EXPECT_EQ(segments[i].hypotheses[0].tokens, whole[i].hypotheses[0].tokens);
      EXPECT_EQ(segments[i].begin_s, whole[i].begin_s);
      EXPECT_EQ(segments[i].end_s, whole[i].end_s);
      EXPECT_EQ(segments[i].rows, whole[i].rows);
      EXPECT_EQ(segments[i].rows_begin_s, whole[i].rows_begin_s);
    }
  }
}

TEST_F(Recognizer, APartialResultHasWhatIsNotStableYet) {
  auto recognizer = Make();
  std::vector<SpokenSegment> segments;
  ASSERT_TRUE(recognizer.Push(Alternating({0.2, 0.2, 0.2}), segments).has_value());
  EXPECT_TRUE(segments.empty());
  EXPECT_EQ(recognizer.encoder().stable_rows(), 0);
  EXPECT_EQ(*recognizer.Partial(), (std::vector<int32_t>{1, 1}));
}

TEST_F(Recognizer, ABeamHearsTheSegmentsThatGreedyDecodingDoes) {
  auto encoder = StreamingEncoder::Create(*model_, pool_, kShort);
  ASSERT_TRUE(encoder.has_value());
  const TextScorer scorer(model_->vocabulary, nullptr, {}, {});
  const BeamDecoder beam(scorer, model_->encoder.tokens(), Vocabulary::kBlank, {});
  StreamingRecognizer recognizer(std::move(*encoder), TextDecoder(beam), 0.5);
  std::vector<SpokenSegment> segments;
  ASSERT_TRUE(recognizer.Push(Alternating({0.5, 0.2, 0.5, 3.0, 0.5}), segments).has_value());
  ASSERT_TRUE(recognizer.Finish(segments).has_value());
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].hypotheses[0].tokens, (std::vector<int32_t>{1, 1}));
  EXPECT_EQ(segments[1].hypotheses[0].tokens, (std::vector<int32_t>{1}));
  // Of the long pause only the last rows are kept.
  EXPECT_NEAR(segments[1].rows_begin_s, 4.2 - 8 * recognizer.encoder().seconds_per_row(), 0.03);
}

TEST_F(Recognizer, SilenceAndNothingHaveNoSegment) {
  auto recognizer = Make();
  std::vector<SpokenSegment> segments;
  EXPECT_EQ(*recognizer.Finish(segments), 0);
  ASSERT_TRUE(recognizer.Push(std::vector<float>(40000), segments).has_value());
  EXPECT_EQ(*recognizer.Finish(segments), 498);  // a frame each 10 ms
  EXPECT_TRUE(segments.empty());
}

}  // namespace
}  // namespace masr

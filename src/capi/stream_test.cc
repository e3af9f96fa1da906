// Text while the sound arrives, and what is known of texts, on the shipped recogniser.
#include <algorithm>
#include <cmath>
#include <thread>

#include "capi/testing/capi_fixture.h"
#include "mobileasr/mobileasr.hpp"

namespace masr {
namespace {

const std::string kAssets = std::string(MASR_SOURCE_DIR) + "/assets";

std::string Joined(const std::vector<mobileasr::Word>& words) {
  std::string text;
  for (const mobileasr::Word& word : words) text += (text.empty() ? "" : " ") + word.text;
  return text;
}

class CapiStream : public ::testing::Test {
 protected:
  void SetUp() override {
    auto model = mobileasr::Model::Load(kAssets + "/tiny.masr", 1);
    ASSERT_TRUE(static_cast<bool>(model)) << model.error().message;
    model_.emplace(std::move(*model));
    auto samples = model_->ReadAudio(kAssets + "/general/00-flite-slt.ogg");
    ASSERT_TRUE(static_cast<bool>(samples)) << samples.error().message;
    samples_ = std::move(*samples);
  }

  void SetDecoding(const char* language_model, const char* hotwords, double boost = 0) {
    auto options = mobileasr::Make<masr_decoding_options>();
    options.language_model = language_model;
    options.hotwords = hotwords;
    options.hotword_boost = boost;
    const auto status = model_->SetDecoding(options);
    ASSERT_TRUE(static_cast<bool>(status)) << status.error().message;
  }
  // What masr_infer() says.
  std::string Inferred() {
    mobileasr::Speech speech;
    speech.AddAudio(samples_);
    auto heard = model_->Infer(speech);
    EXPECT_TRUE(static_cast<bool>(heard)) << heard.error().message;
    std::string text = heard->texts[0];
    text.erase(0, text.find_first_not_of(' '));
    return text.substr(0, text.find_last_not_of(' ') + 1);
  }
  mobileasr::Stream Listen(masr_stream_options options = mobileasr::Make<masr_stream_options>()) {
    auto stream = mobileasr::Stream::Create(*model_, options);
    EXPECT_TRUE(static_cast<bool>(stream)) << stream.error().message;
    return std::move(*stream);
  }
  mobileasr::Stream Whole(int32_t texts = 0) {
    auto options = mobileasr::Make<masr_stream_options>();
    options.whole = 1;
    options.texts = texts;
    return Listen(options);
  }
  // All of a sound, in pieces of this size.
  static std::vector<mobileasr::Segment> Hear(mobileasr::Stream& stream,
                                              const std::vector<float>& samples, size_t piece) {
    std::vector<mobileasr::Segment> segments;
    const auto take = [&](mobileasr::Result<mobileasr::StreamNews> news) {
      ASSERT_TRUE(static_cast<bool>(news)) << news.error().message;
      segments.insert(segments.end(), news->segments.begin(), news->segments.end());
    };
    for (size_t at = 0; at < samples.size(); at += piece) {
      take(stream.Push(samples.data() + at, std::min(piece, samples.size() - at)));
    }
    take(stream.Finish());
    return segments;
  }

  // The same, as a text.
  static std::string Read(mobileasr::Stream& stream, const std::vector<float>& samples) {
    std::string text;
    for (const mobileasr::Segment& segment : Hear(stream, samples, 16000)) {
      text += (text.empty() ? "" : " ") + segment.texts.at(0).text;
    }
    return text;
  }

  std::optional<mobileasr::Model> model_;
  std::vector<float> samples_;
};

TEST_F(CapiStream, AWholeRecordingReadsAsInferred) {
  auto stream = Whole();
  const auto segments = Hear(stream, samples_, samples_.size());
  ASSERT_EQ(segments.size(), 1u);
  const mobileasr::Segment& segment = segments[0];
  EXPECT_EQ(segment.texts.at(0).text, Inferred());
  EXPECT_FALSE(segment.texts[0].text.empty());
  EXPECT_EQ(segment.texts.size(), 1u);
  EXPECT_TRUE(std::isnan(segment.texts[0].confidence));
  EXPECT_EQ(Joined(segment.words), segment.texts[0].text);
  double last = 0;
  for (const mobileasr::Word& word : segment.words) {
    EXPECT_LE(last, word.begin_seconds);
    EXPECT_LT(word.begin_seconds, word.end_seconds);
    EXPECT_TRUE(std::isnan(word.confidence));
    last = word.end_seconds;
  }
  EXPECT_LE(last, static_cast<double>(samples_.size()) / 16000);
  EXPECT_GE(segment.begin_seconds, 0);
  EXPECT_GT(segment.end_seconds, segment.begin_seconds);
}

TEST_F(CapiStream, FinalTextDoesNotDependOnThePieces) {
  // Twice, with silence between: two segments, and sound enough for several windows.
  std::vector<float> sound = samples_;
  sound.resize(sound.size() + 40000);
  sound.insert(sound.end(), samples_.begin(), samples_.end());
  sound.resize(sound.size() + 64000);
  auto stream = Listen();
  const auto expected = Hear(stream, sound, sound.size());
  ASSERT_GE(expected.size(), 2u);
  for (const size_t piece : {size_t{321}, size_t{4000}}) {
    // The same stream, again and again: what has ended is forgotten.
    const auto segments = Hear(stream, sound, piece);
    ASSERT_EQ(segments.size(), expected.size());
    for (size_t s = 0; s < segments.size(); ++s) {
      EXPECT_EQ(segments[s].texts[0].text, expected[s].texts[0].text);
      EXPECT_EQ(segments[s].begin_seconds, expected[s].begin_seconds);
      EXPECT_EQ(segments[s].end_seconds, expected[s].end_seconds);
    }
  }
}

TEST_F(CapiStream, PartialTextComesBeforeTheEnd) {
  auto stream = Listen();
  double first_s = 0;
  std::string partial;
  for (size_t at = 0; at + 320 <= samples_.size(); at += 320) {
    const auto news = stream.Push(samples_.data() + at, 320);
    ASSERT_TRUE(static_cast<bool>(news)) << news.error().message;
    EXPECT_NEAR(news->seconds, static_cast<double>(at + 320) / 16000, 1e-6);
    if (!news->partial_due) continue;
    partial = *stream.Partial();
    if (!partial.empty() && first_s == 0) first_s = news->seconds;
  }
  EXPECT_GT(first_s, 0);
  EXPECT_LT(first_s, 1.5);
  const auto news = stream.Finish();
  ASSERT_EQ(news->segments.size(), 1u);
  // Shorter than the first window: the rows of the whole recording.
  EXPECT_EQ(news->segments[0].texts[0].text, Inferred());
}

TEST_F(CapiStream, ALanguageModelAndHotwordsChangeTheTexts) {
  const std::string greedy = Inferred();
  SetDecoding((kAssets + "/en.lm").c_str(), nullptr);
  const std::string likely = Inferred();
  EXPECT_NE(likely, greedy);
  auto stream = Whole(5);
  const auto segments = Hear(stream, samples_, 16000);
  ASSERT_EQ(segments.size(), 1u);
  const mobileasr::Segment& segment = segments[0];
  EXPECT_EQ(segment.texts.size(), 5u);
  EXPECT_EQ(segment.texts[0].text, likely);
  double sum = 0;
  for (size_t t = 0; t < segment.texts.size(); ++t) {
    if (t > 0) {
      EXPECT_LE(segment.texts[t].score, segment.texts[t - 1].score);
      EXPECT_NE(segment.texts[t].text, segment.texts[t - 1].text);
    }
    sum += segment.texts[t].confidence;
  }
  EXPECT_GT(sum, 0);
  EXPECT_LE(sum, 1 + 1e-9);
  for (const mobileasr::Word& word : segment.words) {
    EXPECT_GT(word.confidence, 0);
    EXPECT_LE(word.confidence, 1 + 1e-9);
  }

  // It hears "bout".
  ASSERT_EQ(greedy.find("little boat"), std::string::npos) << greedy;
  SetDecoding(nullptr, "# what is on the water\nlittle boat :2\n");
  EXPECT_NE(Inferred().find("little boat"), std::string::npos) << Inferred();
  SetDecoding(nullptr, "little boat", 2);
  EXPECT_NE(Inferred().find("little boat"), std::string::npos) << Inferred();
  // A stream keeps what it was made with.
  EXPECT_EQ(Read(stream, samples_), likely);
  ASSERT_TRUE(static_cast<bool>(model_->SetDecoding()));
  EXPECT_EQ(Inferred(), greedy);
  // So does loading again.
  SetDecoding(nullptr, "little boat", 2);
  ASSERT_EQ(masr_load(model_->handle(), (kAssets + "/tiny.masr").c_str()), MASR_OK);
  EXPECT_EQ(Inferred(), greedy);
}

TEST_F(CapiStream, SoundMayHaveAnotherRate) {
  std::vector<float> twice;  // at twice the rate: each sample again
  for (const float s : samples_) twice.insert(twice.end(), {s, s});
  auto options = mobileasr::Make<masr_stream_options>();
  options.sample_rate_hz = 32000;
  auto stream = Listen(options);
  const auto segments = Hear(stream, twice, 1001);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_FALSE(segments[0].texts[0].text.empty());
  EXPECT_LE(segments[0].end_seconds, static_cast<double>(samples_.size()) / 16000);
}

TEST_F(CapiStream, TheModelMayLearnAndLoadMeanwhile) {
  mobileasr::Speech speech;
  speech.AddAudio(samples_, "the little boat drifted slowly down the river");
  auto stream = Whole();
  ASSERT_TRUE(static_cast<bool>(stream.Push(samples_)));
  const std::string before = Inferred();
  auto lora = mobileasr::Make<masr_training_options>();
  lora.tuning = MASR_TUNE_LORA;
  lora.learning_rate = 3e-3;
  ASSERT_TRUE(static_cast<bool>(model_->Configure(lora)));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(static_cast<bool>(model_->Train(speech)));
  const std::string learned = Inferred();
  ASSERT_NE(learned, before);
  const auto news = stream.Finish();
  ASSERT_EQ(news->segments.size(), 1u);
  EXPECT_EQ(news->segments[0].texts[0].text, learned);
  // What was there when the stream was made stays its own.
  ASSERT_EQ(masr_load(model_->handle(), (kAssets + "/tiny.masr").c_str()), MASR_OK);
  EXPECT_EQ(Read(stream, samples_), learned);
  EXPECT_EQ(Inferred(), before);
}

TEST_F(CapiStream, CancellingForgets) {
  auto stream = Whole();
  ASSERT_TRUE(static_cast<bool>(stream.Push(samples_)));
  model_->SetCancelled(true);
  EXPECT_EQ(stream.Push(samples_).error().status, MASR_CANCELLED);
  EXPECT_EQ(stream.Partial().error().status, MASR_CANCELLED);
  EXPECT_EQ(stream.Finish().error().status, MASR_CANCELLED);
  model_->SetCancelled(false);
  EXPECT_TRUE(stream.Finish()->segments.empty());
  EXPECT_EQ(Read(stream, samples_), Inferred());
}

TEST_F(CapiStream, WhatIsTooShortHasNoText) {
  auto stream = Listen();
  EXPECT_TRUE(stream.Finish()->segments.empty());
  EXPECT_TRUE(Hear(stream, std::vector<float>(100, 0.1f), 50).empty());
  EXPECT_TRUE(static_cast<bool>(stream.Push(nullptr, 0)));
  EXPECT_EQ(*stream.Partial(), "");
}

TEST_F(CapiStream, WrongArgumentsAreRefused) {
  masr_model* model = model_->handle();
  masr_stream* none = nullptr;
  EXPECT_EQ(masr_stream_create(nullptr, nullptr, &none), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_stream_create(model, nullptr, nullptr), MASR_INVALID_ARGUMENT);
  masr_stream_destroy(nullptr);
  EXPECT_EQ(masr_stream_push(nullptr, nullptr, 0, nullptr), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_stream_partial(nullptr, nullptr), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_stream_finish(nullptr, nullptr), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_set_decoding(nullptr, nullptr), MASR_INVALID_ARGUMENT);

  const auto refused = [&](const char* message, auto change) {
    auto options = mobileasr::Make<masr_stream_options>();
    change(options);
    const auto stream = mobileasr::Stream::Create(*model_, options);
    EXPECT_EQ(stream.error().status, MASR_INVALID_ARGUMENT) << message;
    EXPECT_NE(stream.error().message.find(message), std::string::npos) << stream.error().message;
  };
  refused("struct_size", [](auto& o) { o.struct_size = 3; });
  refused("sample rate", [](auto& o) { o.sample_rate_hz = 7; });
  refused("pause_seconds", [](auto& o) { o.pause_seconds = -1; });
  refused("texts", [](auto& o) { o.texts = -1; });
  refused("", [](auto& o) { o.chunk_seconds = -4; });
  refused("", [](auto& o) { o.left_seconds = std::nan(""); });

  const auto not_decoded = [&](masr_status status, const char* message, auto change) {
    auto options = mobileasr::Make<masr_decoding_options>();
    change(options);
    const auto done = model_->SetDecoding(options);
    EXPECT_EQ(done.error().status, status) << message;
    EXPECT_NE(done.error().message.find(message), std::string::npos) << done.error().message;
  };
  SetDecoding(nullptr, "little boat", 2);
  const std::string before = Inferred();
  const std::string model_file = kAssets + "/tiny.masr";
  not_decoded(MASR_NOT_FOUND, "/no/such", [](auto& o) { o.language_model = "/no/such"; });
  not_decoded(MASR_CORRUPT, "tiny.masr", [&](auto& o) { o.language_model = model_file.c_str(); });
  not_decoded(MASR_INVALID_ARGUMENT, "hotwords", [](auto& o) { o.hotwords = "agent 7"; });
  not_decoded(MASR_INVALID_ARGUMENT, "beam", [](auto& o) { o.beam = -1; });
  not_decoded(MASR_INVALID_ARGUMENT, "-1000", [](auto& o) { o.word_score = std::nan(""); });
  not_decoded(MASR_INVALID_ARGUMENT, "struct_size", [](auto& o) { o.struct_size = 1; });
  EXPECT_EQ(Inferred(), before);

  auto stream = Whole();
  ASSERT_TRUE(static_cast<bool>(stream.Push(samples_)));
  EXPECT_EQ(masr_stream_push(stream.handle(), nullptr, 5, nullptr), MASR_INVALID_ARGUMENT);
  const auto bad = stream.Push({0.0f, NAN});
  EXPECT_EQ(bad.error().status, MASR_INVALID_ARGUMENT);
  EXPECT_NE(bad.error().message.find("sample 1"), std::string::npos) << bad.error().message;
  masr_stream_news small = {.struct_size = 1};
  EXPECT_EQ(masr_stream_push(stream.handle(), nullptr, 0, &small), MASR_INVALID_ARGUMENT);
  // All of which has changed nothing.
  const auto news = stream.Finish();
  ASSERT_EQ(news->segments.size(), 1u);
  EXPECT_EQ(news->segments[0].texts[0].text, before);
  auto segment = mobileasr::Make<masr_segment>();
  auto word = mobileasr::Make<masr_word>();
  auto text = mobileasr::Make<masr_text>();
  EXPECT_EQ(masr_segment_at(stream.handle(), 0, &segment), MASR_OK);
  EXPECT_EQ(masr_segment_at(stream.handle(), 1, &segment), MASR_NOT_FOUND);
  EXPECT_EQ(masr_word_at(stream.handle(), 0, segment.words, &word), MASR_NOT_FOUND);
  EXPECT_EQ(masr_word_at(stream.handle(), 1, 0, &word), MASR_NOT_FOUND);
  EXPECT_EQ(masr_text_at(stream.handle(), 0, segment.texts, &text), MASR_NOT_FOUND);
  EXPECT_EQ(masr_segment_at(stream.handle(), 0, nullptr), MASR_INVALID_ARGUMENT);

  masr_model* empty = nullptr;
  ASSERT_EQ(masr_model_create(nullptr, &empty), MASR_OK);
  EXPECT_EQ(masr_stream_create(empty, nullptr, &none), MASR_INVALID_ARGUMENT);
  EXPECT_NE(std::string(masr_model_error(empty)).find("masr_load"), std::string::npos);
  EXPECT_EQ(masr_set_decoding(empty, nullptr), MASR_INVALID_ARGUMENT);
  masr_model_destroy(empty);
}

}  // namespace
}  // namespace masr

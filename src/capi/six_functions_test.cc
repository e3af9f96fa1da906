// train, infer, loss, save, restore through the border.
#include <cmath>
#include <limits>
#include <thread>

#include "audio/feature_stream.h"
#include "capi/testing/capi_fixture.h"
#include "io/file.h"

namespace masr {
namespace {

class CapiSixFunctions : public testing::CapiFixture {};
using testing::MakeToyConformer;
using testing::ModelHandle;
using testing::ToyBatch;

// What infer says, with buffers of the sizes that it asks for.
struct Heard {
  std::vector<float> probabilities;
  std::vector<int64_t> rows;
  std::string texts;
};
Heard Hear(const ModelHandle& model, const masr_speech& speech) {
  masr_inference inference = {.struct_size = sizeof(inference)};
  EXPECT_EQ(masr_infer(model.get(), &speech, &inference), MASR_OK) << masr_model_error(model.get());
  Heard heard;
  heard.probabilities.resize(inference.probabilities_count);
  heard.rows.resize(speech.count);
  heard.texts.resize(inference.texts_bytes);
  inference.probabilities = heard.probabilities.data();
  inference.rows = heard.rows.data();
  inference.texts = heard.texts.data();
  EXPECT_EQ(masr_infer(model.get(), &speech, &inference), MASR_OK) << masr_model_error(model.get());
  heard.probabilities.resize(inference.probabilities_count);
  heard.texts.resize(inference.texts_bytes);
  return heard;
}

TEST_F(CapiSixFunctions, LearnWhatTheyAreTaught) {
  const ModelHandle model = Loaded(2);
  Configure(model, {.learning_rate = 5e-3});
  const ToyBatch batch(8);
  double before = 0;
  std::vector<float> each(8);
  ASSERT_EQ(masr_loss(model.get(), &batch.speech, &before, each.data()), MASR_OK);
  double sum = 0;
  size_t letters = 0;
  for (float loss : each) sum += loss;
  for (const std::string& word : batch.words) letters += word.size();
  EXPECT_NEAR(before, sum / static_cast<double>(letters), 1e-6);
  for (int i = 0; i < 150; ++i) {
    ASSERT_EQ(masr_train(model.get(), &batch.speech, nullptr), MASR_OK);
  }
  double after = 0;
  ASSERT_EQ(masr_loss(model.get(), &batch.speech, &after, nullptr), MASR_OK);
  EXPECT_LT(after, 0.2 * before);
  std::string expected;
  for (const std::string& word : batch.words) expected += word + '\0';
  EXPECT_EQ(Hear(model, batch.speech).texts, expected);
}

TEST_F(CapiSixFunctions, TheLossIsOfThisModelAndChangesNothing) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(3);
  double first = 0;
  double second = 0;
  ASSERT_EQ(masr_loss(model.get(), &batch.speech, &first, nullptr), MASR_OK);
  ASSERT_EQ(masr_loss(model.get(), &batch.speech, &second, nullptr), MASR_OK);
  EXPECT_EQ(first, second);
  EXPECT_EQ(Describe(model).steps, 0);
  Train(model, 1);
  ASSERT_EQ(masr_loss(model.get(), &batch.speech, &second, nullptr), MASR_OK);
  EXPECT_NE(first, second);
}

TEST_F(CapiSixFunctions, ProbabilitiesAreAMatrixOfThem) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(40);  // more than is computed at a time
  const Heard heard = Hear(model, batch.speech);
  int64_t rows = 0;
  for (int64_t r : heard.rows) rows += r;
  ASSERT_EQ(std::ssize(heard.probabilities), 4 * rows);
  for (int64_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (int64_t k = 0; k < 4; ++k) {
      const float p = heard.probabilities[static_cast<size_t>(4 * r + k)];
      EXPECT_GE(p, 0);
      sum += p;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  // Utterances do not know of each other.
  const ToyBatch alone(1);
  const Heard one = Hear(model, alone.speech);
  EXPECT_EQ(one.probabilities,
            std::vector<float>(heard.probabilities.begin(),
                               heard.probabilities.begin() + std::ssize(one.probabilities)));
}

TEST_F(CapiSixFunctions, BuffersThatAreTooSmallAreToldTheirSize) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(2);
  std::vector<float> floats(3, -1.0f);
  char text[2] = {'?', '?'};
  masr_inference inference = {.struct_size = sizeof(inference),
                              .probabilities = floats.data(),
                              .probabilities_count = floats.size()};
  ExpectError(model, masr_infer(model.get(), &batch.speech, &inference), MASR_BUFFER_TOO_SMALL,
              "too small");
  EXPECT_EQ(inference.probabilities_count, static_cast<size_t>(4 * inference.total_rows));
  EXPECT_EQ(floats, std::vector<float>(3, -1.0f));
  inference = {.struct_size = sizeof(inference), .texts = text, .texts_bytes = sizeof(text)};
  EXPECT_EQ(masr_infer(model.get(), &batch.speech, &inference), MASR_BUFFER_TOO_SMALL);
  EXPECT_GT(inference.texts_bytes, 2u);
  EXPECT_EQ(text[0], '?');
}

TEST_F(CapiSixFunctions, FeaturesAreAsGoodAsAudio) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(2);
  const FeatureConfig config = MakeToyConformer().config.features;
  const auto log_mel = LogMel::Create(config.log_mel);
  std::vector<float> features;
  std::vector<int64_t> frames;
  const float* at = batch.samples.data();
  for (int64_t length : batch.lengths) {
    std::vector<float> own = log_mel->ComputeAll({at, static_cast<size_t>(length)});
    frames.push_back(std::ssize(own) / 12);
    NormalizeFeatures(config.normalization, frames.back(), 12, own.data());
    features.insert(features.end(), own.begin(), own.end());
    at += length;
  }
  masr_speech speech = batch.speech;
  speech.audio = nullptr;
  speech.features = features.data();
  speech.lengths = frames.data();
  EXPECT_EQ(Hear(model, speech).probabilities, Hear(model, batch.speech).probabilities);
}

TEST_F(CapiSixFunctions, OtherRatesAreConverted) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(1);
  std::vector<float> twice;
  for (float s : batch.samples) twice.insert(twice.end(), 2, s);
  const int64_t length = std::ssize(twice);
  masr_speech speech = batch.speech;
  speech.audio = twice.data();
  speech.lengths = &length;
  speech.sample_rate_hz = 2 * testing::kToyRateHz;
  const Heard heard = Hear(model, speech);
  EXPECT_NEAR(static_cast<double>(heard.rows[0]),
              static_cast<double>(Hear(model, batch.speech).rows[0]), 1);
  speech.sample_rate_hz = 7;
  ExpectError(model, masr_loss(model.get(), &speech, nullptr, nullptr), MASR_INVALID_ARGUMENT,
              "sample rate");
}

TEST_F(CapiSixFunctions, SpeechThatCannotBeIsRefusedByItsNumber) {
  const ModelHandle model = Loaded();
  ToyBatch batch(2);
  const masr_speech good = batch.speech;
  const auto refused = [&](const char* message) {
    ExpectError(model, masr_train(model.get(), &batch.speech, nullptr), MASR_INVALID_ARGUMENT,
                message);
    batch.speech = good;
  };
  batch.speech.count = 0;
  refused("no utterance");
  batch.speech.audio = nullptr;
  refused("either audio or features");
  batch.speech.features = batch.samples.data();
  refused("either audio or features");
  batch.speech.lengths = nullptr;
  refused("lengths");
  batch.speech.texts = nullptr;
  refused("texts");
  int64_t lengths[] = {batch.lengths[0], -5};
  batch.speech.lengths = lengths;
  refused("utterance 1: its length is -5");
  lengths[1] = int64_t{1} << 60;
  batch.speech.lengths = lengths;
  refused("utterance 1: its length");
  lengths[1] = 100;  // less than a window
  batch.speech.lengths = lengths;
  refused("utterance 1: too short");
  const char* texts[] = {"ab", "a7"};
  batch.speech.texts = texts;
  refused("utterance 1: text");
  const std::string endless(500, 'a');
  texts[1] = endless.c_str();
  batch.speech.texts = texts;
  refused("utterance 1: text needs");
  texts[1] = nullptr;
  batch.speech.texts = texts;
  refused("utterance 1: its text");
  batch.samples[static_cast<size_t>(batch.lengths[0]) + 3] =
      std::numeric_limits<float>::quiet_NaN();
  refused("utterance 1: sample 3");
  EXPECT_EQ(Describe(model).steps, 0);
}

TEST_F(CapiSixFunctions, ThreadsChangeNoBit) {
  std::vector<std::vector<float>> expected;
  for (const int threads : {1, 3}) {
    const ModelHandle model = Loaded(threads);
    Train(model, 3);
    if (expected.empty()) expected = Weights(model);
    EXPECT_EQ(Weights(model), expected) << threads << " threads";
  }
}

// Of all there is to remember: pairs, moments in bytes, micro-batches, a seed, a changed rate.
TEST_F(CapiSixFunctions, WhatIsRestoredGoesOnToTheSameBits) {
  const std::string checkpoint = folder_ / "checkpoint";
  for (const masr_training_options& options :
       {masr_training_options{.seed = 7},
        masr_training_options{.freeze_blocks = 1, .tuning = MASR_TUNE_VECTORS},
        masr_training_options{.tuning = MASR_TUNE_ADAPTERS, .adapter_width = 3},
        masr_training_options{.tuning = MASR_TUNE_LORA,
        .lora_rank = 2,
        .optimizer_bits = 8,
        .parts = 2,
        .micro_batch_seconds = 1,
        .seed = uint64_t{1} << 63}}) {
    const ModelHandle whole = Loaded();
    Configure(whole, options);
    Train(whole, 3);
    ASSERT_EQ(masr_set_learning_rate(whole.get(), 2e-3), MASR_OK);
    ASSERT_EQ(masr_save(whole.get(), checkpoint.c_str()), MASR_OK);
    const std::vector<double> losses = Train(whole, 3, 3);
    const ModelHandle other = Loaded(2);  // has never heard of the options
    ASSERT_EQ(masr_restore(other.get(), checkpoint.c_str()), MASR_OK)
        << masr_model_error(other.get());
    EXPECT_EQ(Describe(other).steps, 3);
    EXPECT_EQ(Train(other, 3, 3), losses);
    EXPECT_EQ(Weights(other), Weights(whole));
    // And where it was: the same handle goes back.
    ASSERT_EQ(masr_restore(whole.get(), checkpoint.c_str()), MASR_OK);
    EXPECT_EQ(Train(whole, 3, 3), losses);
  }
}

TEST_F(CapiSixFunctions, WrongCheckpointsAreRefusedAndChangeNothing) {
  const std::string checkpoint = folder_ / "checkpoint";
  const ModelHandle model = Loaded();
  Train(model, 2);
  ASSERT_EQ(masr_save(model.get(), checkpoint.c_str()), MASR_OK);
  Train(model, 1);
  const auto weights = Weights(model);
  const std::string whole = *ReadTextFile(checkpoint);
  const std::string damaged = folder_ / "damaged";
  const ModelHandle fresh = Loaded();
  const ToyBatch batch(2);
  const Heard heard = Hear(fresh, batch.speech);
  for (size_t at = 0; at < whole.size(); at += whole.size() / 40 + 1) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    ASSERT_TRUE(ReplaceFile(damaged, bytes).has_value());
    for (const ModelHandle* handle : {&model, &fresh}) {
      const masr_status status = masr_restore(handle->get(), damaged.c_str());
      EXPECT_TRUE(status == MASR_CORRUPT || status == MASR_INVALID_ARGUMENT)
          << at << ": " << masr_status_name(status);
      EXPECT_NE(std::string(masr_model_error(handle->get())).find(damaged), std::string::npos)
          << at << ": " << masr_model_error(handle->get());
    }
  }
  ASSERT_TRUE(ReplaceFile(damaged, whole.substr(0, whole.size() / 2)).has_value());
  ExpectError(model, masr_restore(model.get(), damaged.c_str()), MASR_CORRUPT, damaged);
  ExpectError(model, masr_restore(model.get(), "/no/such"), MASR_NOT_FOUND, "/no/such");
  ExpectError(model, masr_restore(model.get(), path_.c_str()), MASR_INVALID_ARGUMENT,
              "not a checkpoint");
  EXPECT_EQ(Weights(model), weights);
  EXPECT_EQ(Describe(model).steps, 3);
  // A handle that has not begun to learn has not begun by it.
  EXPECT_EQ(Hear(fresh, batch.speech).probabilities, heard.probabilities);
  EXPECT_EQ(Describe(fresh).weights, 0u);

  const ModelHandle vectors = Loaded();
  Configure(vectors, {.tuning = MASR_TUNE_VECTORS});
  ExpectError(vectors, masr_restore(vectors.get(), checkpoint.c_str()), MASR_INVALID_ARGUMENT,
              "trains 'all blocks'");
  const std::string other_path = folder_ / "other.masr";
  ASSERT_EQ(masr_export(model.get(), other_path.c_str(), MASR_FORMAT_F32), MASR_OK);
  const ModelHandle other = Empty();
  ASSERT_EQ(masr_load(other.get(), other_path.c_str()), MASR_OK);
  ExpectError(other, masr_restore(other.get(), checkpoint.c_str()), MASR_INVALID_ARGUMENT,
              "another model");
}

TEST_F(CapiSixFunctions, WhatIsExportedHearsTheSame) {
  const ModelHandle model = Loaded();
  Configure(model, {.tuning = MASR_TUNE_LORA, .lora_rank = 2, .learning_rate = 1e-2});
  Train(model, 3);
  const std::string path = folder_ / "learned.masr";
  ASSERT_EQ(masr_export(model.get(), path.c_str(), MASR_FORMAT_F32), MASR_OK);
  const ModelHandle learned = Empty();
  ASSERT_EQ(masr_load(learned.get(), path.c_str()), MASR_OK);
  const ToyBatch batch(2);
  const Heard before = Hear(model, batch.speech);
  const Heard after = Hear(learned, batch.speech);
  ASSERT_EQ(after.probabilities.size(), before.probabilities.size());
  for (size_t i = 0; i < before.probabilities.size(); ++i) {
    EXPECT_NEAR(after.probabilities[i], before.probabilities[i], 1e-4);
  }
  EXPECT_NE(after.probabilities, Hear(Loaded(), batch.speech).probabilities);
}

TEST_F(CapiSixFunctions, AnotherThreadStopsThemAndNothingIsHalfDone) {
  const ModelHandle model = Loaded();
  Configure(model, {.micro_batch_seconds = 0.1});
  const ToyBatch batch(12);
  std::atomic<int> made = 0;
  std::thread owner([&] {
    while (made.load() < 3) std::this_thread::yield();
    EXPECT_EQ(masr_model_set_cancelled(model.get(), 1), MASR_OK);
  });
  masr_status status = MASR_OK;
  while ((status = masr_train(model.get(), &batch.speech, nullptr)) == MASR_OK) ++made;
  owner.join();
  ExpectError(model, status, MASR_CANCELLED, "stopped");
  // Every update was made whole or not at all.
  const ModelHandle other = Loaded();
  Configure(other, {.micro_batch_seconds = 0.1});
  for (int i = 0; i < made; ++i) {
    ASSERT_EQ(masr_train(other.get(), &batch.speech, nullptr), MASR_OK);
  }
  EXPECT_EQ(Weights(model), Weights(other));
  EXPECT_EQ(Describe(model).steps, made.load());
  // As long as it is up, everything that takes long is refused; then all is well.
  masr_inference inference = {.struct_size = sizeof(inference)};
  ExpectError(model, masr_infer(model.get(), &batch.speech, &inference), MASR_CANCELLED, "stopped");
  ExpectError(model, masr_save(model.get(), (folder_ / "checkpoint").c_str()), MASR_CANCELLED,
              "stopped");
  ASSERT_EQ(masr_model_set_cancelled(model.get(), 0), MASR_OK);
  EXPECT_EQ(masr_train(model.get(), &batch.speech, nullptr), MASR_OK);
}

TEST_F(CapiSixFunctions, DivergenceIsToldAndMakesNoUpdate) {
  const ModelHandle model = Loaded();
  auto weights = Weights(model);
  size_t count = weights.size();
  std::vector<masr_tensor> tensors(count);
  ASSERT_EQ(masr_get_weights(model.get(), tensors.data(), &count), MASR_OK);
  for (size_t i = 0; i < count; ++i) {
    if (std::string(tensors[i].name).starts_with("head")) {
      for (float& v : weights[i]) v = 3e38f;
    }
    tensors[i].data = weights[i].data();
  }
  ASSERT_EQ(masr_set_weights(model.get(), tensors.data(), count), MASR_OK);
  const ToyBatch batch(2);
  ExpectError(model, masr_train(model.get(), &batch.speech, nullptr), MASR_DIVERGED, "finite");
  EXPECT_EQ(Weights(model), weights);
  EXPECT_EQ(Describe(model).steps, 0);
}

}  // namespace
}  // namespace masr

// A small recogniser in a file, toy speech in memory, and handles that go with the test.
#ifndef MOBILEASR_CAPI_TESTING_CAPI_FIXTURE_H_
#define MOBILEASR_CAPI_TESTING_CAPI_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "mobileasr/mobileasr.h"
#include "train/testing/conformer_speech.h"

namespace masr::testing {

struct DestroyModel {
  void operator()(masr_model* model) const { masr_model_destroy(model); }
};
using ModelHandle = std::unique_ptr<masr_model, DestroyModel>;

// Utterances with what a masr_speech points to.
struct ToyBatch {
  explicit ToyBatch(int count, uint64_t seed = 1) {
    Rng rng(seed);
    for (int u = 0; u < count; ++u) {
      words.push_back(RandomWord(rng));
      const std::vector<float> own = Say(words.back(), 1.0, rng);
      samples.insert(samples.end(), own.begin(), own.end());
      lengths.push_back(std::ssize(own));
    }
    for (const std::string& word : words) texts.push_back(word.c_str());
    speech.struct_size = sizeof(masr_speech);
    speech.count = lengths.size();
    speech.audio = samples.data();
    speech.lengths = lengths.data();
    speech.texts = texts.data();
  }
  ToyBatch(const ToyBatch&) = delete;
  ToyBatch& operator=(const ToyBatch&) = delete;

  std::vector<std::string> words;
  std::vector<float> samples;
  std::vector<int64_t> lengths;
  std::vector<const char*> texts;
  masr_speech speech = {};
};

class CapiFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(SaveModel(MakeToyConformer(), WeightFormat::kInt8, path_).has_value());
  }

  static ModelHandle Empty(int threads = 1) {
    masr_model_options options = {.struct_size = sizeof(options), .threads = threads};
    masr_model* model = nullptr;
    EXPECT_EQ(masr_model_create(&options, &model), MASR_OK);
    return ModelHandle(model);
  }
  ModelHandle Loaded(int threads = 1) const {
    ModelHandle model = Empty(threads);
    EXPECT_EQ(masr_load(model.get(), path_.c_str()), MASR_OK) << masr_model_error(model.get());
    return model;
  }
  static masr_model_info Describe(const ModelHandle& model) {
    masr_model_info info = {.struct_size = sizeof(info)};
    EXPECT_EQ(masr_describe(model.get(), &info), MASR_OK) << masr_model_error(model.get());
    return info;
  }
  // Losses of so many updates on batches of their own.
  static std::vector<double> Train(const ModelHandle& model, int updates, uint64_t first = 0) {
    std::vector<double> losses;
    for (int i = 0; i < updates; ++i) {
      const ToyBatch batch(6, first + static_cast<uint64_t>(i));
      masr_step step = {.struct_size = sizeof(step)};
      EXPECT_EQ(masr_train(model.get(), &batch.speech, &step), MASR_OK)
          << masr_model_error(model.get());
      losses.push_back(step.loss);
    }
    return losses;
  }
  // Everything that learns.
  static std::vector<std::vector<float>> Weights(const ModelHandle& model) {
    size_t count = 0;
    EXPECT_EQ(masr_get_weights(model.get(), nullptr, &count), MASR_OK);
    std::vector<masr_tensor> tensors(count);
    EXPECT_EQ(masr_get_weights(model.get(), tensors.data(), &count), MASR_OK);
    std::vector<std::vector<float>> weights;
    for (masr_tensor& tensor : tensors) {
      weights.emplace_back(tensor.bytes / sizeof(float));
      tensor.data = weights.back().data();
    }
    EXPECT_EQ(masr_get_weights(model.get(), tensors.data(), &count), MASR_OK);
    return weights;
  }
  static void Configure(const ModelHandle& model, masr_training_options options) {
    options.struct_size = sizeof(options);
    EXPECT_EQ(masr_configure(model.get(), &options), MASR_OK) << masr_model_error(model.get());
  }
  // Fails with this code, and says this.
  static void ExpectError(const ModelHandle& model, masr_status status, masr_status expected,
                          const std::string& message) {
    EXPECT_STREQ(masr_status_name(status), masr_status_name(expected));
    EXPECT_NE(std::string(masr_model_error(model.get())).find(message), std::string::npos)
        << "'" << masr_model_error(model.get()) << "' does not say '" << message << "'";
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_ / "model.masr";
};

}  // namespace masr::testing

#endif  // MOBILEASR_CAPI_TESTING_CAPI_FIXTURE_H_

// Handles: arguments, sizes, files, and several of them at once.
#include <cstring>
#include <thread>

#include "capi/testing/capi_fixture.h"
#include "io/file.h"

namespace masr {
namespace {

class CapiModel : public testing::CapiFixture {};
using testing::ModelHandle;
using testing::ToyBatch;

TEST(CapiVersion, IsThatOfTheHeader) {
  EXPECT_EQ(masr_abi_version(), static_cast<uint32_t>(MASR_ABI_VERSION));
  EXPECT_STREQ(masr_version(), "0.1.0");
  EXPECT_STREQ(masr_status_name(MASR_OK), "MASR_OK");
  EXPECT_STREQ(masr_status_name(MASR_BUSY), "MASR_BUSY");
  EXPECT_STREQ(masr_status_name(static_cast<masr_status>(99)), "unknown");
}

TEST(CapiModelCreate, RefusesWhatCannotBe) {
  masr_model* model = reinterpret_cast<masr_model*>(1);
  EXPECT_EQ(masr_model_create(nullptr, nullptr), MASR_INVALID_ARGUMENT);
  masr_model_options options = {};
  EXPECT_EQ(masr_model_create(&options, &model), MASR_INVALID_ARGUMENT);  // struct_size
  EXPECT_EQ(model, nullptr);
  options = {.struct_size = sizeof(options), .threads = -1};
  EXPECT_EQ(masr_model_create(&options, &model), MASR_INVALID_ARGUMENT);
  options.threads = 1025;
  EXPECT_EQ(masr_model_create(&options, &model), MASR_INVALID_ARGUMENT);
  EXPECT_EQ(masr_model_create(nullptr, &model), MASR_OK);
  masr_model_destroy(model);
  masr_model_destroy(nullptr);
}

// An app of a later version has larger structs.
TEST(CapiModelCreate, TakesLargerStructsAsLongAsTheRestIsZero) {
  struct {
    masr_model_options known;
    int64_t later;
  } options = {{sizeof(options), 1}, 0};
  masr_model* model = nullptr;
  EXPECT_EQ(masr_model_create(&options.known, &model), MASR_OK);
  masr_model_destroy(model);
  options.later = 1;
  EXPECT_EQ(masr_model_create(&options.known, &model), MASR_INVALID_ARGUMENT);
}

TEST_F(CapiModel, NullHandlesAreRefused) {
  const ToyBatch batch(1);
  masr_model_info info = {.struct_size = sizeof(info)};
  size_t count = 0;
  double loss = 0;
  masr_tensor tensor = {};
  masr_parameter parameter = {.struct_size = sizeof(parameter)};
  masr_inference inference = {.struct_size = sizeof(inference)};
  masr_function function = {.struct_size = sizeof(function)};
  const char* text = nullptr;
  for (const masr_status status : {masr_load(nullptr, path_.c_str()),
                                   masr_describe(nullptr, &info),
                                   masr_token(nullptr, 0, &text),
                                   masr_read_audio(nullptr, "a", nullptr, &count),
                                   masr_configure(nullptr, nullptr),
                                   masr_set_learning_rate(nullptr, 0.1),
                                   masr_reset_optimizer(nullptr),
                                   masr_train(nullptr, &batch.speech, nullptr),
                                   masr_infer(nullptr, &batch.speech, &inference),
                                   masr_loss(nullptr, &batch.speech, &loss, nullptr),
                                   masr_save(nullptr, "a"),
                                   masr_restore(nullptr, "a"),
                                   masr_parameter_at(nullptr, 0, &parameter),
                                   masr_measure(nullptr),
                                   masr_get_weights(nullptr, nullptr, &count),
                                   masr_set_weights(nullptr, &tensor, 1),
                                   masr_export(nullptr, "a", 0),
                                   masr_function_at(nullptr, 0, &function),
                                   masr_register(nullptr, &function),
                                   masr_call(nullptr, "save", nullptr, 0, nullptr, 0),
                                   masr_model_set_cancelled(nullptr, 1)}) {
    EXPECT_EQ(status, MASR_INVALID_ARGUMENT);
  }
  EXPECT_STREQ(masr_model_error(nullptr), "the model is NULL");
}

TEST_F(CapiModel, NullArgumentsAreRefused) {
  const ModelHandle model = Loaded();
  const ToyBatch batch(1);
  masr_model* m = model.get();
  ExpectError(model, masr_load(m, nullptr), MASR_INVALID_ARGUMENT, "path");
  ExpectError(model, masr_describe(m, nullptr), MASR_INVALID_ARGUMENT, "masr_model_info");
  ExpectError(model, masr_token(m, 0, nullptr), MASR_INVALID_ARGUMENT, "text");
  ExpectError(model, masr_read_audio(m, nullptr, nullptr, nullptr), MASR_INVALID_ARGUMENT, "path");
  ExpectError(model, masr_train(m, nullptr, nullptr), MASR_INVALID_ARGUMENT, "masr_speech");
  ExpectError(model, masr_infer(m, &batch.speech, nullptr), MASR_INVALID_ARGUMENT,
              "masr_inference");
  ExpectError(model, masr_save(m, nullptr), MASR_INVALID_ARGUMENT, "path");
  ExpectError(model, masr_restore(m, ""), MASR_INVALID_ARGUMENT, "path");
  ExpectError(model, masr_parameter_at(m, 0, nullptr), MASR_INVALID_ARGUMENT, "masr_parameter");
  ExpectError(model, masr_get_weights(m, nullptr, nullptr), MASR_INVALID_ARGUMENT, "count");
  ExpectError(model, masr_set_weights(m, nullptr, 1), MASR_INVALID_ARGUMENT, "tensors");
  ExpectError(model, masr_export(m, nullptr, 0), MASR_INVALID_ARGUMENT, "path");
  ExpectError(model, masr_export(m, "a", 9), MASR_INVALID_ARGUMENT, "masr_format");
  ExpectError(model, masr_register(m, nullptr), MASR_INVALID_ARGUMENT, "masr_function");
  ExpectError(model, masr_call(m, nullptr, nullptr, 0, nullptr, 0), MASR_INVALID_ARGUMENT, "NULL");
}

TEST_F(CapiModel, WrongStructSizesAreRefused) {
  const ModelHandle model = Loaded();
  ToyBatch batch(1);
  for (const size_t size : {size_t{0}, sizeof(masr_speech) - 1, size_t{1} << 20}) {
    batch.speech.struct_size = size;
    ExpectError(model, masr_train(model.get(), &batch.speech, nullptr), MASR_INVALID_ARGUMENT,
                "masr_speech: struct_size is " + std::to_string(size));
  }
  masr_model_info info = {};
  ExpectError(model, masr_describe(model.get(), &info), MASR_INVALID_ARGUMENT, "struct_size is 0");
  batch.speech.struct_size = sizeof(masr_speech);
  masr_step step = {};
  ExpectError(model, masr_train(model.get(), &batch.speech, &step), MASR_INVALID_ARGUMENT,
              "masr_step: struct_size is 0");
  EXPECT_EQ(Describe(model).steps, 0);  // it was refused before it learned
}

// What a later header has behind what this library knows stays as it is.
TEST_F(CapiModel, WritesNoMoreThanItKnows) {
  const ModelHandle model = Loaded();
  struct {
    masr_model_info known;
    int64_t later;
  } info = {{.struct_size = sizeof(info)}, 42};
  ASSERT_EQ(masr_describe(model.get(), &info.known), MASR_OK);
  EXPECT_EQ(info.later, 42);
  EXPECT_EQ(info.known.struct_size, sizeof(info));
  EXPECT_EQ(info.known.mels, 12);
}

TEST_F(CapiModel, WithoutARecogniserItSaysWhatToDo) {
  const ModelHandle model = Empty();
  const ToyBatch batch(1);
  size_t count = 0;
  const std::string message = "call masr_load first";
  ExpectError(model, masr_train(model.get(), &batch.speech, nullptr), MASR_INVALID_ARGUMENT,
              message);
  ExpectError(model, masr_configure(model.get(), nullptr), MASR_INVALID_ARGUMENT, message);
  ExpectError(model, masr_save(model.get(), "a"), MASR_INVALID_ARGUMENT, message);
  ExpectError(model, masr_get_weights(model.get(), nullptr, &count), MASR_INVALID_ARGUMENT,
              message);
}

TEST_F(CapiModel, DamagedFilesAreRefusedAndTheOldModelStays) {
  const ModelHandle model = Loaded();
  const std::string whole = *ReadTextFile(path_);
  const std::string damaged = folder_ / "damaged.masr";
  for (const size_t size : {size_t{0}, size_t{7}, size_t{100}, whole.size() - 1}) {
    ASSERT_TRUE(ReplaceFile(damaged, whole.substr(0, size)).has_value());
    ExpectError(model, masr_load(model.get(), damaged.c_str()), MASR_CORRUPT, damaged);
  }
  ExpectError(model, masr_load(model.get(), "/no/such/file"), MASR_NOT_FOUND, "/no/such/file");
  EXPECT_STREQ(Describe(model).name, "toy conformer");
  Train(model, 1);
}

TEST_F(CapiModel, SaysWhatItIs) {
  const ModelHandle model = Loaded();
  masr_model_info info = Describe(model);
  EXPECT_EQ(info.sample_rate_hz, testing::kToyRateHz);
  EXPECT_EQ(info.tokens, 4);
  EXPECT_EQ(info.blocks, 4);
  EXPECT_DOUBLE_EQ(info.frame_seconds, 0.01);
  EXPECT_DOUBLE_EQ(info.row_seconds, 0.04);
  EXPECT_EQ(info.weights, 0u);
  EXPECT_EQ(info.steps, 0);
  Train(model, 2);
  info = Describe(model);
  EXPECT_GT(info.weights, 10u);
  EXPECT_GT(info.trainable_count, 1000);
  EXPECT_EQ(info.steps, 2);
  ASSERT_EQ(masr_reset_optimizer(model.get()), MASR_OK);
  EXPECT_EQ(Describe(model).steps, 0);
  const char* text = nullptr;
  ASSERT_EQ(masr_token(model.get(), 0, &text), MASR_OK);
  EXPECT_STREQ(text, "");
  ASSERT_EQ(masr_token(model.get(), 3, &text), MASR_OK);
  EXPECT_STREQ(text, "c");
  ExpectError(model, masr_token(model.get(), 4, &text), MASR_NOT_FOUND, "token 4");
}

TEST_F(CapiModel, ReadsAudioAtItsRate) {
  const ModelHandle model = Loaded();
  const std::string path = folder_ / "tone.wav";
  const std::vector<float> silence(16000, 0.25f);
  ASSERT_TRUE(WriteWav(path, {silence, 16000}).has_value());
  size_t count = 0;
  ASSERT_EQ(masr_read_audio(model.get(), path.c_str(), nullptr, &count), MASR_OK);
  EXPECT_EQ(count, 8000u);
  std::vector<float> samples(count);
  count = 10;
  EXPECT_EQ(masr_read_audio(model.get(), path.c_str(), samples.data(), &count),
            MASR_BUFFER_TOO_SMALL);
  EXPECT_EQ(count, 8000u);
  ASSERT_EQ(masr_read_audio(model.get(), path.c_str(), samples.data(), &count), MASR_OK);
  EXPECT_NEAR(samples[4000], 0.25f, 1e-3f);
  ExpectError(model, masr_read_audio(model.get(), path_.c_str(), nullptr, &count), MASR_CORRUPT,
              path_);
}

TEST_F(CapiModel, WhatLearnsIsChosenOnce) {
  const ModelHandle model = Loaded();
  masr_training_options options = {.struct_size = sizeof(options)};
  const auto refused = [&](masr_training_options wrong, const char* message) {
    ExpectError(model, masr_configure(model.get(), &wrong), MASR_INVALID_ARGUMENT, message);
  };
  options.tuning = 4;
  refused(options, "tuning 4");
  options = {.struct_size = sizeof(options), .freeze_blocks = 4};
  refused(options, "freeze_blocks is 4, of 4 blocks");
  options.freeze_blocks = -1;
  refused(options, "freeze_blocks");
  options = {.struct_size = sizeof(options), .optimizer_bits = 16};
  refused(options, "optimizer_bits");
  options = {.struct_size = sizeof(options), .lora_rank = -2};
  refused(options, "lora_rank");
  options = {.struct_size = sizeof(options), .learning_rate = 2};
  refused(options, "learning_rate");
  options = {.struct_size = sizeof(options), .micro_batch_seconds = -1};
  refused(options, "micro_batch_seconds");
  ASSERT_EQ(masr_configure(model.get(), nullptr), MASR_OK);
  ExpectError(model, masr_configure(model.get(), nullptr), MASR_INVALID_ARGUMENT, "load the model");
  ASSERT_EQ(masr_load(model.get(), path_.c_str()), MASR_OK);
  EXPECT_EQ(masr_configure(model.get(), nullptr), MASR_OK);
  EXPECT_EQ(masr_set_learning_rate(model.get(), 1.5), MASR_INVALID_ARGUMENT);
}

// Each with a thread of its own; alone and beside the other the bits are the same.
TEST_F(CapiModel, TwoModelsLearnSideBySide) {
  const auto learn = [this](uint64_t first, std::vector<std::vector<float>>& weights) {
    const ModelHandle model = Loaded(2);
    Train(model, 12, first);
    weights = Weights(model);
  };
  std::vector<std::vector<float>> alone[2];
  std::vector<std::vector<float>> beside[2];
  learn(100, alone[0]);
  learn(200, alone[1]);
  std::thread other([&] { learn(100, beside[0]); });
  learn(200, beside[1]);
  other.join();
  EXPECT_EQ(beside[0], alone[0]);
  EXPECT_EQ(beside[1], alone[1]);
  EXPECT_NE(alone[0], alone[1]);
}

// Errors are each handle's own.
TEST_F(CapiModel, MessagesAreEachHandlesOwn) {
  const ModelHandle one = Loaded();
  const ModelHandle other = Loaded();
  EXPECT_EQ(masr_save(one.get(), "/no/such/folder/file"), MASR_NOT_FOUND);
  EXPECT_NE(std::string(masr_model_error(one.get())).find("/no/such/folder"), std::string::npos);
  EXPECT_STREQ(masr_model_error(other.get()), "");
  Describe(one);
  EXPECT_STREQ(masr_model_error(one.get()), "");
}

}  // namespace
}  // namespace masr

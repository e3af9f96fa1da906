// The signature table, the six functions by name, and an app's own.
#include <cstring>

#include "capi/testing/capi_fixture.h"
#include "io/json.h"

namespace masr {
namespace {

class CapiFunctions : public testing::CapiFixture {};
using testing::ModelHandle;
using testing::ToyBatch;

masr_tensor Tensor(const char* name, int32_t dtype, std::vector<int64_t> shape, const void* data,
                   size_t bytes) {
  masr_tensor tensor = {.name = name, .dtype = dtype, .rank = static_cast<int32_t>(shape.size())};
  std::ranges::fill(tensor.shape, 1);
  std::ranges::copy(shape, tensor.shape);
  tensor.data = const_cast<void*>(data);
  tensor.bytes = bytes;
  return tensor;
}
masr_tensor Text(const char* name, const std::string& text) {
  return Tensor(name, MASR_U8, {std::ssize(text)}, text.data(), text.size());
}
masr_tensor Output(const char* name, void* data, size_t bytes) {
  masr_tensor tensor = {.name = name};
  tensor.data = data;
  tensor.bytes = bytes;
  return tensor;
}

// Toy speech as inputs.
struct NamedBatch {
  explicit NamedBatch(int count) : batch(count) {
    for (const std::string& word : batch.words) lines += word + "\n";
    inputs = {Tensor("audio", MASR_F32, {std::ssize(batch.samples)}, batch.samples.data(),
                     batch.samples.size() * sizeof(float)),
              Tensor("lengths", MASR_I64, {count}, batch.lengths.data(),
                     batch.lengths.size() * sizeof(int64_t)),
              Text("text", lines)};
  }
  ToyBatch batch;
  std::string lines;
  std::vector<masr_tensor> inputs;
};

TEST_F(CapiFunctions, TheTableHasTheSixFunctions) {
  const ModelHandle model = Empty();  // nothing has to be loaded for it
  std::vector<std::string> names;
  for (size_t i = 0;; ++i) {
    masr_function row = {.struct_size = sizeof(row)};
    const masr_status status = masr_function_at(model.get(), i, &row);
    if (status == MASR_NOT_FOUND) break;
    ASSERT_EQ(status, MASR_OK);
    names.emplace_back(row.name);
    EXPECT_EQ(row.call, nullptr);
    for (size_t v = 0; v < row.input_count + row.output_count; ++v) {
      const masr_value& value =
          v < row.input_count ? row.inputs[v] : row.outputs[v - row.input_count];
      EXPECT_GT(std::strlen(value.meaning), 5u) << row.name << " " << value.name;
      EXPECT_GE(value.rank, 0);
    }
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"train", "infer", "save", "restore", "loss", "parameters"}));
}

TEST_F(CapiFunctions, ByNameTheyDoTheSame) {
  const ModelHandle direct = Loaded();
  const ModelHandle named = Loaded();
  const NamedBatch batch(3);
  const std::string checkpoint = folder_ / "checkpoint";
  double loss = 0;
  masr_tensor output = Output("loss", &loss, sizeof(loss));
  masr_step step = {.struct_size = sizeof(step)};
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(masr_call(named.get(), "train", batch.inputs.data(), 3, &output, 1), MASR_OK)
        << masr_model_error(named.get());
    ASSERT_EQ(masr_train(direct.get(), &batch.batch.speech, &step), MASR_OK);
    EXPECT_EQ(loss, step.loss);
  }
  std::vector<float> each(3);
  std::vector<float> expected(3);
  double mean = 0;
  masr_tensor outputs[] = {Output("losses", each.data(), 12), Output("loss", &loss, 8)};
  ASSERT_EQ(masr_call(named.get(), "loss", batch.inputs.data(), 3, outputs, 2), MASR_OK);
  ASSERT_EQ(masr_loss(direct.get(), &batch.batch.speech, &mean, expected.data()), MASR_OK);
  EXPECT_EQ(each, expected);
  EXPECT_EQ(loss, mean);
  EXPECT_EQ(outputs[0].shape[0], 3);

  const masr_tensor path = Text("path", checkpoint);
  ASSERT_EQ(masr_call(named.get(), "save", &path, 1, nullptr, 0), MASR_OK);
  const ModelHandle restored = Loaded();
  ASSERT_EQ(masr_call(restored.get(), "restore", &path, 1, nullptr, 0), MASR_OK)
      << masr_model_error(restored.get());
  EXPECT_EQ(Weights(restored), Weights(direct));

  masr_tensor sized[] = {Output("probabilities", nullptr, 0), Output("text", nullptr, 0),
                         Output("rows", nullptr, 0)};
  ASSERT_EQ(masr_call(named.get(), "infer", batch.inputs.data(), 2, sized, 3),
            MASR_BUFFER_TOO_SMALL);
  std::vector<float> probabilities(sized[0].bytes / sizeof(float));
  std::string text(sized[1].bytes, '?');
  std::vector<int64_t> rows(3);
  sized[0].data = probabilities.data();
  sized[1].data = text.data();
  sized[2].data = rows.data();
  ASSERT_EQ(sized[2].bytes, 3 * sizeof(int64_t));
  ASSERT_EQ(masr_call(named.get(), "infer", batch.inputs.data(), 2, sized, 3), MASR_OK)
      << masr_model_error(named.get());
  masr_inference inference = {.struct_size = sizeof(inference)};
  std::vector<float> wanted(probabilities.size());
  inference.probabilities = wanted.data();
  inference.probabilities_count = wanted.size();
  ASSERT_EQ(masr_infer(direct.get(), &batch.batch.speech, &inference), MASR_OK);
  EXPECT_EQ(probabilities, wanted);
  EXPECT_EQ(sized[0].shape[0], rows[0] + rows[1] + rows[2]);
  EXPECT_EQ(std::ranges::count(text.substr(0, sized[1].bytes), '\n'), 3);

  masr_tensor table = Output("table", nullptr, 0);
  ASSERT_EQ(masr_call(named.get(), "parameters", nullptr, 0, &table, 1), MASR_BUFFER_TOO_SMALL);
  std::string json(table.bytes, '?');
  table.data = json.data();
  ASSERT_EQ(masr_call(named.get(), "parameters", nullptr, 0, &table, 1), MASR_OK);
  const auto parsed = ParseJson(json);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->size(), Describe(named).parameters);
  EXPECT_EQ((*parsed)[0]["block_name"], "blocks.0");
}

TEST_F(CapiFunctions, WhatIsNotInTheSignatureIsRefused) {
  const ModelHandle model = Loaded();
  NamedBatch batch(2);
  const std::vector<masr_tensor> good = batch.inputs;
  double loss = 0;
  const auto refused = [&](masr_status status, const std::string& message) {
    masr_tensor output = Output("loss", &loss, sizeof(loss));
    ExpectError(
        model,
        masr_call(model.get(), "train", batch.inputs.data(), batch.inputs.size(), &output, 1),
        status, message);
    batch.inputs = good;
  };
  ExpectError(model, masr_call(model.get(), "fly", nullptr, 0, nullptr, 0), MASR_NOT_FOUND,
              "'fly'");
  batch.inputs[0].name = "sound";
  refused(MASR_INVALID_ARGUMENT, "input 'sound' is not in the signature, which has: audio,");
  batch.inputs[0].name = nullptr;
  refused(MASR_INVALID_ARGUMENT, "is not in the signature");
  batch.inputs[0].name = "lengths";
  refused(MASR_INVALID_ARGUMENT, "'lengths' is given twice");
  batch.inputs.pop_back();
  refused(MASR_INVALID_ARGUMENT, "'text' is missing");
  batch.inputs[0].dtype = MASR_F64;
  refused(MASR_INVALID_ARGUMENT, "'audio' must be of dtype 1 and rank 1");
  batch.inputs[0].bytes -= 4;
  refused(MASR_INVALID_ARGUMENT, "'audio': its shape is of");
  batch.inputs[0].shape[0] = -1;
  refused(MASR_INVALID_ARGUMENT, "'audio': dimension 0");
  batch.inputs[0].shape[0] = int64_t{1} << 62;
  refused(MASR_INVALID_ARGUMENT, "'audio': its shape is too large");
  batch.inputs[0].data = nullptr;
  refused(MASR_INVALID_ARGUMENT, "and there are 0");
  batch.inputs[0].shape[0] -= 1;
  batch.inputs[0].bytes -= 4;
  refused(MASR_INVALID_ARGUMENT, "'lengths' sum to");
  const std::string one = "ab";
  batch.inputs[2] = Text("text", one);
  refused(MASR_INVALID_ARGUMENT, "'text' has 1 lines for 2 utterances");
  masr_tensor none = Output("gain", &loss, sizeof(loss));
  ExpectError(model, masr_call(model.get(), "train", good.data(), 3, &none, 1),
              MASR_INVALID_ARGUMENT, "output 'gain'");
  ExpectError(model, masr_call(model.get(), "train", good.data(), 3, nullptr, 0),
              MASR_INVALID_ARGUMENT, "output 'loss' is missing");
  masr_tensor small = Output("loss", &loss, 4);
  EXPECT_EQ(masr_call(model.get(), "train", good.data(), 3, &small, 1), MASR_BUFFER_TOO_SMALL);
  EXPECT_EQ(small.bytes, sizeof(double));
  EXPECT_EQ(Describe(model).steps, 0);
}

// An app's loss: that of the model, times a factor that the app knows.
struct App {
  double factor = 2;
  int calls = 0;
};

masr_status ScaledLoss(void* user_data, masr_model* model, const masr_tensor* inputs,
                       size_t input_count, masr_tensor* outputs, size_t /*output_count*/) {
  App& app = *static_cast<App*>(user_data);
  ++app.calls;
  if (app.factor < 0) return masr_fail(model, MASR_UNSUPPORTED, "no negative factors");
  if (app.factor == 0) return MASR_IO;
  double loss = 0;
  masr_tensor output = Output("loss", &loss, sizeof(loss));
  const masr_status status = masr_call(model, "loss", inputs, input_count, &output, 1);
  if (status != MASR_OK) return status;
  if (outputs[0].bytes < sizeof(loss)) return MASR_BUFFER_TOO_SMALL;
  loss *= app.factor;
  std::memcpy(outputs[0].data, &loss, sizeof(loss));
  return MASR_OK;
}

TEST_F(CapiFunctions, AnAppAddsItsOwn) {
  const ModelHandle model = Loaded();
  App app;
  {
    // What describes it may go once it is registered.
    const std::string name = "scaled_loss";
    masr_function loss = {.struct_size = sizeof(loss)};
    ASSERT_EQ(masr_function_at(model.get(), 4, &loss), MASR_OK);
    masr_function own = loss;
    const masr_value output = {"scaled", MASR_F64, 0, {1, 1, 1, 1}, 0, "the loss, scaled"};
    own.name = name.c_str();
    own.meaning = "a loss of the app's own";
    own.outputs = &output;
    own.output_count = 1;
    own.call = ScaledLoss;
    own.user_data = &app;
    ASSERT_EQ(masr_register(model.get(), &own), MASR_OK) << masr_model_error(model.get());
    ExpectError(model, masr_register(model.get(), &own), MASR_INVALID_ARGUMENT, "already");
    own.name = "train";
    ExpectError(model, masr_register(model.get(), &own), MASR_INVALID_ARGUMENT, "already");
  }
  masr_function listed = {.struct_size = sizeof(listed)};
  ASSERT_EQ(masr_function_at(model.get(), 6, &listed), MASR_OK);
  EXPECT_STREQ(listed.name, "scaled_loss");
  EXPECT_EQ(listed.input_count, 5u);
  EXPECT_STREQ(listed.outputs[0].meaning, "the loss, scaled");

  const NamedBatch batch(2);
  double loss = 0;
  ASSERT_EQ(masr_loss(model.get(), &batch.batch.speech, &loss, nullptr), MASR_OK);
  double scaled = 0;
  masr_tensor output = Output("scaled", &scaled, sizeof(scaled));
  const auto call = [&] {
    return masr_call(model.get(), "scaled_loss", batch.inputs.data(), 3, &output, 1);
  };
  ASSERT_EQ(call(), MASR_OK) << masr_model_error(model.get());
  EXPECT_EQ(scaled, 2 * loss);
  EXPECT_EQ(app.calls, 1);
  // Checked by the library before the app is asked.
  ExpectError(model, masr_call(model.get(), "scaled_loss", batch.inputs.data(), 1, &output, 1),
              MASR_INVALID_ARGUMENT, "'lengths' is missing");
  EXPECT_EQ(app.calls, 1);
  app.factor = -1;
  ExpectError(model, call(), MASR_UNSUPPORTED, "no negative factors");
  app.factor = 0;
  ExpectError(model, call(), MASR_IO, "'scaled_loss': it failed with MASR_IO");
  // Another model does not have it, and another recogniser in this one does.
  const ModelHandle other = Loaded();
  ExpectError(other, masr_call(other.get(), "scaled_loss", batch.inputs.data(), 3, &output, 1),
              MASR_NOT_FOUND, "scaled_loss");
  app.factor = 2;
  ASSERT_EQ(masr_load(model.get(), path_.c_str()), MASR_OK);
  EXPECT_EQ(call(), MASR_OK);
}

// As many numbers as it is told, of which it says that there are `claimed`.
struct Counter {
  int64_t count = 3;
  int64_t claimed = 3;
  int32_t rank = 1;
};

masr_status Count(void* user_data, masr_model*, const masr_tensor*, size_t, masr_tensor* outputs,
                  size_t) {
  const Counter& counter = *static_cast<Counter*>(user_data);
  const size_t room = outputs[0].bytes / sizeof(int32_t);
  outputs[0].shape[0] = counter.claimed;
  outputs[0].rank = counter.rank;
  if (room < static_cast<size_t>(counter.count)) return MASR_BUFFER_TOO_SMALL;
  for (int32_t i = 0; i < counter.count; ++i) static_cast<int32_t*>(outputs[0].data)[i] = i;
  return MASR_OK;
}

TEST_F(CapiFunctions, WhatAnAppSaysOfItsOutputsIsChecked) {
  const ModelHandle model = Empty();
  Counter counter;
  const masr_value output = {"numbers", MASR_I32, 1, {-1, 1, 1, 1}, 0, "from 0 up"};
  masr_function own = {.struct_size = sizeof(own), .name = "count", .outputs = &output};
  own.output_count = 1;
  own.call = Count;
  own.user_data = &counter;
  ASSERT_EQ(masr_register(model.get(), &own), MASR_OK) << masr_model_error(model.get());

  masr_tensor numbers = Output("numbers", nullptr, 0);
  const auto call = [&] { return masr_call(model.get(), "count", nullptr, 0, &numbers, 1); };
  ASSERT_EQ(call(), MASR_BUFFER_TOO_SMALL);
  EXPECT_EQ(numbers.shape[0], 3);
  ASSERT_EQ(numbers.bytes, 12u);  // of the shape: room to give the next time
  std::vector<int32_t> room(10);
  numbers.data = room.data();
  numbers.bytes = 40;
  ASSERT_EQ(call(), MASR_OK);
  EXPECT_EQ(numbers.bytes, 12u);
  EXPECT_EQ(room, (std::vector<int32_t>{0, 1, 2, 0, 0, 0, 0, 0, 0, 0}));

  counter.claimed = 11;
  numbers.bytes = 40;
  ExpectError(model, call(), MASR_INVALID_ARGUMENT,
              "the app's function 'count': 'numbers' has got 44 bytes where there was room for 40");
  counter.claimed = -1;
  ExpectError(model, call(), MASR_INVALID_ARGUMENT, "dimension 0 must not be -1");
  counter.claimed = 3;
  counter.rank = 2;
  ExpectError(model, call(), MASR_INVALID_ARGUMENT, "rank 1");
}

TEST_F(CapiFunctions, SignaturesThatCannotBeAreRefused) {
  const ModelHandle model = Empty();
  masr_value values[] = {{"a", MASR_F32, 1, {-1, 1, 1, 1}, 0, ""},
                         {"a", MASR_F32, 1, {-1, 1, 1, 1}, 0, ""}};
  masr_function own = {.struct_size = sizeof(own), .name = "own", .inputs = values};
  const auto refused = [&](const std::string& message) {
    ExpectError(model, masr_register(model.get(), &own), MASR_INVALID_ARGUMENT, message);
  };
  refused("something to call");
  own.call = ScaledLoss;
  own.input_count = 2;
  refused("input 1: 'a' is there already");
  own.input_count = 33;
  refused("at most 32");
  own.input_count = 1;
  values[0].dtype = MASR_I8;
  refused("dtype 7");
  values[0].dtype = MASR_F32;
  values[0].rank = 5;
  refused("rank");
  values[0].rank = 1;
  values[0].name = "";
  refused("needs a name");
  own.inputs = nullptr;
  refused("must not be NULL");
  own.name = "";
  refused("needs a name");
}

}  // namespace
}  // namespace masr

// The six functions by name: signatures, and the way from tensors to the functions.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "capi/model_handle.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

using Inputs = std::span<const masr_tensor>;
using Outputs = std::span<masr_tensor>;

// Speech, for train, loss and infer; the text is the last one.
constexpr masr_value kSpeech[] = {
    {"audio",
     MASR_F32,
     1,
     {-1, 1, 1, 1},
     1,
     "[samples] of all utterances one after the other, mono in [-1, 1]; or features"},
    {"features",
     MASR_F32,
     2,
     {-1, -1, 1, 1},
     1,
     "[frames, mels] of all utterances one after the other, log-mel, normalised; or audio"},
    {"lengths", MASR_I64, 1, {-1, 1, 1, 1}, 0, "[utterances] samples or frames of each"},
    {"sample_rate_hz", MASR_I32, 0, {1, 1, 1, 1}, 1, "of the audio; the recogniser's if left out"},
    {"text", MASR_U8, 1, {-1, 1, 1, 1}, 0, "[bytes] UTF-8, one line for each utterance"}};
constexpr masr_value kLoss[] = {
    {"loss", MASR_F64, 0, {1, 1, 1, 1}, 0, "CTC, nats per token"},
    {"losses", MASR_F32, 1, {-1, 1, 1, 1}, 1, "[utterances] nats of each"}};
constexpr masr_value kProbabilities[] = {
    {"probabilities", MASR_F32, 2, {-1, -1, 1, 1}, 1, "[rows, tokens] of all utterances"},
    {"rows", MASR_I64, 1, {-1, 1, 1, 1}, 1, "[utterances] rows of each"},
    {"text", MASR_U8, 1, {-1, 1, 1, 1}, 1, "[bytes] UTF-8, one line for each utterance"}};
constexpr masr_value kPath[] = {
    {"path", MASR_U8, 1, {-1, 1, 1, 1}, 0, "[bytes] of the checkpoint's file"}};
constexpr masr_value kTable[] = {
    {"table",
     MASR_U8,
     1,
     {-1, 1, 1, 1},
     0,
     "[bytes] a JSON list of objects: name, shape, dtype, bytes, trainable, block, block_name, "
     "training_bytes, block_forward_seconds, block_backward_seconds, update_seconds"}};

constexpr size_t kSize = sizeof(masr_function);
constexpr masr_function kFunctions[] = {
    {kSize, "train", "one update on a batch", kSpeech, 5, kLoss, 1, nullptr, nullptr},
    {kSize, "infer", "probabilities and text of speech", kSpeech, 4, kProbabilities, 3, nullptr,
     nullptr},
    {kSize, "save", "writes a checkpoint", kPath, 1, nullptr, 0, nullptr, nullptr},
    {kSize, "restore", "goes on from a checkpoint", kPath, 1, nullptr, 0, nullptr, nullptr},
    {kSize, "loss", "CTC loss of a batch, without an update", kSpeech, 5, kLoss, 2, nullptr,
     nullptr},
    {kSize, "parameters", "what could learn, and what that costs", nullptr, 0, kTable, 1, nullptr,
     nullptr}};

template <class Tensors>
auto* Find(Tensors tensors, std::string_view name) {
  const auto found =
      std::ranges::find_if(tensors, [name](const auto& t) { return name == t.name; });
  return found == tensors.end() ? nullptr : &*found;
}

std::string TextOf(const masr_tensor& tensor) {
  return {static_cast<const char*>(tensor.data), tensor.bytes};
}

// Whether there is room for this; sets shape and bytes either way. Null: not asked for.
bool Shape(masr_tensor* output, std::initializer_list<int64_t> shape, size_t item) {
  if (output == nullptr) return true;
  const size_t room = output->bytes;
  output->bytes = item;
  int32_t d = 0;
  for (int64_t size : shape) {
    output->shape[d++] = size;
    output->bytes *= static_cast<size_t>(size);
  }
  return room >= output->bytes;
}

void Put(masr_tensor* output, const void* from) {
  if (output != nullptr && output->bytes > 0) std::memcpy(output->data, from, output->bytes);
}

// A caller's speech out of tensors; texts live in here.
struct NamedSpeech {
  masr_speech speech = {.struct_size = sizeof(masr_speech)};
  std::vector<std::string> lines;
  std::vector<const char*> texts;
};

Status ReadTexts(const masr_tensor& tensor, NamedSpeech& named) {
  const std::string all = TextOf(tensor);
  for (size_t begin = 0; begin < all.size();) {
    const size_t end = std::min(all.find('\n', begin), all.size());
    named.lines.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
  if (named.lines.size() != named.speech.count) {
    return Fail(ErrorCode::kInvalidArgument,
                "'text' has " + std::to_string(named.lines.size()) + " lines for " +
                    std::to_string(named.speech.count) + " utterances");
  }
  for (const std::string& line : named.lines) named.texts.push_back(line.c_str());
  named.speech.texts = named.texts.data();
  return {};
}

Result<NamedSpeech> ReadNamedSpeech(const Model& model, Inputs inputs) {
  NamedSpeech named;
  const masr_tensor& lengths = *Find(inputs, "lengths");
  named.speech.count = static_cast<size_t>(lengths.shape[0]);
  named.speech.lengths = static_cast<const int64_t*>(lengths.data);
  int64_t total = 0;
  for (size_t u = 0; u < named.speech.count; ++u) {
    if (__builtin_add_overflow(total, named.speech.lengths[u], &total)) total = -1;
  }
  for (const char* name : {"audio", "features"}) {
    const masr_tensor* tensor = Find(inputs, name);
    if (tensor == nullptr) continue;
    if (tensor->shape[0] != total) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + std::string(name) + "' has " + std::to_string(tensor->shape[0]) +
                      ", and 'lengths' sum to " + std::to_string(total));
    }
    const auto* data = static_cast<const float*>(tensor->data);
    (std::string_view(name) == "audio" ? named.speech.audio : named.speech.features) = data;
  }
  const masr_tensor* features = Find(inputs, "features");
  if (features != nullptr && features->shape[1] != model.encoder.mels()) {
    return Fail(ErrorCode::kInvalidArgument,
                "'features' are " + std::to_string(features->shape[1]) +
                    " wide, and the recogniser wants " + std::to_string(model.encoder.mels()));
  }
  if (const masr_tensor* rate = Find(inputs, "sample_rate_hz")) {
    std::memcpy(&named.speech.sample_rate_hz, rate->data, sizeof(int32_t));
  }
  if (const masr_tensor* text = Find(inputs, "text")) {
    MASR_RETURN_IF_ERROR(ReadTexts(*text, named));
  }
  return named;
}

Outcome TrainByName(masr_model& model, Inputs inputs, Outputs outputs) {
  MASR_TRY(const Learner* learner, Ready(model));
  // Room first: an update is not made twice.
  masr_tensor* loss = Find(outputs, "loss");
  if (!Shape(loss, {}, sizeof(double))) return MASR_BUFFER_TOO_SMALL;
  MASR_TRY(const NamedSpeech named, ReadNamedSpeech(learner->model(), inputs));
  MASR_TRY(const masr_step step, Train(model, named.speech));
  Put(loss, &step.loss);
  return MASR_OK;
}

Outcome LossByName(masr_model& model, Inputs inputs, Outputs outputs) {
  MASR_TRY(const Learner* learner, Ready(model));
  MASR_TRY(const NamedSpeech named, ReadNamedSpeech(learner->model(), inputs));
  masr_tensor* loss = Find(outputs, "loss");
  masr_tensor* losses = Find(outputs, "losses");
  const bool loss_fits = Shape(loss, {}, sizeof(double));
  const bool losses_fit = Shape(losses, {static_cast<int64_t>(named.speech.count)}, sizeof(float));
  if (!loss_fits || !losses_fit) return MASR_BUFFER_TOO_SMALL;
  double mean = 0;
  MASR_TRY(const std::vector<float> each, Losses(model, named.speech, mean));
  Put(loss, &mean);
  Put(losses, each.data());
  return MASR_OK;
}

Outcome InferByName(masr_model& model, Inputs inputs, Outputs outputs) {
  MASR_TRY(const Learner* learner, Ready(model));
  MASR_TRY(const NamedSpeech named, ReadNamedSpeech(learner->model(), inputs));
  masr_tensor* probabilities = Find(outputs, "probabilities");
  masr_tensor* rows = Find(outputs, "rows");
  masr_tensor* text = Find(outputs, "text");
  masr_inference inference = {.struct_size = sizeof(masr_inference)};
  MASR_RETURN_IF_ERROR(Infer(model, named.speech, inference));
  const int64_t tokens = learner->model().encoder.tokens();
  const bool floats_fit = Shape(probabilities, {inference.total_rows, tokens}, sizeof(float));
  const bool rows_fit = Shape(rows, {static_cast<int64_t>(named.speech.count)}, sizeof(int64_t));
  const bool text_fits = Shape(text, {static_cast<int64_t>(inference.texts_bytes)}, 1);
  if (!floats_fit || !rows_fit || !text_fits) return MASR_BUFFER_TOO_SMALL;
  if (probabilities != nullptr) {
    inference.probabilities = static_cast<float*>(probabilities->data);
  }
  if (rows != nullptr) inference.rows = static_cast<int64_t*>(rows->data);
  if (text != nullptr) inference.texts = static_cast<char*>(text->data);
  MASR_RETURN_IF_ERROR(Infer(model, named.speech, inference));
  Shape(probabilities, {inference.total_rows, tokens}, sizeof(float));
  if (text != nullptr) {
    std::replace(inference.texts, inference.texts + inference.texts_bytes, '\0', '\n');
    Shape(text, {static_cast<int64_t>(inference.texts_bytes)}, 1);
  }
  return MASR_OK;
}

const char* DTypeText(int32_t dtype) {
  return dtype == MASR_BF16 ? "bf16" : dtype == MASR_I8 ? "i8" : "f32";
}

Outcome ParametersByName(masr_model& model, Outputs outputs) {
  MASR_TRY(const Learner* learner, Ready(model));
  nlohmann::ordered_json table = nlohmann::ordered_json::array();
  const auto count = static_cast<size_t>(learner->model().encoder.parameters().size());
  for (size_t i = 0; i < count; ++i) {
    MASR_TRY(const masr_parameter p, ParameterAt(*learner, i));
    table.push_back({{"name", p.name},
                     {"shape", std::vector<int64_t>(p.shape, p.shape + p.rank)},
                     {"dtype", DTypeText(p.dtype)},
                     {"bytes", p.bytes},
                     {"trainable", p.trainable},
                     {"block", p.block},
                     {"block_name", p.block_name},
                     {"training_bytes", p.training_bytes},
                     {"block_forward_seconds", p.block_forward_seconds},
                     {"block_backward_seconds", p.block_backward_seconds},
                     {"update_seconds", p.update_seconds}});
  }
  const std::string text = table.dump();
  masr_tensor* output = Find(outputs, "table");
  if (!Shape(output, {std::ssize(text)}, 1)) return MASR_BUFFER_TOO_SMALL;
  Put(output, text.data());
  return MASR_OK;
}

Outcome Done(Status status) {
  if (!status.has_value()) return tl::unexpected(std::move(status.error()));
  return MASR_OK;
}

}  // namespace

FunctionTable BuiltInFunctions() { return {kFunctions, std::size(kFunctions)}; }

Outcome CallBuiltIn(masr_model& model, const std::string& name, const masr_tensor* inputs,
                    size_t input_count, masr_tensor* outputs, size_t output_count) {
  const Inputs in(inputs, input_count);
  const Outputs out(outputs, output_count);
  if (name == "train") return TrainByName(model, in, out);
  if (name == "infer") return InferByName(model, in, out);
  if (name == "loss") return LossByName(model, in, out);
  if (name == "parameters") return ParametersByName(model, out);
  const std::string path = TextOf(in[0]);
  return Done(name == "save" ? Save(model, path.c_str()) : Restore(model, path.c_str()));
}

}  // namespace masr::capi

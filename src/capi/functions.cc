// The signature table, and calls by name.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "capi/model_handle.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

constexpr size_t kMostValues = 32;  // of a signature's side

size_t BytesOf(int32_t dtype) {
  switch (dtype) {
    case MASR_F32:
    case MASR_I32:
      return 4;
    case MASR_F64:
    case MASR_I64:
      return 8;
    case MASR_U8:
      return 1;
    default:
      return 0;  // of parameters only
  }
}

std::span<const masr_value> Values(const masr_value* values, size_t count) {
  return {values, count};
}

const masr_function* FindFunction(const masr_model& model, std::string_view name) {
  const FunctionTable own = BuiltInFunctions();
  for (size_t i = 0; i < own.count; ++i) {
    if (name == own.rows[i].name) return &own.rows[i];
  }
  for (const AppFunction& function : model.functions) {
    if (name == function.row.name) return &function.row;
  }
  return nullptr;
}

Status CheckSignature(std::span<const masr_value> values, const char* side) {
  if (values.size() > kMostValues) {
    return Fail(ErrorCode::kInvalidArgument, std::string(side) + ": at most 32");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const masr_value& value = values[i];
    const std::string where = std::string(side) + " " + std::to_string(i) + ": ";
    if (value.name == nullptr || *value.name == '\0') {
      return Fail(ErrorCode::kInvalidArgument, where + "it needs a name");
    }
    if (BytesOf(value.dtype) == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  where + "dtype " + std::to_string(value.dtype) + " cannot be passed");
    }
    if (value.rank < 0 || value.rank > MASR_MAX_RANK) {
      return Fail(ErrorCode::kInvalidArgument, where + "its rank must be 0 to 4");
    }
    for (size_t k = 0; k < i; ++k) {
      if (std::string_view(values[k].name) == value.name) {
        return Fail(ErrorCode::kInvalidArgument, where + "'" + value.name + "' is there already");
      }
    }
  }
  return {};
}

Status CheckRegistered(const masr_model& model, const masr_function& function) {
  if (function.name == nullptr || *function.name == '\0' || function.call == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "a function needs a name and something to call");
  }
  if (FindFunction(model, function.name) != nullptr) {
    return Fail(ErrorCode::kInvalidArgument,
                "there is a function '" + std::string(function.name) + "' already");
  }
  if ((function.inputs == nullptr && function.input_count > 0) ||
      (function.outputs == nullptr && function.output_count > 0)) {
    return Fail(ErrorCode::kInvalidArgument, "inputs and outputs must not be NULL");
  }
  MASR_RETURN_IF_ERROR(CheckSignature(Values(function.inputs, function.input_count), "input"));
  return CheckSignature(Values(function.outputs, function.output_count), "output");
}

const char* Keep(AppFunction& function, const char* text) {
  return function.texts.emplace_back(text == nullptr ? "" : text).c_str();
}

std::vector<masr_value> Copy(AppFunction& function, std::span<const masr_value> values) {
  std::vector<masr_value> copies(values.begin(), values.end());
  for (masr_value& value : copies) {
    value.name = Keep(function, value.name);
    value.meaning = Keep(function, value.meaning);
  }
  return copies;
}

void Register(masr_model& model, const masr_function& given) {
  AppFunction& function = model.functions.emplace_back();
  function.inputs = Copy(function, Values(given.inputs, given.input_count));
  function.outputs = Copy(function, Values(given.outputs, given.output_count));
  function.row = given;
  function.row.name = Keep(function, given.name);
  function.row.meaning = Keep(function, given.meaning);
  function.row.inputs = function.inputs.data();
  function.row.outputs = function.outputs.data();
}

// Bytes of a tensor of the kind and shape that the value of a signature has.
Result<size_t> SizeOf(const masr_value& value, const masr_tensor& tensor) {
  const std::string name = "'" + std::string(value.name) + "'";
  if (tensor.dtype != value.dtype || tensor.rank != value.rank) {
    return Fail(ErrorCode::kInvalidArgument, name + " must be of dtype " +
                                                 std::to_string(value.dtype) + " and rank " +
                                                 std::to_string(value.rank));
  }
  size_t bytes = BytesOf(value.dtype);
  for (int32_t d = 0; d < value.rank; ++d) {
    const int64_t size = tensor.shape[d];
    if (size < 0 || (value.shape[d] >= 0 && size != value.shape[d])) {
      return Fail(ErrorCode::kInvalidArgument, name + ": dimension " + std::to_string(d) +
                                                   " must not be " + std::to_string(size));
    }
    if (__builtin_mul_overflow(bytes, static_cast<size_t>(size), &bytes)) {
      return Fail(ErrorCode::kInvalidArgument, name + ": its shape is too large");
    }
  }
  return bytes;
}

Status CheckInput(const masr_value& value, const masr_tensor& tensor) {
  MASR_TRY(const size_t bytes, SizeOf(value, tensor));
  if (tensor.bytes != bytes || (tensor.data == nullptr && bytes > 0)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(value.name) + "': its shape is of " + std::to_string(bytes) +
                    " bytes, and there are " +
                    std::to_string(tensor.data == nullptr ? 0 : tensor.bytes));
  }
  return {};
}

const masr_value* Named(std::span<const masr_value> values, const char* name) {
  const auto found = std::ranges::find_if(
      values, [name](const masr_value& v) { return std::string_view(v.name) == name; });
  return found == values.end() ? nullptr : &*found;
}

// Every tensor has a name of the signature's and none has another's; what must be there is there.
Status CheckNames(std::span<const masr_value> values, std::span<const masr_tensor> tensors,
                  const char* side) {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == nullptr || Named(values, tensors[i].name) == nullptr) {
      std::string names;
      for (const masr_value& v : values) names += std::string(names.empty() ? "" : ", ") + v.name;
      return Fail(ErrorCode::kInvalidArgument,
                  std::string(side) + " '" + (tensors[i].name == nullptr ? "" : tensors[i].name) +
                      "' is not in the signature, which has: " + names);
    }
    for (size_t k = 0; k < i; ++k) {
      if (std::string_view(tensors[k].name) == tensors[i].name) {
        return Fail(ErrorCode::kInvalidArgument,
                    std::string(side) + " '" + tensors[i].name + "' is given twice");
      }
    }
  }
  for (const masr_value& value : values) {
    const bool given = std::ranges::any_of(
        tensors, [&](const masr_tensor& t) { return std::string_view(t.name) == value.name; });
    if (value.optional == 0 && !given) {
      return Fail(ErrorCode::kInvalidArgument,
                  std::string(side) + " '" + value.name + "' is missing");
    }
  }
  return {};
}

Status CheckCall(const masr_function& function, std::span<const masr_tensor> inputs,
                 std::span<masr_tensor> outputs) {
  const auto in = Values(function.inputs, function.input_count);
  const auto out = Values(function.outputs, function.output_count);
  MASR_RETURN_IF_ERROR(CheckNames(in, inputs, "input"));
  MASR_RETURN_IF_ERROR(CheckNames(out, outputs, "output"));
  for (const masr_tensor& tensor : inputs) {
    MASR_RETURN_IF_ERROR(CheckInput(*Named(in, tensor.name), tensor));
  }
  for (masr_tensor& tensor : outputs) {
    const masr_value& value = *Named(out, tensor.name);
    tensor.dtype = value.dtype;
    tensor.rank = value.rank;
    // What the signature fixes, an app's function does not have to tell.
    for (int32_t d = 0; d < MASR_MAX_RANK; ++d) {
      tensor.shape[d] = d < value.rank && value.shape[d] >= 0 ? value.shape[d] : 1;
    }
    if (tensor.data == nullptr && tensor.bytes > 0) tensor.bytes = 0;
  }
  return {};
}

// What an app's function says of its outputs is within its signature and within the caller's room;
// bytes are set by it.
Status CheckAnswer(const masr_function& function, masr_status answer, std::span<const size_t> rooms,
                   std::span<masr_tensor> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    masr_tensor& tensor = outputs[i];
    const auto values = Values(function.outputs, function.output_count);
    MASR_TRY(tensor.bytes, SizeOf(*Named(values, tensor.name), tensor));
    if (answer == MASR_OK && tensor.bytes > rooms[i]) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + std::string(tensor.name) + "' has got " + std::to_string(tensor.bytes) +
                      " bytes where there was room for " + std::to_string(rooms[i]));
    }
  }
  return {};
}

}  // namespace
}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::Error;
using masr::ErrorCode;
using masr::Fail;
using masr::Status;

masr_status masr_function_at(masr_model* model, size_t index, masr_function* function) {
  return EnterPlain(model, [&]() -> Status {
    MASR_RETURN_IF_ERROR(CheckSize(function, "masr_function"));
    const FunctionTable own = BuiltInFunctions();
    if (index >= own.count + model->functions.size()) {
      return Fail(ErrorCode::kNotFound, "no function " + std::to_string(index));
    }
    WriteStruct(index < own.count ? own.rows[index] : model->functions[index - own.count].row,
                function);
    return {};
  });
}

masr_status masr_register(masr_model* model, const masr_function* function) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const masr_function given, ReadStruct(function, "masr_function"));
    MASR_RETURN_IF_ERROR(CheckRegistered(*model, given));
    Register(*model, given);
    return {};
  });
}

masr_status masr_call(masr_model* model, const char* function, const masr_tensor* inputs,
                      size_t input_count, masr_tensor* outputs, size_t output_count) {
  const masr_function* app_function = nullptr;
  std::array<size_t, kMostValues> rooms = {};
  const masr_status status = Enter(model, [&]() -> Outcome {
    if (function == nullptr || (inputs == nullptr && input_count > 0) ||
        (outputs == nullptr && output_count > 0)) {
      return Fail(ErrorCode::kInvalidArgument, "function, inputs and outputs must not be NULL");
    }
    const masr_function* found = FindFunction(*model, function);
    if (found == nullptr) {
      return Fail(ErrorCode::kNotFound, "no function '" + std::string(function) +
                                            "'; masr_function_at lists those there are");
    }
    MASR_RETURN_IF_ERROR(CheckCall(*found, {inputs, input_count}, {outputs, output_count}));
    if (found->call == nullptr) {
      return CallBuiltIn(*model, function, inputs, input_count, outputs, output_count);
    }
    app_function = found;
    for (size_t i = 0; i < output_count; ++i) rooms[i] = outputs[i].bytes;
    return MASR_OK;
  });
  if (app_function == nullptr) return status;
  // Outside of Enter: an app's function may use the model.
  const masr_status answer = app_function->call(app_function->user_data, model, inputs, input_count,
                                                outputs, output_count);
  const std::string_view name = app_function->name;
  const auto fail = [&](const Error& why) {
    return Enter(model, [&]() -> Outcome {
      return Fail("the app's function '" + std::string(name) + "'", why);
    });
  };
  if (answer != MASR_OK && answer != MASR_BUFFER_TOO_SMALL) {
    if (!model->message.empty()) return answer;
    return fail({CodeOf(answer), std::string("it failed with ") + masr_status_name(answer)});
  }
  // Not within Enter: another thread's call must not make one fail that is done.
  Status checked;
  if (!Guarded([&] {
        checked = CheckAnswer(*app_function, answer, rooms, {outputs, output_count});
      })) {
    return MASR_NO_SPACE;
  }
  return checked.has_value() ? answer : fail(checked.error());
}

masr_status masr_fail(masr_model* model, masr_status status, const char* message) {
  const masr_status set = EnterPlain(
      model, [&]() -> Status { return Fail(CodeOf(status), message == nullptr ? "" : message); });
  return set == MASR_BUSY ? MASR_BUSY : status;
}

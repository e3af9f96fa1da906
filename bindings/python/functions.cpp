#include "functions.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "errors.h"

namespace py = pybind11;

namespace {

using mobileasr::Model;

struct DType {
  int32_t dtype;
  const char* name;   // in a signature
  const char* numpy;  // in numpy
};
constexpr DType kDTypes[] = {{MASR_F32, "f32", "float32"},
                             {MASR_F64, "f64", "float64"},
                             {MASR_I32, "i32", "int32"},
                             {MASR_I64, "i64", "int64"},
                             {MASR_U8, "u8", "uint8"}};

const DType& Find(int32_t dtype) {
  return *std::ranges::find_if(kDTypes, [dtype](const DType& d) { return d.dtype == dtype; });
}

py::dtype Numpy(int32_t dtype) { return py::dtype(std::string(Find(dtype).numpy)); }

py::list ToList(const masr_value* values, size_t count) {
  py::list list;
  for (const masr_value* value = values; value != values + count; ++value) {
    py::dict row;
    row["name"] = value->name;
    row["dtype"] = Find(value->dtype).name;
    row["shape"] = py::tuple(py::cast(std::vector<int64_t>(value->shape, value->shape + value->rank)));
    row["optional"] = value->optional != 0;
    row["meaning"] = value->meaning;
    list.append(row);
  }
  return list;
}

py::list Functions(const Model& model) {
  py::list all;
  for (const masr_function& function : Run([&] { return model.Functions(); })) {
    py::dict row;
    row["name"] = function.name;
    row["meaning"] = function.meaning;
    row["inputs"] = ToList(function.inputs, function.input_count);
    row["outputs"] = ToList(function.outputs, function.output_count);
    all.append(row);
  }
  return all;
}

// A row of the table; none where there is no such function, which the library then says.
std::optional<masr_function> FindFunction(const Model& model, const std::string& name) {
  for (const masr_function& function : Run([&] { return model.Functions(); })) {
    if (name == function.name) return function;
  }
  return std::nullopt;
}

// Numbers, arrays, and text or bytes as an array of the type, with all of their value.
py::array ToArray(const py::handle& value, int32_t dtype, const std::string& name) {
  const py::module_ numpy = py::module_::import("numpy");
  py::object given = py::reinterpret_borrow<py::object>(value);
  if (py::isinstance<py::str>(given)) given = given.attr("encode")("utf-8");
  if (py::isinstance<py::bytes>(given) || py::isinstance<py::bytearray>(given)) {
    given = numpy.attr("frombuffer")(given, "uint8");
  }
  given = numpy.attr("asarray")(given);
  const py::dtype type = Numpy(dtype);
  if (!numpy.attr("can_cast")(given.attr("dtype"), type, "same_kind").cast<bool>()) {
    // Whole numbers of another sign are fine where they are the same afterwards, which is seen below.
    const auto kind = given.attr("dtype").attr("kind").cast<std::string>();
    if (type.kind() == 'f' || (kind != "i" && kind != "u")) {
      throw py::type_error("'" + name + "' must be " + Find(dtype).name + ", not " +
                           py::str(given.attr("dtype")).cast<std::string>());
    }
  }
  // (ascontiguousarray makes one dimension of none.)
  const py::object array = given.attr("astype")(type, py::arg("order") = "C", py::arg("copy") = false);
  if (type.kind() != 'f' && !numpy.attr("array_equal")(array, given).cast<bool>()) {
    throw py::value_error("'" + name + "' has a number that " + Find(dtype).name + " cannot hold");
  }
  return array.cast<py::array>();
}

// `array` must outlive it.
masr_tensor ToTensor(const char* name, int32_t dtype, const py::array& array) {
  masr_tensor tensor = {};
  tensor.name = name;
  tensor.dtype = dtype;
  // A rank beyond what there is cannot be told; the library refuses it.
  tensor.rank = static_cast<int32_t>(array.ndim());
  for (int d = 0; d < MASR_MAX_RANK; ++d) tensor.shape[d] = d < array.ndim() ? array.shape(d) : 1;
  tensor.data = const_cast<void*>(array.data());
  tensor.bytes = static_cast<size_t>(array.nbytes());
  return tensor;
}

// A copy: bytes of one-dimensional u8 (texts are such), a number where there is no dimension, else an array.
py::object ToPython(const masr_tensor& tensor) {
  if (tensor.dtype == MASR_U8 && tensor.rank == 1) {
    return py::bytes(static_cast<const char*>(tensor.data), tensor.bytes);
  }
  const std::vector<py::ssize_t> shape(tensor.shape, tensor.shape + tensor.rank);
  py::array array(Numpy(tensor.dtype), shape);
  if (tensor.bytes > 0) std::memcpy(array.mutable_data(), tensor.data, tensor.bytes);
  return tensor.rank == 0 ? array.attr("item")() : py::object(array);
}

// A call under way on this thread: what a function in Python needs, and what it leaves.
struct Call {
  explicit Call(const py::object& model_) : model(model_), outer(current) { current = this; }
  ~Call() { current = outer; }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  py::object model;
  // Of a function whose outputs have not found room yet: it is not run twice for that.
  std::vector<py::array> answer;
  py::object raised;
  Call* outer;

  // The library hands a function its user_data, which is the function in Python, and nothing of the call.
  static thread_local Call* current;
};
thread_local Call* Call::current = nullptr;

// Asks the function in Python for the outputs, in their order.
std::vector<py::array> Ask(const py::handle& function, const py::object& model, const masr_tensor* inputs,
                           size_t input_count, const masr_tensor* outputs, size_t output_count) {
  py::dict given;
  for (size_t i = 0; i < input_count; ++i) given[inputs[i].name] = ToPython(inputs[i]);
  const py::object answer = function(model, given);
  const py::dict told = answer.is_none() ? py::dict() : answer.cast<py::dict>();
  std::vector<py::array> arrays;
  for (size_t i = 0; i < output_count; ++i) {
    if (!told.contains(outputs[i].name)) {
      throw py::key_error("it has given no '" + std::string(outputs[i].name) + "'");
    }
    arrays.push_back(ToArray(told[outputs[i].name], outputs[i].dtype, outputs[i].name));
  }
  return arrays;
}

masr_status Write(const std::vector<py::array>& answer, masr_tensor* outputs) {
  bool fits = true;
  for (size_t i = 0; i < answer.size(); ++i) {
    const masr_tensor own = ToTensor(outputs[i].name, outputs[i].dtype, answer[i]);
    fits = fits && outputs[i].bytes >= own.bytes;
    outputs[i].rank = own.rank;
    std::ranges::copy(own.shape, outputs[i].shape);
    if (fits && own.bytes > 0) std::memcpy(outputs[i].data, own.data, own.bytes);
  }
  return fits ? MASR_OK : MASR_BUFFER_TOO_SMALL;
}

// The status of a mobileasr.Error, else what an app's function fails with.
masr_status StatusOf(const py::handle& exception) {
  if (!py::isinstance(exception, py::handle(error_type))) return MASR_INVALID_ARGUMENT;
  const auto name = py::cast<std::string>(py::getattr(exception, "status", py::str("")));
  for (int32_t status = MASR_INVALID_ARGUMENT; status <= MASR_DIVERGED; ++status) {
    if (name == masr_status_name(static_cast<masr_status>(status))) return static_cast<masr_status>(status);
  }
  return MASR_INVALID_ARGUMENT;
}

// Any function in Python: `user_data` is the callable. The lock has been given up by the call.
masr_status CallPython(void* user_data, masr_model* model, const masr_tensor* inputs, size_t input_count,
                       masr_tensor* outputs, size_t output_count) {
  const py::gil_scoped_acquire acquired;
  Call& call = *Call::current;
  std::string message;
  try {
    if (call.answer.empty()) {
      call.answer = Ask(py::handle(static_cast<PyObject*>(user_data)), call.model, inputs, input_count, outputs,
                        output_count);
    }
    return Write(call.answer, outputs);
  } catch (py::error_already_set& raised) {
    call.raised = raised.value();
    if (raised.trace()) PyException_SetTraceback(call.raised.ptr(), raised.trace().ptr());
    message = py::str(raised.type().attr("__name__")).cast<std::string>() + ": " +
              py::str(raised.value()).cast<std::string>();
    return masr_fail(model, StatusOf(raised.value()), message.c_str());
  } catch (const std::exception& wrong) {  // what pybind11 makes of an answer of another kind
    return masr_fail(model, MASR_INVALID_ARGUMENT, wrong.what());
  }
}

// Room for an output whose shape the signature fixes; none yet where it does not.
size_t FixedBytes(const masr_value& value) {
  int64_t bytes = Numpy(value.dtype).itemsize();
  for (int32_t d = 0; d < value.rank; ++d) bytes *= std::max<int64_t>(0, value.shape[d]);
  return static_cast<size_t>(bytes);
}

const masr_value* FindValue(const masr_value* values, size_t count, std::string_view name) {
  const masr_value* end = values + count;
  const masr_value* found = std::find_if(values, end, [&](const masr_value& v) { return name == v.name; });
  return found == end ? nullptr : found;
}

py::dict CallByName(const py::object& self, const std::string& name, const py::dict& inputs,
                    const std::optional<std::vector<std::string>>& wanted) {
  Model& model = self.cast<Model&>();
  const masr_function function = FindFunction(model, name).value_or(masr_function{});
  std::deque<std::string> names;  // at fixed places
  std::vector<py::array> arrays;
  std::vector<masr_tensor> given;
  for (const auto& [key, value] : inputs) {
    const std::string& own = names.emplace_back(key.cast<std::string>());
    const masr_value* known = FindValue(function.inputs, function.input_count, own);
    if (known != nullptr) {
      given.push_back(ToTensor(own.c_str(), known->dtype, arrays.emplace_back(ToArray(value, known->dtype, own))));
    } else {
      given.push_back({.name = own.c_str()});  // refused by the library, with those that there are
    }
  }
  std::vector<masr_tensor> outputs;
  if (wanted) {
    for (const std::string& own : *wanted) outputs.push_back({.name = own.c_str()});
  } else {
    for (size_t i = 0; i < function.output_count; ++i) outputs.push_back({.name = function.outputs[i].name});
  }
  std::vector<std::string> room(outputs.size());
  const auto make_room = [&](size_t i, size_t bytes) {
    room[i].resize(bytes);
    outputs[i].data = bytes == 0 ? nullptr : room[i].data();
    outputs[i].bytes = bytes;
  };
  for (size_t i = 0; i < outputs.size(); ++i) {
    const masr_value* known = FindValue(function.outputs, function.output_count, outputs[i].name);
    if (known != nullptr) make_room(i, FixedBytes(*known));
  }
  Call call(self);
  const auto run = [&] {
    const py::gil_scoped_release released;
    return model.Call(name, given, outputs);
  };
  auto status = run();
  if (!status && status.error().status == MASR_BUFFER_TOO_SMALL) {
    for (size_t i = 0; i < outputs.size(); ++i) make_room(i, outputs[i].bytes);
    status = run();
  }
  if (!status) {
    // What is to end the program is no error of a function.
    if (call.raised && !py::isinstance(call.raised, py::handle(PyExc_Exception))) RaiseObject(call.raised);
    const py::object error = ToException(status.error());
    if (call.raised) py::setattr(error, "__cause__", call.raised);
    RaiseObject(error);
  }
  py::dict answer;
  for (const masr_tensor& output : outputs) answer[output.name] = ToPython(output);
  return answer;
}

// One side of a signature, as functions() gives it; texts live in `texts`.
std::vector<masr_value> ToValues(const py::iterable& rows, std::deque<std::string>& texts) {
  std::vector<masr_value> values;
  for (const py::handle& each : rows) {
    const auto row = each.cast<py::dict>();
    masr_value value = {};
    value.name = texts.emplace_back(row["name"].cast<std::string>()).c_str();
    value.meaning = texts.emplace_back(row.contains("meaning") ? row["meaning"].cast<std::string>() : "").c_str();
    value.optional = row.contains("optional") && row["optional"].cast<bool>() ? 1 : 0;
    const auto dtype = row["dtype"].cast<std::string>();
    const auto* known = std::ranges::find_if(kDTypes, [&](const DType& d) { return dtype == d.name; });
    if (known == std::end(kDTypes)) throw py::value_error("dtype must be f32, f64, i32, i64 or u8, not " + dtype);
    value.dtype = known->dtype;
    const auto shape = row["shape"].cast<std::vector<int64_t>>();
    value.rank = static_cast<int32_t>(shape.size());
    for (size_t d = 0; d < MASR_MAX_RANK; ++d) value.shape[d] = d < shape.size() ? shape[d] : 1;
    values.push_back(value);
  }
  return values;
}

void Register(Model& model, const std::string& name, const py::function& function, const py::iterable& inputs,
              const py::iterable& outputs, const std::string& meaning) {
  std::deque<std::string> texts;
  const std::vector<masr_value> in = ToValues(inputs, texts);
  const std::vector<masr_value> out = ToValues(outputs, texts);
  auto row = mobileasr::Make<masr_function>();
  row.name = name.c_str();
  row.meaning = meaning.c_str();
  row.inputs = in.data();
  row.input_count = in.size();
  row.outputs = out.data();
  row.output_count = out.size();
  row.call = CallPython;
  row.user_data = function.ptr();
  Run([&] { return model.Register(row); });
}

}  // namespace

void DefineFunctions(py::class_<Model>& model) {
  model
      .def("functions", &Functions,
           "The signature table: name, meaning, and of inputs and outputs name, dtype (f32, f64, i32, i64, u8), shape "
           "(-1: any length), optional, meaning.")
      .def("call", &CallByName, py::arg("function"), py::arg("inputs") = py::dict(), py::arg("outputs") = py::none(),
           "Calls a function by its name. Inputs and outputs are dicts: arrays, numbers without a dimension, bytes of "
           "one-dimensional u8 (as input text too). `outputs` names those that are wanted; None: all.")
      // The model keeps the function: as long as there is the one, there is the other.
      .def("register", &Register, py::keep_alive<1, 3>(), py::arg("name"), py::arg("function"), py::kw_only(),
           py::arg("inputs") = py::tuple(), py::arg("outputs") = py::tuple(), py::arg("meaning") = "",
           "Adds a function of the program's own, with inputs and outputs as functions() lists them. It is called as "
           "function(model, inputs) and gives a dict of its outputs; it may use the model. What it raises is the cause "
           "of the mobileasr.Error that comes out of call(). A model and what its functions refer to are freed together: "
           "a function that holds the model itself keeps it for ever, so it is given it.");
}

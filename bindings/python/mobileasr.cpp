// The six functions in Python, over mobileasr.hpp: numpy arrays in and out. See mobileasr_test.py for all of it in use.
#include <mobileasr/mobileasr.hpp>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>

namespace py = pybind11;

namespace {

using Array = py::array_t<float, py::array::c_style | py::array::forcecast>;

PyObject* error_type = nullptr;  // mobileasr.Error; of the Python module, which is there once in a process

[[noreturn]] void Raise(const mobileasr::Error& error) {
  py::object raised = py::reinterpret_borrow<py::object>(error_type)(error.message);
  raised.attr("status") = masr_status_name(error.status);
  PyErr_SetObject(error_type, raised.ptr());
  throw py::error_already_set();
}

// Without the interpreter's lock, so that other threads go on, and may cancel.
template <class Call>
auto Run(const Call& call) {
  auto result = [&] {
    const py::gil_scoped_release released;
    return call();
  }();
  if (!result) Raise(result.error());
  return std::move(*result);
}

py::array_t<float> ToArray(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  py::array_t<float> array(shape);
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

std::vector<float> ToVector(const Array& array) { return {array.data(), array.data() + array.size()}; }

// One-dimensional arrays are audio, two-dimensional ones [frames, mels] features.
mobileasr::Speech SpeechOf(const std::vector<Array>& utterances, const std::vector<std::string>& texts,
                           int32_t sample_rate_hz) {
  if (texts.size() != utterances.size()) throw py::value_error("there must be a text for each utterance");
  mobileasr::Speech speech;
  speech.set_sample_rate_hz(sample_rate_hz);
  for (size_t u = 0; u < utterances.size(); ++u) {
    const Array& own = utterances[u];
    if (own.ndim() != utterances[0].ndim() || own.ndim() < 1 || own.ndim() > 2 ||
        (own.ndim() == 2 && own.shape(1) != utterances[0].shape(1))) {
      throw py::value_error("all utterances must be audio [samples], or all features [frames, mels]");
    }
    if (own.ndim() == 1) {
      speech.AddAudio(ToVector(own), texts[u]);
    } else {
      speech.AddFeatures(ToVector(own), own.shape(1), texts[u]);
    }
  }
  return speech;
}

void CheckWidth(const mobileasr::Model& model, const std::vector<Array>& utterances) {
  if (utterances.empty() || utterances[0].ndim() != 2) return;
  const int32_t mels = Run([&] { return model.Describe(); }).mels;
  if (utterances[0].shape(1) != mels) {
    throw py::value_error("features must be " + std::to_string(mels) + " wide");
  }
}

py::tuple Infer(const mobileasr::Model& model, const std::vector<Array>& utterances, int32_t sample_rate_hz) {
  CheckWidth(model, utterances);
  mobileasr::Speech speech = SpeechOf(utterances, std::vector<std::string>(utterances.size()), sample_rate_hz);
  const mobileasr::Inference heard = Run([&] { return model.Infer(speech); });
  const int64_t tokens = Run([&] { return model.Describe(); }).tokens;
  py::list probabilities;
  const float* at = heard.probabilities.data();
  for (const int64_t rows : heard.rows) {
    probabilities.append(ToArray({at, at + rows * tokens}, {rows, tokens}));
    at += rows * tokens;
  }
  return py::make_tuple(probabilities, heard.texts);
}

py::list Parameters(const mobileasr::Model& model) {
  py::list all;
  for (const masr_parameter& p : Run([&] { return model.Parameters(); })) {
    py::dict row;
    row["name"] = p.name;
    row["shape"] = py::tuple(py::cast(std::vector<int64_t>(p.shape, p.shape + p.rank)));
    row["dtype"] = p.dtype == MASR_BF16 ? "bf16" : p.dtype == MASR_I8 ? "i8" : "f32";
    row["bytes"] = p.bytes;
    row["trainable"] = p.trainable == 1;
    row["block"] = p.block;
    row["block_name"] = p.block_name;
    row["training_bytes"] = p.training_bytes;
    row["block_forward_seconds"] = p.block_forward_seconds;
    row["block_backward_seconds"] = p.block_backward_seconds;
    row["update_seconds"] = p.update_seconds;
    all.append(row);
  }
  return all;
}

py::dict Weights(mobileasr::Model& model) {
  py::dict weights;
  for (const mobileasr::Weight& weight : Run([&] { return model.Weights(); })) {
    weights[py::str(weight.name)] = ToArray(weight.values, weight.shape);
  }
  return weights;
}

void SetWeights(mobileasr::Model& model, const std::map<std::string, Array>& given) {
  std::vector<mobileasr::Weight> weights;
  for (const auto& [name, array] : given) {
    weights.push_back({name, {array.shape(), array.shape() + array.ndim()}, ToVector(array)});
  }
  Run([&] { return model.SetWeights(weights); });
}

void Configure(mobileasr::Model& model, int32_t freeze_blocks, const std::string& tuning, int32_t lora_rank,
               int32_t optimizer_bits, int32_t parts, double micro_batch_seconds, double learning_rate,
               uint64_t seed) {
  const std::map<std::string, int32_t> tunings = {
      {"full", MASR_TUNE_FULL}, {"vectors", MASR_TUNE_VECTORS}, {"lora", MASR_TUNE_LORA}};
  const auto found = tunings.find(tuning);
  if (found == tunings.end()) throw py::value_error("tuning must be full, vectors or lora");
  auto options = mobileasr::Make<masr_training_options>();
  options.freeze_blocks = freeze_blocks;
  options.tuning = found->second;
  options.lora_rank = lora_rank;
  options.optimizer_bits = optimizer_bits;
  options.parts = parts;
  options.micro_batch_seconds = micro_batch_seconds;
  options.learning_rate = learning_rate;
  options.seed = seed;
  Run([&] { return model.Configure(options); });
}

}  // namespace

PYBIND11_MODULE(mobileasr, module) {
  using mobileasr::Model;
  module.doc() = "A CTC speech recogniser that learns its owner's voice on the device.";
  module.attr("__version__") = masr_version();
  error_type = py::exception<mobileasr::Error>(module, "Error", PyExc_RuntimeError).release().ptr();
  py::class_<Model>(module, "Model", "A recogniser. One thread at a time, but for set_cancelled.")
      .def(py::init([](const std::string& path, int32_t threads) {
             return std::make_unique<Model>(Run([&] { return Model::Load(path, threads); }));
           }),
           py::arg("path"), py::arg("threads") = 0)
      .def("configure", &Configure, py::arg("freeze_blocks") = 0, py::arg("tuning") = "full",
           py::arg("lora_rank") = 0, py::arg("optimizer_bits") = 0, py::arg("parts") = 0,
           py::arg("micro_batch_seconds") = 0, py::arg("learning_rate") = 0, py::arg("seed") = 0,
           "Chooses what learns, before the first update; 0: the default.")
      .def("train",
           [](Model& model, const std::vector<Array>& speech, const std::vector<std::string>& texts, int32_t rate) {
             CheckWidth(model, speech);
             mobileasr::Speech batch = SpeechOf(speech, texts, rate);
             return Run([&] { return model.Train(batch); }).loss;
           },
           py::arg("speech"), py::arg("texts"), py::arg("sample_rate_hz") = 0,
           "One update on a batch of audio [samples] or features [frames, mels]; the loss, nats per token.")
      .def("infer", &Infer, py::arg("speech"), py::arg("sample_rate_hz") = 0,
           "Probabilities [rows, tokens] of each utterance, and their texts.")
      .def("loss",
           [](const Model& model, const std::vector<Array>& speech, const std::vector<std::string>& texts,
              int32_t rate) {
             CheckWidth(model, speech);
             mobileasr::Speech batch = SpeechOf(speech, texts, rate);
             return Run([&] { return model.Loss(batch); });
           },
           py::arg("speech"), py::arg("texts"), py::arg("sample_rate_hz") = 0,
           "CTC loss of a batch, nats per token; nothing is learned.")
      .def("save", [](Model& model, const std::string& path) { Run([&] { return model.Save(path); }); },
           py::arg("path"), "Writes a checkpoint.")
      .def("restore", [](Model& model, const std::string& path) { Run([&] { return model.Restore(path); }); },
           py::arg("path"), "Goes on from a checkpoint, to the same bits.")
      .def("parameters", &Parameters, "Name, shape, dtype, bytes, block and cost of training of each.")
      .def("weights", &Weights, "What learns, by name, for federated learning.")
      .def("set_weights", &SetWeights, py::arg("weights"), "All of it, or mobileasr.Error and nothing was set.")
      .def("export",
           [](const Model& model, const std::string& path) { Run([&] { return model.Export(path); }); },
           py::arg("path"), "Writes a model file.")
      .def("read_audio",
           [](const Model& model, const std::string& path) {
             const std::vector<float> samples = Run([&] { return model.ReadAudio(path); });
             return ToArray(samples, {static_cast<int64_t>(samples.size())});
           },
           py::arg("path"), "A file at the recogniser's rate.")
      .def("set_cancelled", &Model::SetCancelled, py::arg("cancelled"), "From any thread.");
}

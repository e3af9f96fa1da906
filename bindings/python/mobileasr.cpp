// The module in Python, over mobileasr.hpp: numpy arrays in and out. See mobileasr_test.py for all of it in use.
#include <mobileasr/mobileasr.hpp>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <optional>

#include "errors.h"
#include "functions.h"

namespace py = pybind11;

namespace {

using Array = py::array_t<float, py::array::c_style | py::array::forcecast>;

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

masr_training_options TrainingOptions(int32_t freeze_blocks, const std::string& tuning, int32_t lora_rank,
                                      int32_t optimizer_bits, int32_t parts, double micro_batch_seconds,
                                      double learning_rate, uint64_t seed, int32_t adapter_width, double longest_s) {
  const std::map<std::string, int32_t> tunings = {
      {"full", MASR_TUNE_FULL}, {"vectors", MASR_TUNE_VECTORS}, {"lora", MASR_TUNE_LORA},
      {"adapters", MASR_TUNE_ADAPTERS}};
  const auto found = tunings.find(tuning);
  if (found == tunings.end()) throw py::value_error("tuning must be full, vectors, lora or adapters");
  auto options = mobileasr::Make<masr_training_options>();
  options.freeze_blocks = freeze_blocks;
  options.tuning = found->second;
  options.lora_rank = lora_rank;
  options.optimizer_bits = optimizer_bits;
  options.parts = parts;
  options.micro_batch_seconds = micro_batch_seconds;
  options.learning_rate = learning_rate;
  options.seed = seed;
  options.adapter_width = adapter_width;
  options.longest_s = longest_s;
  return options;
}

const char* TuningName(int32_t tuning) {
  switch (tuning) {
    case MASR_TUNE_VECTORS:
      return "vectors";
    case MASR_TUNE_LORA:
      return "lora";
    case MASR_TUNE_ADAPTERS:
      return "adapters";
    default:
      return "full";
  }
}

void Configure(mobileasr::Model& model, int32_t freeze_blocks, const std::string& tuning, int32_t lora_rank,
               int32_t optimizer_bits, int32_t parts, double micro_batch_seconds, double learning_rate,
               uint64_t seed, int32_t adapter_width) {
  const masr_training_options options = TrainingOptions(freeze_blocks, tuning, lora_rank, optimizer_bits, parts,
                                                        micro_batch_seconds, learning_rate, seed, adapter_width,
                                                        /*longest_s=*/0);
  Run([&] { return model.Configure(options); });
}

void SetDecoding(mobileasr::Model& model, const std::string& language_model, const std::string& hotwords,
                 double hotword_boost, double language_model_weight, double word_score, double unknown_score,
                 int32_t beam) {
  auto options = mobileasr::Make<masr_decoding_options>();
  if (!language_model.empty()) options.language_model = language_model.c_str();
  if (!hotwords.empty()) options.hotwords = hotwords.c_str();
  options.hotword_boost = hotword_boost;
  options.language_model_weight = language_model_weight;
  options.word_score = word_score;
  options.unknown_score = unknown_score;
  options.beam = beam;
  Run([&] { return model.SetDecoding(options); });
}

// None where there is nothing to compare a text with.
py::object Confidence(double value) {
  return std::isnan(value) ? py::object(py::none()) : py::object(py::float_(value));
}

// What a piece of sound has brought: (segments, whether a partial text is due).
py::tuple ToPython(const mobileasr::StreamNews& news) {
  py::list segments;
  for (const mobileasr::Segment& segment : news.segments) {
    py::list words;
    for (const mobileasr::Word& word : segment.words) {
      words.append(py::dict(py::arg("word") = word.text, py::arg("begin_s") = word.begin_seconds,
                            py::arg("end_s") = word.end_seconds, py::arg("confidence") = Confidence(word.confidence)));
    }
    py::list texts;
    for (const mobileasr::Alternative& text : segment.texts) {
      texts.append(py::dict(py::arg("text") = text.text, py::arg("score") = text.score,
                            py::arg("confidence") = Confidence(text.confidence)));
    }
    segments.append(py::dict(py::arg("text") = segment.texts[0].text, py::arg("begin_s") = segment.begin_seconds,
                             py::arg("end_s") = segment.end_seconds, py::arg("words") = words,
                             py::arg("texts") = texts));
  }
  return py::make_tuple(segments, news.partial_due);
}

mobileasr::Stream MakeStream(const mobileasr::Model& model, int32_t sample_rate_hz, bool whole, double left_seconds,
                             double chunk_seconds, double right_seconds, double pause_seconds, int32_t texts) {
  auto options = mobileasr::Make<masr_stream_options>();
  options.sample_rate_hz = sample_rate_hz;
  options.whole = whole ? 1 : 0;
  options.left_seconds = left_seconds;
  options.chunk_seconds = chunk_seconds;
  options.right_seconds = right_seconds;
  options.pause_seconds = pause_seconds;
  options.texts = texts;
  return Run([&] { return mobileasr::Stream::Create(model, options); });
}

py::tuple Push(mobileasr::Stream& stream, const Array& samples) {
  if (samples.ndim() != 1) throw py::value_error("a piece of sound must be [samples]");
  return ToPython(Run([&] { return stream.Push(samples.data(), static_cast<size_t>(samples.size())); }));
}

// An owner, and what its callbacks in Python have raised: C must not see that.
class Owner {
 public:
  Owner(const std::string& folder, const std::string& base, int32_t threads, py::object on_event, py::object monitor)
      : on_event_(std::move(on_event)), monitor_(std::move(monitor)) {
    mobileasr::Owner::Monitor asked;
    if (!monitor_.is_none()) asked = [this](masr_resources& resources) { return Ask(resources); };
    const auto told = [this](const masr_event& event) { Tell(event); };
    owner_.emplace(Run([&] { return mobileasr::Owner::Open(folder, base, told, threads, asked); }));
  }

  mobileasr::Owner& get() {
    if (!owner_) throw py::value_error("the owner is closed");
    return *owner_;
  }
  void Close() {
    if (running_) throw py::value_error("a round is running; set_cancelled(True) ends it");
    owner_.reset();
  }
  void SetCancelled(bool cancelled) {
    cancelled_ = cancelled;
    get().SetCancelled(cancelled);
  }

  // A call in which callbacks may come.
  template <class Call>
  auto RunWithCallbacks(const Call& call) {
    mobileasr::Owner& owner = get();
    if (running_) Raise({MASR_BUSY, "another call with this owner has not returned yet"});
    running_ = true;
    auto result = [&] {
      const py::gil_scoped_release released;
      return call(owner);
    }();
    running_ = false;
    // A callback that raised has stopped its own call, and not the next one.
    owner.SetCancelled(cancelled_);
    if (raised_) std::rethrow_exception(std::exchange(raised_, nullptr));
    if (!result) Raise(result.error());
    return std::move(*result);
  }

 private:
  // Runs a callback on the thread of the round, which does not hold the interpreter's lock.
  template <class Callback>
  bool Guarded(const Callback& callback) {
    const py::gil_scoped_acquire acquired;
    if (raised_) return false;
    try {
      callback();
      return true;
    } catch (...) {
      raised_ = std::current_exception();
      owner_->SetCancelled(true);
      return false;
    }
  }

  void Tell(const masr_event& event) {
    if (on_event_.is_none()) return;  // only compared: no lock is needed
    Guarded([&] {
      static const char* const kKinds[] = {"step", "progress", "epoch", "pause", "halt", "accept", "keep"};
      const bool known = event.kind >= MASR_EVENT_STEP && event.kind <= MASR_EVENT_KEEP;
      py::dict told;
      told["kind"] = known ? kKinds[event.kind - MASR_EVENT_STEP] : "unknown";
      told["text"] = event.text;
      if (event.kind == MASR_EVENT_PROGRESS) {
        told["epoch"] = event.epoch;
        told["epochs"] = event.epochs;
        told["update"] = event.update;
        told["updates"] = event.updates;
        told["loss"] = event.loss;
        told["seconds_left"] = event.seconds_left;
      } else if (event.kind == MASR_EVENT_EPOCH) {
        told["epoch"] = event.epoch;
        told["loss"] = event.loss;
        told["validation_loss"] = event.validation_loss;
        told["validation_wer"] = event.validation_wer;
        told["validation_cer"] = event.validation_cer;
      }
      on_event_(told);
    });
  }

  bool Ask(masr_resources& resources) {
    return Guarded([&] {
      const py::object answer = monitor_();
      if (answer.is_none()) return;
      for (const auto& [key, value] : answer.cast<py::dict>()) {
        const auto name = key.cast<std::string>();
        if (name == "charging") {
          resources.charging = value.cast<bool>() ? 1 : 0;
          continue;
        }
        const std::map<std::string, double*> fields = {
            {"available_bytes", &resources.available_bytes},
            {"battery_percent", &resources.battery_percent},
            {"power_w", &resources.power_w},
            {"battery_temperature_c", &resources.battery_temperature_c},
            {"temperature_c", &resources.temperature_c},
            {"temperature_limit_c", &resources.temperature_limit_c}};
        const auto field = fields.find(name);
        if (field == fields.end()) throw py::value_error("a monitor cannot tell '" + name + "'");
        *field->second = value.cast<double>();
      }
    });
  }

  py::object on_event_;
  py::object monitor_;
  std::optional<mobileasr::Owner> owner_;
  std::exception_ptr raised_;
  bool running_ = false;
  bool cancelled_ = false;
};

// What the options point to, for as long as a call takes.
struct Round {
  Round(const std::string& data_, double minutes, const std::string& general_, const std::string& test_,
        const std::string& mode, int32_t epochs, uint64_t seed, int64_t ram_bytes, double seconds,
        double battery_percent, const std::string& policy_,
        const std::optional<masr_training_options>& training_)
      : data(data_), general(general_), test(test_), policy(policy_) {
    const std::map<std::string, int32_t> modes = {
        {"new", MASR_ROUND_NEW}, {"resume", MASR_ROUND_RESUME}, {"restart", MASR_ROUND_RESTART}};
    const auto found = modes.find(mode);
    if (found == modes.end()) throw py::value_error("mode must be new, resume or restart");
    const auto text = [](const std::string& given) { return given.empty() ? nullptr : given.c_str(); };
    options.data = text(data);
    options.minutes = minutes;
    options.general = text(general);
    options.test = text(test);
    options.mode = found->second;
    options.epochs = epochs;
    options.seed = seed;
    options.ram_bytes = ram_bytes;
    options.seconds = seconds;
    options.battery_percent = battery_percent;
    options.policy = text(policy);
    if (!training_) return;
    training = *training_;
    options.training = &training;
  }

  std::string data;
  std::string general;
  std::string test;
  std::string policy;
  masr_training_options training = {};
  masr_round_options options = mobileasr::Make<masr_round_options>();
};

py::dict PlanRound(Owner& owner, const Round& round) {
  const masr_plan plan = owner.RunWithCallbacks([&](mobileasr::Owner& of) { return of.Plan(round.options); });
  auto training = mobileasr::Make<masr_training_options>();
  training.freeze_blocks = plan.freeze_blocks;
  training.tuning = plan.tuning;
  training.lora_rank = plan.lora_rank;
  training.adapter_width = plan.adapter_width;
  training.optimizer_bits = plan.optimizer_bits;
  training.parts = plan.parts;
  training.micro_batch_seconds = plan.micro_batch_seconds;
  training.longest_s = plan.longest_s;
  py::dict told;
  told["name"] = plan.name;
  told["why"] = plan.why;
  told["training"] = training;
  told["trainable_parameters"] = plan.trainable_parameters;
  told["peak_bytes"] = plan.peak_bytes;
  told["seconds"] = plan.seconds;
  told["joules"] = plan.joules;
  told["expected_gain"] = plan.expected_gain;
  told["candidates"] = plan.candidates;
  told["fitting"] = plan.fitting;
  return told;
}

py::dict RunRound(Owner& owner, const Round& round) {
  const masr_round_result result =
      owner.RunWithCallbacks([&](mobileasr::Owner& of) { return of.Run(round.options); });
  py::dict told;
  told["round"] = result.round;
  told["accepted"] = result.accepted != 0;
  told["resumed"] = result.resumed != 0;
  told["unfinished"] = result.unfinished != 0;
  told["epochs"] = result.epochs;
  told["best_epoch"] = result.best_epoch;
  told["wer_before"] = result.wer_before;
  told["wer_after"] = result.wer_after;
  told["cer_before"] = result.cer_before;
  told["cer_after"] = result.cer_after;
  told["audio_seconds"] = result.audio_seconds;
  told["seconds"] = result.seconds;
  told["planned_bytes"] = result.planned_bytes;
  told["peak_bytes"] = result.peak_bytes;
  told["sub_model"] = result.sub_model;
  told["why"] = result.why;
  told["halted_by"] = result.halted_by;
  return told;
}

// plan() and run() take the same.
template <py::dict (*function)(Owner&, const Round&)>
void DefineRound(py::class_<Owner>& type, const char* name, const char* meaning) {
  type.def(
      name,
      [](Owner& owner, const std::string& data, double minutes, const std::string& general, const std::string& test,
         const std::string& mode, int32_t epochs, uint64_t seed, int64_t ram_bytes, double seconds,
         double battery_percent, const std::string& policy, const std::optional<masr_training_options>& training) {
        const Round round(data, minutes, general, test, mode, epochs, seed, ram_bytes, seconds, battery_percent,
                          policy, training);
        return function(owner, round);
      },
      py::arg("data") = "", py::kw_only(), py::arg("minutes") = 0, py::arg("general") = "", py::arg("test") = "",
      py::arg("mode") = "new", py::arg("epochs") = 0, py::arg("seed") = 0, py::arg("ram_bytes") = 0,
      py::arg("seconds") = 0, py::arg("battery_percent") = 0, py::arg("policy") = "",
      py::arg("training") = py::none(), meaning);
}

void DefineOwner(py::module_& module) {
  py::class_<masr_training_options>(module, "TrainingOptions", "What learns; 0: the default.")
      .def(py::init(&TrainingOptions), py::kw_only(), py::arg("freeze_blocks") = 0, py::arg("tuning") = "full",
           py::arg("lora_rank") = 0, py::arg("optimizer_bits") = 0, py::arg("parts") = 0,
           py::arg("micro_batch_seconds") = 0, py::arg("learning_rate") = 0, py::arg("seed") = 0,
           py::arg("adapter_width") = 0, py::arg("longest_s") = 0)
      .def_property_readonly("tuning", [](const masr_training_options& o) { return TuningName(o.tuning); })
      .def_readonly("freeze_blocks", &masr_training_options::freeze_blocks)
      .def_readonly("lora_rank", &masr_training_options::lora_rank)
      .def_readonly("adapter_width", &masr_training_options::adapter_width)
      .def_readonly("optimizer_bits", &masr_training_options::optimizer_bits)
      .def_readonly("parts", &masr_training_options::parts)
      .def_readonly("longest_s", &masr_training_options::longest_s)
      .def_readonly("micro_batch_seconds", &masr_training_options::micro_batch_seconds);
  py::class_<Owner> owner(module, "Owner", "One person's folder of rounds. One thread at a time, but for set_cancelled.");
  owner
      .def(py::init<const std::string&, const std::string&, int32_t, py::object, py::object>(), py::arg("folder"),
           py::arg("base"), py::arg("threads") = 0, py::arg("on_event") = py::none(), py::arg("monitor") = py::none(),
           "Opens the folder, or makes it with a copy of the model file `base`. `on_event` is called with a dict "
           "(kind: step, progress, epoch, pause, halt, accept, keep). `monitor` is called before every update and "
           "gives a dict of what the program knows of its device (available_bytes, battery_percent, charging, power_w, "
           "battery_temperature_c, temperature_c, temperature_limit_c), or None. What they raise stops the round and "
           "comes out of run().")
      .def("rollback", [](Owner& self) { self.RunWithCallbacks([](mobileasr::Owner& of) { return of.Rollback(); }); },
           "The model before the last accepted one is used again.")
      .def("history",
           [](Owner& self) {
             const std::string json = self.RunWithCallbacks([](mobileasr::Owner& of) { return of.History(); });
             const py::dict history = py::module_::import("json").attr("loads")(json);
             return py::object(history["rounds"]);
           },
           "All rounds, oldest first.")
      .def("report",
           [](Owner& self, const std::string& path) {
             self.RunWithCallbacks([&](mobileasr::Owner& of) { return of.Report(path); });
           },
           py::arg("path"), "All rounds as an HTML page of one file.")
      .def_property_readonly(
          "model",
          [](Owner& self) { return self.RunWithCallbacks([](mobileasr::Owner& of) { return of.AcceptedModel(); }); },
          "Path of the model that is accepted now.")
      .def("measure", [](Owner& self) { self.RunWithCallbacks([](mobileasr::Owner& of) { return of.Measure(); }); },
           "Measures what the device computes in a second, for plans: a second or two, and up to 40 MB of this process.")
      .def("profile",
           [](Owner& self) { return self.RunWithCallbacks([](mobileasr::Owner& of) { return of.Profile(); }); },
           "What was measured, JSON.")
      .def("set_profile",
           [](Owner& self, const std::string& json) {
             self.RunWithCallbacks([&](mobileasr::Owner& of) { return of.SetProfile(json); });
           },
           py::arg("json"), "Plans go by this profile, and nothing is measured; \"\": forgets the one there is.")
      .def("set_cancelled", &Owner::SetCancelled, py::arg("cancelled"), "From any thread.")
      .def("close", &Owner::Close, "Lets another process have the folder.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](Owner& self, const py::args&) { self.Close(); });
  DefineRound<PlanRound>(owner, "plan", "What a round would train, and what it would take; no round is begun.");
  DefineRound<RunRound>(owner, "run",
                        "Runs a round: learns from speech with texts, judges what was learned, accepts it or keeps "
                        "what was. A round that was halted is a result: unfinished, and mode=\"resume\" goes on.");
}

}  // namespace

PYBIND11_MODULE(mobileasr, module) {
  using mobileasr::Model;
  module.doc() = "A CTC speech recogniser that learns its owner's voice on the device.";
  module.attr("__version__") = masr_version();
  error_type = py::exception<mobileasr::Error>(module, "Error", PyExc_RuntimeError).release().ptr();
  py::class_<Model> model(module, "Model", "A recogniser. One thread at a time, but for set_cancelled.");
  model
      .def(py::init([](const std::string& path, int32_t threads) {
             return std::make_unique<Model>(Run([&] { return Model::Load(path, threads); }));
           }),
           py::arg("path"), py::arg("threads") = 0)
      .def("configure", &Configure, py::arg("freeze_blocks") = 0, py::arg("tuning") = "full",
           py::arg("lora_rank") = 0, py::arg("optimizer_bits") = 0, py::arg("parts") = 0,
           py::arg("micro_batch_seconds") = 0, py::arg("learning_rate") = 0, py::arg("seed") = 0,
           py::arg("adapter_width") = 0, "Chooses what learns, before the first update; 0: the default.")
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
      .def("set_decoding", &SetDecoding, py::kw_only(), py::arg("language_model") = "", py::arg("hotwords") = "",
           py::arg("hotword_boost") = 0, py::arg("language_model_weight") = 0, py::arg("word_score") = 0,
           py::arg("unknown_score") = 0, py::arg("beam") = 0,
           "A language model (a file), hotwords (text, a phrase a line), or both, for texts from now on; without any, "
           "the best path.")
      .def("stream", &MakeStream, py::keep_alive<0, 1>(), py::kw_only(), py::arg("sample_rate_hz") = 0,
           py::arg("whole") = false, py::arg("left_seconds") = 0, py::arg("chunk_seconds") = 0,
           py::arg("right_seconds") = 0, py::arg("pause_seconds") = 0, py::arg("texts") = 0,
           "A recogniser that listens; its calls are calls of this model.")
      .def("set_cancelled", &Model::SetCancelled, py::arg("cancelled"), "From any thread.");
  DefineFunctions(model);
  py::class_<mobileasr::Stream>(module, "Stream", "A recogniser that listens. Made by Model.stream().")
      .def("push", &Push, py::arg("samples"),
           "The next samples: the segments that ended, and whether a partial text is due.")
      .def("partial", [](mobileasr::Stream& stream) { return Run([&] { return stream.Partial(); }); },
           "What has been said since the last segment; it may read differently the next time.")
      .def("finish",
           [](mobileasr::Stream& stream) -> py::object {
             const py::tuple news = ToPython(Run([&] { return stream.Finish(); }));
             return news[0];
           },
           "The sound has ended: the last segments.");
  DefineOwner(module);
}

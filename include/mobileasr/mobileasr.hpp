/// @file mobileasr.hpp
/// MobileASR in C++17: mobileasr.h with owners, strings and vectors. Header only; nothing here but
/// calls of the C functions, whose contracts hold.
///
/// A call gives a Result: what it is for, or why not. Nothing throws but the C++ library where
/// memory runs out.
#ifndef MOBILEASR_MOBILEASR_HPP_
#define MOBILEASR_MOBILEASR_HPP_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mobileasr/mobileasr.h"

/// MobileASR in C++.
namespace mobileasr {

/// A struct of the C interface with its struct_size set and all else at its default.
template <class T>
T Make() {
  T value{};
  value.struct_size = sizeof(T);
  return value;
}

/// Why a call failed.
struct Error {
  masr_status status = MASR_OK;  ///< its code
  std::string message;           ///< in words
};

/// A value, or an Error. `*result` is there only where the result is true.
template <class T>
class [[nodiscard]] Result {
 public:
  /// Done.
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  /// Not done.
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  /// Whether it was done.
  explicit operator bool() const { return value_.has_value(); }
  /// The value.
  T& operator*() { return *value_; }
  /// The value.
  const T& operator*() const { return *value_; }
  /// The value.
  T* operator->() { return &*value_; }
  /// The value.
  const T* operator->() const { return &*value_; }
  /// Why not; MASR_OK where it was done.
  const Error& error() const { return error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

/// Of calls that give nothing else.
struct Done {};
/// Done, or an Error.
using Status = Result<Done>;

/// What a Model and an Owner share: a handle of the C interface, and what it says of its calls.
template <class T, void (*destroy)(T*), const char* (*error)(const T*)>
class Handle {
 public:
  /// The handle, for C functions that have no counterpart here. It stays this object's.
  T* handle() const { return handle_.get(); }

 protected:
  /// Takes it.
  explicit Handle(T* handle = nullptr) : handle_(handle) {}
  /// Takes another.
  void Reset(T* handle) { handle_.reset(handle); }
  /// Why the last call failed.
  Error Why(masr_status status) const { return {status, error(handle())}; }
  /// Whether the last call was done.
  Status Give(masr_status status) const {
    if (status != MASR_OK) return Why(status);
    return Done{};
  }
  /// The value of a call. By reference: arguments are evaluated in any order, and the call may be
  /// one of them.
  template <class Value>
  Result<Value> Give(masr_status status, Value& value) const {
    if (status != MASR_OK) return Why(status);
    return std::move(value);
  }

 private:
  struct Destroy {
    void operator()(T* handle) const { destroy(handle); }
  };
  std::unique_ptr<T, Destroy> handle_;
};

/// Utterances to be given to a model: audio or features, and texts.
class Speech {
 public:
  /// Samples of one utterance, mono at the model's rate, and what is said (may be empty).
  void AddAudio(const std::vector<float>& samples, std::string text = "") {
    values_.insert(values_.end(), samples.begin(), samples.end());
    lengths_.push_back(static_cast<int64_t>(samples.size()));
    texts_.push_back(std::move(text));
  }
  /// Instead: [frames, mels] of one utterance. Not to be mixed with audio.
  void AddFeatures(const std::vector<float>& frames, int64_t mels, std::string text = "") {
    is_features_ = true;
    values_.insert(values_.end(), frames.begin(), frames.end());
    lengths_.push_back(static_cast<int64_t>(frames.size()) / mels);
    texts_.push_back(std::move(text));
  }
  /// Of the audio; 0: the model's.
  void set_sample_rate_hz(int32_t rate) { sample_rate_hz_ = rate; }
  /// How many utterances there are.
  size_t size() const { return lengths_.size(); }

  /// As C wants it; valid until something is added.
  masr_speech view() {
    pointers_.clear();
    for (const std::string& text : texts_) pointers_.push_back(text.c_str());
    masr_speech speech = Make<masr_speech>();
    speech.count = lengths_.size();
    (is_features_ ? speech.features : speech.audio) = values_.data();
    speech.lengths = lengths_.data();
    speech.sample_rate_hz = sample_rate_hz_;
    speech.texts = pointers_.data();
    return speech;
  }

 private:
  std::vector<float> values_;
  std::vector<int64_t> lengths_;
  std::vector<std::string> texts_;
  std::vector<const char*> pointers_;
  int32_t sample_rate_hz_ = 0;
  bool is_features_ = false;
};

/// What a model hears.
struct Inference {
  std::vector<float> probabilities;  ///< [total rows, tokens]
  std::vector<int64_t> rows;         ///< of each utterance
  std::vector<std::string> texts;    ///< of each utterance
};

/// A weight that learns.
struct Weight {
  std::string name;            ///< of the parameter
  std::vector<int64_t> shape;  ///< of the parameter
  std::vector<float> values;   ///< flat
};

/// A recogniser: masr_model.
class Model : public Handle<masr_model, masr_model_destroy, masr_model_error> {
 public:
  /// Loads a model file; `threads` 0: one for each core.
  static Result<Model> Load(const std::string& path, int32_t threads = 0) {
    masr_model_options options = Make<masr_model_options>();
    options.threads = threads;
    masr_model* handle = nullptr;
    if (const masr_status status = masr_model_create(&options, &handle); status != MASR_OK) {
      return Error{status, "wrong number of threads"};
    }
    Model model(handle);
    if (const masr_status status = masr_load(handle, path.c_str()); status != MASR_OK) {
      return model.Why(status);
    }
    return model;
  }

  /// masr_model_set_cancelled(); any thread.
  void SetCancelled(bool cancelled) { masr_model_set_cancelled(handle(), cancelled ? 1 : 0); }

  /// masr_describe()
  Result<masr_model_info> Describe() const {
    masr_model_info info = Make<masr_model_info>();
    return Give(masr_describe(handle(), &info), info);
  }
  /// masr_read_audio()
  Result<std::vector<float>> ReadAudio(const std::string& path) const {
    size_t count = 0;
    masr_status status = masr_read_audio(handle(), path.c_str(), nullptr, &count);
    std::vector<float> samples(status == MASR_OK ? count : 0);
    if (status == MASR_OK) status = masr_read_audio(handle(), path.c_str(), samples.data(), &count);
    return Give(status, samples);
  }
  /// masr_configure()
  Status Configure(masr_training_options options) {
    return Give(masr_configure(handle(), &options));
  }

  /// masr_train()
  Result<masr_step> Train(Speech& speech) {
    const masr_speech view = speech.view();
    masr_step step = Make<masr_step>();
    return Give(masr_train(handle(), &view, &step), step);
  }
  /// masr_infer()
  Result<Inference> Infer(Speech& speech) const {
    const masr_speech view = speech.view();
    masr_inference wanted = Make<masr_inference>();
    masr_status status = masr_infer(handle(), &view, &wanted);
    if (status != MASR_OK) return Why(status);
    Inference heard;
    heard.probabilities.resize(wanted.probabilities_count);
    heard.rows.resize(speech.size());
    std::string texts(wanted.texts_bytes, '\0');
    wanted.probabilities = heard.probabilities.data();
    wanted.rows = heard.rows.data();
    wanted.texts = texts.data();
    status = masr_infer(handle(), &view, &wanted);
    if (status != MASR_OK) return Why(status);
    heard.probabilities.resize(wanted.probabilities_count);
    const char* text = texts.c_str();
    for (size_t u = 0; u < speech.size(); ++u) {
      heard.texts.emplace_back(text);
      text += heard.texts.back().size() + 1;
    }
    return heard;
  }
  /// masr_loss(): nats per token
  Result<double> Loss(Speech& speech) const {
    const masr_speech view = speech.view();
    double loss = 0;
    return Give(masr_loss(handle(), &view, &loss, nullptr), loss);
  }
  /// masr_save()
  Status Save(const std::string& path) { return Give(masr_save(handle(), path.c_str())); }
  /// masr_restore()
  Status Restore(const std::string& path) { return Give(masr_restore(handle(), path.c_str())); }
  /// masr_parameter_at(), all of them. Names are valid until the model learns something else.
  Result<std::vector<masr_parameter>> Parameters() const {
    std::vector<masr_parameter> all;
    for (;;) {
      masr_parameter parameter = Make<masr_parameter>();
      const masr_status status = masr_parameter_at(handle(), all.size(), &parameter);
      if (status == MASR_NOT_FOUND) return all;
      if (status != MASR_OK) return Why(status);
      all.push_back(parameter);
    }
  }

  /// masr_get_weights()
  Result<std::vector<Weight>> Weights() {
    size_t count = 0;
    masr_status status = masr_get_weights(handle(), nullptr, &count);
    std::vector<masr_tensor> tensors(count);
    if (status == MASR_OK) status = masr_get_weights(handle(), tensors.data(), &count);
    std::vector<Weight> weights(count);
    for (size_t i = 0; i < count && status == MASR_OK; ++i) {
      weights[i].name = tensors[i].name;
      weights[i].shape.assign(tensors[i].shape, tensors[i].shape + tensors[i].rank);
      weights[i].values.resize(tensors[i].bytes / sizeof(float));
      tensors[i].data = weights[i].values.data();
    }
    if (status == MASR_OK) status = masr_get_weights(handle(), tensors.data(), &count);
    return Give(status, weights);
  }
  /// masr_set_weights()
  Status SetWeights(const std::vector<Weight>& weights) {
    std::vector<masr_tensor> tensors;
    for (const Weight& weight : weights) {
      masr_tensor tensor = {};
      tensor.name = weight.name.c_str();
      tensor.dtype = MASR_F32;
      // A rank beyond what there is cannot be told; the library refuses it.
      tensor.rank = static_cast<int32_t>(weight.shape.size());
      for (size_t d = 0; d < weight.shape.size() && d < MASR_MAX_RANK; ++d) {
        tensor.shape[d] = weight.shape[d];
      }
      tensor.data = const_cast<float*>(weight.values.data());
      tensor.bytes = weight.values.size() * sizeof(float);
      tensors.push_back(tensor);
    }
    return Give(masr_set_weights(handle(), tensors.data(), tensors.size()));
  }
  /// masr_export()
  Status Export(const std::string& path, masr_format format = MASR_FORMAT_AS_STORED) const {
    return Give(masr_export(handle(), path.c_str(), format));
  }
  /// masr_set_decoding(); without options: the best path again.
  Status SetDecoding(const masr_decoding_options& options = Make<masr_decoding_options>()) {
    return Give(masr_set_decoding(handle(), &options));
  }
  /// masr_function_at(), all of them. Texts are valid as long as the model.
  Result<std::vector<masr_function>> Functions() const {
    std::vector<masr_function> all;
    for (;;) {
      masr_function function = Make<masr_function>();
      const masr_status status = masr_function_at(handle(), all.size(), &function);
      if (status == MASR_NOT_FOUND) return all;
      if (status != MASR_OK) return Why(status);
      all.push_back(function);
    }
  }
  /// masr_register()
  Status Register(const masr_function& function) {
    return Give(masr_register(handle(), &function));
  }
  /// masr_call(); MASR_BUFFER_TOO_SMALL is an Error too, after which the outputs have their sizes.
  Status Call(const std::string& function, const std::vector<masr_tensor>& inputs,
              std::vector<masr_tensor>& outputs) {
    return Give(masr_call(handle(), function.c_str(), inputs.data(), inputs.size(), outputs.data(),
                          outputs.size()));
  }

 private:
  explicit Model(masr_model* handle) : Handle(handle) {}
};

/// A word that a stream has heard: masr_word.
struct Word {
  std::string text;          ///< the word
  double begin_seconds = 0;  ///< of the stream
  double end_seconds = 0;    ///< of the stream
  double confidence = 0;     ///< 0 to 1; NaN of the best path alone
};

/// One of the texts of a segment: masr_text.
struct Alternative {
  std::string text;       ///< the text
  double score = 0;       ///< nats
  double confidence = 0;  ///< 0 to 1; NaN of the best path alone
};

/// What was said between two pauses: masr_segment.
struct Segment {
  double begin_seconds = 0;        ///< of the stream
  double end_seconds = 0;          ///< of the stream
  std::vector<Word> words;         ///< of the best text
  std::vector<Alternative> texts;  ///< best first, at least one
};

/// What a piece of sound has brought: masr_stream_news.
struct StreamNews {
  std::vector<Segment> segments;  ///< that ended
  bool partial_due = false;       ///< whether Stream::Partial() is worth its cost by now
  double seconds = 0;             ///< of sound heard
};

/// A recogniser that listens: masr_stream. The model must outlive it; one call at a time of both.
class Stream {
 public:
  /// masr_stream_create()
  static Result<Stream> Create(const Model& model,
                               const masr_stream_options& options = Make<masr_stream_options>()) {
    masr_stream* handle = nullptr;
    const masr_status status = masr_stream_create(model.handle(), &options, &handle);
    if (status != MASR_OK) return Error{status, masr_model_error(model.handle())};
    return Stream(model.handle(), handle);
  }

  /// The handle, for C functions that have no counterpart here. It stays this object's.
  masr_stream* handle() const { return handle_.get(); }

  /// masr_stream_push()
  Result<StreamNews> Push(const float* samples, size_t count) {
    masr_stream_news news = Make<masr_stream_news>();
    return Read(masr_stream_push(handle(), samples, count, &news), news);
  }
  /// masr_stream_push()
  Result<StreamNews> Push(const std::vector<float>& samples) {
    return Push(samples.data(), samples.size());
  }
  /// masr_stream_partial()
  Result<std::string> Partial() {
    const char* text = nullptr;
    const masr_status status = masr_stream_partial(handle(), &text);
    if (status != MASR_OK) return Why(status);
    return std::string(text);
  }
  /// masr_stream_finish()
  Result<StreamNews> Finish() {
    masr_stream_news news = Make<masr_stream_news>();
    return Read(masr_stream_finish(handle(), &news), news);
  }

 private:
  struct Deleter {
    void operator()(masr_stream* stream) const { masr_stream_destroy(stream); }
  };
  Stream(masr_model* model, masr_stream* handle) : model_(model), handle_(handle) {}
  Error Why(masr_status status) const { return {status, masr_model_error(model_)}; }
  // By reference: it is written by a call among the arguments.
  Result<StreamNews> Read(masr_status status, const masr_stream_news& news) const {
    if (status != MASR_OK) return Why(status);
    StreamNews read;
    read.partial_due = news.partial_due != 0;
    read.seconds = news.seconds;
    for (size_t s = 0; s < news.segments; ++s) {
      Result<Segment> segment = ReadSegment(s);
      if (!segment) return segment.error();
      read.segments.push_back(std::move(*segment));
    }
    return read;
  }
  Result<Segment> ReadSegment(size_t index) const {
    masr_segment heard = Make<masr_segment>();
    masr_status status = masr_segment_at(handle(), index, &heard);
    Segment segment;
    segment.begin_seconds = heard.begin_seconds;
    segment.end_seconds = heard.end_seconds;
    for (size_t w = 0; w < heard.words && status == MASR_OK; ++w) {
      masr_word word = Make<masr_word>();
      status = masr_word_at(handle(), index, w, &word);
      if (status != MASR_OK) break;
      segment.words.push_back({word.text, word.begin_seconds, word.end_seconds, word.confidence});
    }
    for (size_t t = 0; t < heard.texts && status == MASR_OK; ++t) {
      masr_text text = Make<masr_text>();
      status = masr_text_at(handle(), index, t, &text);
      if (status != MASR_OK) break;
      segment.texts.push_back({text.text, text.score, text.confidence});
    }
    if (status != MASR_OK) return Why(status);
    return segment;
  }

  masr_model* model_;
  std::unique_ptr<masr_stream, Deleter> handle_;
};

/// One person's folder of rounds: masr_owner.
class Owner : public Handle<masr_owner, masr_owner_destroy, masr_owner_error> {
 public:
  /// Told of what happens in rounds, on the thread that runs them. Must not throw.
  using Events = std::function<void(const masr_event&)>;
  /// Fills in what the app knows of its device; false ends the round. Must not throw.
  using Monitor = std::function<bool(masr_resources&)>;

  /// Takes the other's.
  Owner(Owner&&) = default;
  /// Takes the other's.
  Owner& operator=(Owner&&) = default;
  /// Closes the folder.
  ~Owner() { Reset(nullptr); }  // before what it calls back goes

  /// Opens the folder, or makes it with a copy of `base`.
  static Result<Owner> Open(const std::string& folder, const std::string& base, Events events = {},
                            int32_t threads = 0, Monitor monitor = {}) {
    Owner owner(std::make_unique<Callbacks>(Callbacks{std::move(events), std::move(monitor)}));
    masr_owner_options options = Make<masr_owner_options>();
    options.threads = threads;
    options.event_data = owner.callbacks_.get();
    options.on_event = [](void* user_data, const masr_event* event) {
      const Events& told = static_cast<Callbacks*>(user_data)->events;
      if (told) told(*event);
    };
    if (owner.callbacks_->monitor) {
      options.resource_data = owner.callbacks_.get();
      options.resources = [](void* user_data, masr_resources* resources) -> int32_t {
        return static_cast<Callbacks*>(user_data)->monitor(*resources) ? 0 : 1;
      };
    }
    masr_owner* handle = nullptr;
    if (const masr_status status = masr_owner_create(&options, &handle); status != MASR_OK) {
      return Error{status, "wrong number of threads"};
    }
    owner.Reset(handle);
    const masr_status status = masr_owner_open(handle, folder.c_str(), base.c_str());
    if (status != MASR_OK) return owner.Why(status);
    return owner;
  }

  /// masr_owner_set_cancelled(); any thread.
  void SetCancelled(bool cancelled) { masr_owner_set_cancelled(handle(), cancelled ? 1 : 0); }

  /// masr_owner_measure()
  Status Measure() { return Give(masr_owner_measure(handle())); }
  /// masr_owner_profile()
  Result<std::string> Profile() const { return Text(masr_owner_profile); }
  /// masr_owner_set_profile(); "": forgets it.
  Status SetProfile(const std::string& json) {
    return Give(masr_owner_set_profile(handle(), json.empty() ? nullptr : json.c_str()));
  }
  /// masr_owner_plan(); its texts are valid until the next call.
  Result<masr_plan> Plan(const masr_round_options& options) {
    masr_plan plan = Make<masr_plan>();
    return Give(masr_owner_plan(handle(), &options, &plan), plan);
  }
  /// masr_owner_run(); its texts are valid until the next call.
  Result<masr_round_result> Run(const masr_round_options& options) {
    masr_round_result result = Make<masr_round_result>();
    return Give(masr_owner_run(handle(), &options, &result), result);
  }
  /// masr_owner_rollback()
  Status Rollback() { return Give(masr_owner_rollback(handle())); }
  /// masr_owner_report()
  Status Report(const std::string& path) const {
    return Give(masr_owner_report(handle(), path.c_str()));
  }
  /// masr_owner_model()
  Result<std::string> AcceptedModel() const { return Text(masr_owner_model); }
  /// masr_owner_history()
  Result<std::string> History() const { return Text(masr_owner_history); }

 private:
  struct Callbacks {
    Events events;
    Monitor monitor;
  };
  explicit Owner(std::unique_ptr<Callbacks> callbacks) : callbacks_(std::move(callbacks)) {}
  Result<std::string> Text(masr_status (*read)(masr_owner*, char*, size_t*)) const {
    size_t bytes = 0;
    masr_status status = read(handle(), nullptr, &bytes);
    std::string text(bytes, '\0');
    if (status == MASR_OK) status = read(handle(), text.data(), &bytes);
    if (!text.empty()) text.pop_back();
    return Give(status, text);
  }

  std::unique_ptr<Callbacks> callbacks_;  // at a fixed place: the handle points to it
};

}  // namespace mobileasr

#endif  // MOBILEASR_MOBILEASR_HPP_

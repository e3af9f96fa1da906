// masr_model: making, loading, describing, and choosing what learns.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "audio/audio_file.h"
#include "audio/resampler.h"
#include "capi/learner_options.h"
#include "capi/model_handle.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

// Feature frames per row of the output, where both are long.
int64_t StrideOf(const Encoder& encoder) {
  constexpr int64_t kFrames = 10000;
  const int64_t rows = encoder.OutputFrames(2 * kFrames) - encoder.OutputFrames(kFrames);
  return rows > 0 ? std::max<int64_t>(1, (kFrames + rows / 2) / rows) : 1;
}

masr_model_info Describe(const Learner& learner) {
  const Model& model = learner.model();
  const FeatureConfig& features = model.config.features;
  masr_model_info info = {.struct_size = sizeof(masr_model_info)};
  info.name = model.config.name.c_str();
  info.sample_rate_hz = features.sample_rate_hz();
  info.mels = static_cast<int32_t>(features.width());
  info.frame_seconds = features.frame_s();
  info.row_seconds = info.frame_seconds * static_cast<double>(StrideOf(model.encoder));
  info.tokens = static_cast<int32_t>(model.encoder.tokens());
  info.blocks = static_cast<int32_t>(model.encoder.blocks().size());
  info.parameters = static_cast<size_t>(model.encoder.parameters().size());
  const std::vector<ParameterId> learning = learner.Learning();
  info.weights = learning.size();
  for (ParameterId id : learning) {
    info.trainable_count += model.encoder.parameters()[id].elements();
  }
  info.steps = learner.step();
  return info;
}

Outcome ReadAudioFile(const Model& model, const char* path, float* samples, size_t* count) {
  if (path == nullptr || count == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "path and count must not be NULL");
  }
  MASR_TRY(const Pcm pcm, ReadAudio(path));
  MASR_TRY(const std::vector<float> resampled,
           Resample(pcm.samples, pcm.sample_rate_hz, model.config.features.sample_rate_hz()));
  const size_t room = *count;
  *count = resampled.size();
  if (samples == nullptr) return MASR_OK;
  if (room < resampled.size()) return MASR_BUFFER_TOO_SMALL;
  std::ranges::copy(resampled, samples);
  return MASR_OK;
}

}  // namespace

Result<Learner*> Ready(masr_model& model) {
  if (model.learner == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "no recogniser is loaded; call masr_load first");
  }
  return model.learner.get();
}

Result<Learner*> ReadyToWork(masr_model& model) {
  MASR_RETURN_IF_ERROR(CheckCancelled(model.cancelled));
  return Ready(model);
}

}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::ErrorCode;
using masr::Fail;
using masr::Status;

masr_status masr_model_create(const masr_model_options* options, masr_model** model) {
  if (model == nullptr) return MASR_INVALID_ARGUMENT;
  *model = nullptr;
  masr_status status = MASR_OK;
  const bool had_memory = Guarded([&] {
    const auto read = ReadOptions(options, "masr_model_options");
    if (!read.has_value() || !CheckThreads(read->threads).has_value()) {
      status = MASR_INVALID_ARGUMENT;
      return;
    }
    *model = new masr_model(ThreadCount(read->threads));
  });
  return had_memory ? status : MASR_NO_SPACE;
}

void masr_model_destroy(masr_model* model) {
  // What memory ran out in is left as it is: taking it apart could wait for ever.
  if (model != nullptr && !model->broken) delete model;
}

const char* masr_model_error(const masr_model* model) {
  return model == nullptr ? "the model is NULL" : model->message.c_str();
}

masr_status masr_model_set_cancelled(masr_model* model, int32_t cancelled) {
  if (model == nullptr) return MASR_INVALID_ARGUMENT;
  model->cancelled.store(cancelled != 0);
  return MASR_OK;
}

masr_status masr_load(masr_model* model, const char* path) {
  return EnterPlain(model, [&]() -> Status {
    if (path == nullptr) return Fail(ErrorCode::kInvalidArgument, "path must not be NULL");
    MASR_TRY(model->learner, Learner::Load(path, model->pool, model->cancelled));
    model->decoding.reset();
    return {};
  });
}

masr_status masr_describe(masr_model* model, masr_model_info* info) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const Learner* learner, Ready(*model));
    MASR_RETURN_IF_ERROR(CheckSize(info, "masr_model_info"));
    WriteStruct(Describe(*learner), info);
    return {};
  });
}

masr_status masr_token(masr_model* model, int32_t token, const char** text) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const Learner* learner, Ready(*model));
    if (text == nullptr) return Fail(ErrorCode::kInvalidArgument, "text must not be NULL");
    const masr::Vocabulary& vocabulary = learner->model().vocabulary;
    if (token < 0 || token >= vocabulary.size()) {
      return Fail(ErrorCode::kNotFound, "no token " + std::to_string(token) + "; there are " +
                                            std::to_string(vocabulary.size()));
    }
    *text = vocabulary.token(token).c_str();
    return {};
  });
}

masr_status masr_read_audio(masr_model* model, const char* path, float* samples, size_t* count) {
  return Enter(model, [&]() -> Outcome {
    MASR_TRY(const Learner* learner, Ready(*model));
    return ReadAudioFile(learner->model(), path, samples, count);
  });
}

masr_status masr_configure(masr_model* model, const masr_training_options* options) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(Learner * learner, Ready(*model));
    MASR_TRY(const masr_training_options read, ReadOptions(options, "masr_training_options"));
    MASR_TRY(const LearnerOptions wanted, LearnerOptionsFrom(read));
    return learner->Configure(wanted);
  });
}

masr_status masr_set_learning_rate(masr_model* model, double learning_rate) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(Learner * learner, Ready(*model));
    if (!(learning_rate >= 0 && learning_rate <= 1)) {
      return Fail(ErrorCode::kInvalidArgument, "learning_rate must be 0 to 1");
    }
    MASR_RETURN_IF_ERROR(learner->EnsureConfigured());
    learner->set_learning_rate(static_cast<float>(learning_rate));
    return {};
  });
}

masr_status masr_reset_optimizer(masr_model* model) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(Learner * learner, Ready(*model));
    learner->ResetOptimizer();
    return {};
  });
}

masr_status masr_measure(masr_model* model) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(Learner * learner, ReadyToWork(*model));
    return learner->MeasureDevice();
  });
}

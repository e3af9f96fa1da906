// train, infer, loss, save, restore: on a caller's speech, into a caller's buffers.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "capi/model_handle.h"
#include "capi/speech_input.h"
#include "capi/structs.h"

namespace masr::capi {
namespace {

// out [tokens] = softmax(row).
void Softmax(std::span<const float> row, float* out) {
  const float high = *std::ranges::max_element(row);
  double sum = 0;
  for (size_t k = 0; k < row.size(); ++k) {
    out[k] = std::exp(row[k] - high);
    sum += out[k];
  }
  for (size_t k = 0; k < row.size(); ++k) {
    out[k] = static_cast<float>(static_cast<double>(out[k]) / sum);
  }
}

size_t LongestToken(const Vocabulary& vocabulary) {
  size_t longest = 1;
  for (int32_t t = 0; t < vocabulary.size(); ++t) {
    longest = std::max(longest, vocabulary.token(t).size());
  }
  return longest;
}

// Goes through the output utterance by utterance, filling what is wanted.
class Writer {
 public:
  Writer(const Model& model, const Decoding& decoding, masr_inference& inference)
      : model_(model), decoding_(decoding), to_(inference) {}

  void Take(size_t first, const Logits& logits) {
    const auto tokens = static_cast<size_t>(model_.encoder.tokens());
    for (size_t u = 0; u + 1 < logits.offsets.size(); ++u) {
      const int64_t rows = logits.offsets[u + 1] - logits.offsets[u];
      const float* values = logits.values.data() + logits.offsets[u] * model_.encoder.tokens();
      if (to_.rows != nullptr) to_.rows[first + u] = rows;
      if (to_.texts != nullptr) AddText(rows, values);
      if (to_.probabilities != nullptr) {
        for (int64_t r = 0; r < rows; ++r) {
          const size_t at = static_cast<size_t>(rows_ + r) * tokens;
          Softmax({values + static_cast<size_t>(r) * tokens, tokens}, to_.probabilities + at);
        }
      }
      rows_ += rows;
    }
  }

  void Finish() {
    to_.total_rows = rows_;
    to_.probabilities_count = static_cast<size_t>(rows_ * model_.encoder.tokens());
    if (to_.texts != nullptr) to_.texts_bytes = text_bytes_;
  }

 private:
  void AddText(int64_t rows, const float* values) {
    const std::string text = decoding_.Text(rows, values);
    std::memcpy(to_.texts + text_bytes_, text.c_str(), text.size() + 1);
    text_bytes_ += text.size() + 1;
  }

  const Model& model_;
  const Decoding& decoding_;
  masr_inference& to_;
  int64_t rows_ = 0;
  size_t text_bytes_ = 0;
};

Status CheckPath(const char* path) {
  if (path != nullptr && *path != '\0') return {};
  return Fail(ErrorCode::kInvalidArgument, "a path must not be NULL or empty");
}

}  // namespace

Result<masr_step> Train(masr_model& model, const masr_speech& speech) {
  MASR_TRY(Learner * learner, ReadyToWork(model));
  MASR_TRY(SpeechInput input, ReadSpeech(learner->model(), learner->threads(), speech, true));
  MASR_TRY(const StepReport report, learner->Train(std::move(input.batch)));
  return masr_step{.struct_size = sizeof(masr_step),
                   .loss = report.loss,
                   .gradient_norm = report.gradient_norm,
                   .step = learner->step(),
                   .frames = report.frames,
                   .tokens = report.tokens};
}

Outcome Infer(masr_model& model, const masr_speech& speech, masr_inference& inference) {
  MASR_TRY(Learner * learner, ReadyToWork(model));
  const Model& of = learner->model();
  MASR_TRY(const std::vector<int64_t> frames, SpeechFrames(of, speech));
  MASR_TRY(const std::vector<int64_t> rows, OutputRows(of, frames));
  const size_t float_room = inference.probabilities_count;
  const size_t text_room = inference.texts_bytes;
  inference.total_rows = 0;
  for (int64_t r : rows) inference.total_rows += r;
  inference.probabilities_count = static_cast<size_t>(inference.total_rows * of.encoder.tokens());
  inference.texts_bytes =
      static_cast<size_t>(inference.total_rows) * LongestToken(of.vocabulary) + speech.count;
  if ((inference.probabilities != nullptr && float_room < inference.probabilities_count) ||
      (inference.texts != nullptr && text_room < inference.texts_bytes)) {
    return MASR_BUFFER_TOO_SMALL;
  }
  if (inference.probabilities == nullptr && inference.texts == nullptr &&
      inference.rows == nullptr) {
    return MASR_OK;
  }
  MASR_TRY(const SpeechInput input, ReadSpeech(of, learner->threads(), speech, false));
  MASR_TRY(const std::shared_ptr<const Decoding> decoding, DecodingOf(model));
  Writer writer(of, *decoding, inference);
  MASR_RETURN_IF_ERROR(learner->Infer(
      input.batch, [&](size_t first, const Logits& logits) { writer.Take(first, logits); }));
  writer.Finish();
  return MASR_OK;
}

Result<std::vector<float>> Losses(masr_model& model, const masr_speech& speech, double& mean) {
  MASR_TRY(Learner * learner, ReadyToWork(model));
  MASR_TRY(const SpeechInput input, ReadSpeech(learner->model(), learner->threads(), speech, true));
  MASR_TRY(std::vector<float> losses, learner->Losses(input.batch));
  double sum = 0;
  size_t tokens = 0;
  for (size_t u = 0; u < losses.size(); ++u) {
    sum += losses[u];
    tokens += input.texts[u].size();
  }
  mean = sum / static_cast<double>(std::max<size_t>(tokens, 1));
  return losses;
}

Status Save(masr_model& model, const char* path) {
  MASR_TRY(Learner * learner, ReadyToWork(model));
  MASR_RETURN_IF_ERROR(CheckPath(path));
  return learner->Save(path);
}

Status Restore(masr_model& model, const char* path) {
  MASR_TRY(Learner * learner, ReadyToWork(model));
  MASR_RETURN_IF_ERROR(CheckPath(path));
  if (learner->configured()) return learner->Restore(path);
  MASR_TRY(model.learner, Learner::LoadCheckpointInto(*learner, path));
  return {};
}

}  // namespace masr::capi

using namespace masr::capi;  // NOLINT(google-build-using-namespace): this file is its border
using masr::Status;

masr_status masr_train(masr_model* model, const masr_speech* speech, masr_step* step) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const masr_speech read, ReadStruct(speech, "masr_speech"));
    if (step != nullptr) MASR_RETURN_IF_ERROR(CheckSize(step, "masr_step"));
    MASR_TRY(const masr_step made, Train(*model, read));
    if (step != nullptr) WriteStruct(made, step);
    return {};
  });
}

masr_status masr_infer(masr_model* model, const masr_speech* speech, masr_inference* inference) {
  return Enter(model, [&]() -> Outcome {
    MASR_TRY(const masr_speech read, ReadStruct(speech, "masr_speech"));
    MASR_TRY(masr_inference wanted, ReadStruct(inference, "masr_inference"));
    MASR_TRY(const masr_status status, Infer(*model, read, wanted));
    WriteStruct(wanted, inference);
    return status;
  });
}

masr_status masr_loss(masr_model* model, const masr_speech* speech, double* loss, float* losses) {
  return EnterPlain(model, [&]() -> Status {
    MASR_TRY(const masr_speech read, ReadStruct(speech, "masr_speech"));
    double mean = 0;
    MASR_TRY(const std::vector<float> each, Losses(*model, read, mean));
    if (loss != nullptr) *loss = mean;
    if (losses != nullptr) std::ranges::copy(each, losses);
    return {};
  });
}

masr_status masr_save(masr_model* model, const char* path) {
  return EnterPlain(model, [&] { return Save(*model, path); });
}

masr_status masr_restore(masr_model* model, const char* path) {
  return EnterPlain(model, [&] { return Restore(*model, path); });
}

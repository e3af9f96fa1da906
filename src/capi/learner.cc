#include "capi/learner.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "capi/handle.h"
#include "capi/learner_options.h"
#include "io/safetensors.h"
#include "model/adapters.h"
#include "plan/measure_device.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/micro_batches.h"

namespace masr::capi {
namespace {

constexpr const char* kBaseKey = "learner.base";
constexpr const char* kOptionsKey = "learner.options";
// Of speech that is heard at a time, as in evaluation.
constexpr double kGroupS = 20;

TrainerOptions TrainerOptionsOf(const LearnerOptions& options) {
  TrainerOptions trainer;
  trainer.parts = options.candidate.parts;
  trainer.optimizer.state_bits = options.candidate.optimizer_bits;
  return trainer;
}

// What learns, and in how many bits: what the tensors of a checkpoint depend on.
bool SameSubModel(const Candidate& a, const Candidate& b) {
  return a.first_block == b.first_block && a.tuning == b.tuning &&
         (a.tuning != Tuning::kLora || a.lora_rank == b.lora_rank) &&
         (a.tuning != Tuning::kAdapters || a.adapter_width == b.adapter_width) &&
         a.optimizer_bits == b.optimizer_bits;
}

double NowS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// What a checkpoint says of itself.
struct Origin {
  std::string base;
  LearnerOptions options;
};

Result<Origin> ReadOrigin(const std::string& path) {
  MASR_TRY(const SafetensorsFile file, SafetensorsFile::Open(path));
  const auto base = file.metadata().find(kBaseKey);
  const auto options = file.metadata().find(kOptionsKey);
  if (base == file.metadata().end() || options == file.metadata().end()) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": not a checkpoint of this interface (a model file? load that instead)");
  }
  MASR_TRY(LearnerOptions read, LearnerOptionsFromJson(options->second, path));
  return Origin{base->second, read};
}

Status CheckBase(const std::string& path, const std::string& of_checkpoint,
                 const std::string& own) {
  if (of_checkpoint == own) return {};
  return Fail(ErrorCode::kInvalidArgument,
              path + ": a checkpoint of another model (" + of_checkpoint + ", this is " + own +
                  "); load the model file that the training began with");
}

}  // namespace

Result<std::unique_ptr<Learner>> Learner::Load(const std::string& path, const ThreadPool& threads,
                                               const std::atomic<bool>& cancelled) {
  MASR_TRY(Model model, LoadModel(path));
  return std::unique_ptr<Learner>(new Learner(std::move(model), threads, cancelled));
}

Result<std::unique_ptr<Learner>> Learner::LoadCheckpointInto(const Learner& learner,
                                                             const std::string& path) {
  MASR_TRY(const Origin origin, ReadOrigin(path));
  MASR_RETURN_IF_ERROR(CheckBase(path, origin.base, ModelFingerprint(learner.model_)));
  MASR_TRY(Encoder encoder, Encoder::Create(learner.model_.config));
  Model copy{learner.model_.config, std::move(encoder), learner.model_.vocabulary,
             learner.model_.weights.Clone(), learner.model_.metadata};
  std::unique_ptr<Learner> restored(
      new Learner(std::move(copy), *learner.threads_, *learner.cancelled_));
  if (auto status = restored->Configure(origin.options); !status.has_value()) {
    return Fail(path, std::move(status.error()));
  }
  MASR_RETURN_IF_ERROR(restored->Restore(path));
  restored->profile_ = learner.profile_;
  return restored;
}

Status Learner::Configure(const LearnerOptions& options) {
  if (configured()) {
    return Fail(ErrorCode::kInvalidArgument,
                "it learns already; load the model again to choose "
                "what learns anew");
  }
  MASR_RETURN_IF_ERROR(CheckLearnerOptions(options, model_.encoder));
  base_ = ModelFingerprint(model_);
  MASR_RETURN_IF_ERROR(
      SetAdapters(model_, AdaptersOf(model_.encoder, options.candidate), options.seed));
  options_ = options;
  trainable_ = TrainableParameters(model_.encoder, options.candidate);
  trainer_ = Trainer::Create(model_, trainable_, TrainerOptionsOf(options), *threads_);
  trainer_->set_cancel(cancelled_);
  return {};
}

Status Learner::EnsureConfigured() {
  if (configured()) return {};
  return Configure(LearnerOptions());
}

void Learner::ResetOptimizer() {
  if (configured()) trainer_->Restart();
}

Result<StepReport> Learner::Train(Batch batch) {
  MASR_RETURN_IF_ERROR(EnsureConfigured());
  const Candidate& candidate = options_.candidate;
  std::vector<LoadProblem> none;
  MASR_TRY(const std::vector<Batch> parts,
           SplitBatch(model_, trainable_,
                      {.max_seconds = candidate.micro_batch_seconds, .parts = candidate.parts},
                      std::move(batch), none));
  // Steps are counted in the checkpoint: the draws after a restore are those that would have been.
  const uint64_t key = MixKeys(options_.seed, static_cast<uint64_t>(trainer_->step()));
  return trainer_->Step(parts, options_.learning_rate, key);
}

Status Learner::Infer(const Batch& batch, const TakeLogits& take) {
  const double frame_s = model_.config.features.frame_s();
  const auto group_frames = static_cast<int64_t>(kGroupS / frame_s);
  Inference inference(model_, *threads_, &arena());
  int64_t row = 0;
  for (size_t first = 0; first < batch.frames.size();) {
    MASR_RETURN_IF_ERROR(CheckCancelled(*cancelled_));
    std::vector<int64_t> frames;
    int64_t rows = 0;
    for (size_t u = first; u < batch.frames.size(); ++u) {
      if (!frames.empty() && rows + batch.frames[u] > group_frames) break;
      frames.push_back(batch.frames[u]);
      rows += batch.frames[u];
    }
    const auto width = static_cast<size_t>(model_.encoder.mels());
    MASR_TRY(const Logits logits,
             inference.Run(frames, std::span(batch.features)
                                       .subspan(static_cast<size_t>(row) * width,
                                                static_cast<size_t>(rows) * width)));
    take(first, logits);
    first += frames.size();
    row += rows;
  }
  return {};
}

Result<std::vector<float>> Learner::Losses(const Batch& batch) {
  std::vector<float> losses;
  MASR_RETURN_IF_ERROR(Infer(batch, [&](size_t first, const Logits& logits) {
    const auto texts = std::span(batch.targets).subspan(first, logits.offsets.size() - 1);
    const std::vector<float> of_group =
        TextLosses(*threads_, model_.encoder.tokens(), logits, {texts.begin(), texts.end()});
    losses.insert(losses.end(), of_group.begin(), of_group.end());
  }));
  return losses;
}

Status Learner::Save(const std::string& path) {
  MASR_RETURN_IF_ERROR(EnsureConfigured());
  return SaveCheckpoint(*trainer_, nullptr,
                        {{kBaseKey, base_}, {kOptionsKey, LearnerOptionsToJson(options_)}}, path);
}

Status Learner::Restore(const std::string& path) {
  MASR_TRY(const Origin origin, ReadOrigin(path));
  MASR_RETURN_IF_ERROR(CheckBase(path, origin.base, base_));
  if (!SameSubModel(origin.options.candidate, options_.candidate)) {
    return Fail(ErrorCode::kInvalidArgument,
                path + ": trains '" + CandidateName(model_.encoder, origin.options.candidate) +
                    "', and here '" + CandidateName(model_.encoder, options_.candidate) +
                    "' learns; load the model again, then restore");
  }
  auto loaded = LoadCheckpoint(path, *trainer_, nullptr);
  if (!loaded.has_value()) return tl::unexpected(std::move(loaded.error()));
  const int64_t parts = options_.candidate.parts;  // the trainer's, whose bits are the same
  options_ = origin.options;
  options_.candidate.parts = parts;
  return {};
}

std::vector<ParameterId> Learner::Learning() const {
  return configured() ? trainer_->trainable() : std::vector<ParameterId>();
}

bool Learner::Learns(ParameterId id) const {
  return configured() && trainable_[static_cast<size_t>(id)] != 0 &&
         model_.encoder.parameters()[id].trainable;
}

int64_t Learner::TrainingBytes(ParameterId id) const {
  const ParameterSpec& spec = model_.encoder.parameters()[id];
  if (!spec.trainable) return 0;
  const int64_t numbers = 2 * static_cast<int64_t>(sizeof(float)) * spec.elements();
  return numbers + MakeOptimizer(TrainerOptionsOf(options_).optimizer)->StateBytes(spec.elements());
}

void Learner::SetValues(ParameterId id, std::span<const float> values) {
  std::ranges::copy(values, model_.weights.Writable(id).begin());
}

Status Learner::MeasureDevice() {
  MASR_TRY(profile_, masr::MeasureDevice(model_, *threads_, NowS, {}));
  return {};
}

}  // namespace masr::capi

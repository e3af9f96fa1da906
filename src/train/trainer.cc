#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/huge_pages.h"
#include "ctc/ctc_loss.h"

namespace masr {
namespace {

int64_t OutputFrames(const Encoder& encoder, std::span<const Batch> batches) {
  int64_t frames = 0;
  for (const Batch& batch : batches) {
    for (int64_t f : batch.frames) frames += encoder.OutputFrames(f, batch.first_block);
  }
  return frames;
}

// All gradients of a model are more than a cache holds: one thread alone takes a while.
void Fill(const ThreadPool& threads, std::span<float> values, float value) {
  constexpr size_t kBlock = 1 << 18;
  threads.ParallelFor((values.size() + kBlock - 1) / kBlock, [&](size_t b, int) {
    const auto block = values.subspan(b * kBlock, std::min(kBlock, values.size() - b * kBlock));
    std::fill(block.begin(), block.end(), value);
  });
}

void AssignZeros(std::vector<float>& values, int64_t count) {
  values.reserve(static_cast<size_t>(count));
  AdviseHugePages(values.data(), values.capacity() * sizeof(float));
  values.assign(static_cast<size_t>(count), 0.0f);
}

}  // namespace

Trainer Trainer::Create(Model& model, std::vector<uint8_t> trainable, const TrainerOptions& options,
                        const ThreadPool& threads) {
  const ParameterTable& table = model.encoder.parameters();
  Trainer trainer;
  trainer.model_ = &model;
  trainer.threads_ = &threads;
  trainer.options_ = options;
  trainer.optimizer_ = MakeOptimizer(options.optimizer);
  trainer.trainable_ = std::move(trainable);
  const auto count = static_cast<size_t>(table.size());
  trainer.states_.resize(count);
  int64_t total = 0;
  int64_t state_bytes = 0;
  for (ParameterId id = 0; id < table.size(); ++id) {
    if (!table[id].trainable) trainer.trainable_[id] = 0;
    if (trainer.trainable_[id] == 0) continue;
    model.weights.MakeWritable(id);
    trainer.ids_.push_back(id);
    total += table[id].elements();
    state_bytes += trainer.optimizer_->StateBytes(table[id].elements());
  }
  AssignZeros(trainer.gradient_storage_, total);
  AssignZeros(trainer.state_storage_, state_bytes / static_cast<int64_t>(sizeof(float)));
  trainer.gradients_.assign(count, nullptr);
  float* gradient = trainer.gradient_storage_.data();
  auto* state = reinterpret_cast<uint8_t*>(trainer.state_storage_.data());
  for (ParameterId id : trainer.ids_) {
    trainer.gradients_[id] = gradient;
    trainer.states_[id] = {
        state, static_cast<size_t>(trainer.optimizer_->StateBytes(table[id].elements()))};
    gradient += table[id].elements();
    state += trainer.states_[id].size();
  }
  // A block's parameters follow each other, and so do its gradients.
  size_t begin = 0;
  for (const EncoderBlock& block : model.encoder.blocks()) {
    size_t size = 0;
    for (ParameterId id = block.first; id < block.end; ++id) {
      if (trainer.trainable_[id] != 0) size += static_cast<size_t>(table[id].elements());
    }
    trainer.block_gradients_.push_back(std::span(trainer.gradient_storage_).subspan(begin, size));
    begin += size;
  }
  return trainer;
}

void Trainer::Restart() {
  Fill(*threads_, state_storage_, 0.0f);
  step_ = 0;
}

void Trainer::StartSum(size_t block) {
  if (!block_gradients_[block].empty()) collective_->StartSum(block_gradients_[block]);
}

// In the order of the backward, which the other processes follow.
void Trainer::StartAllSums() {
  for (size_t block = block_gradients_.size(); block-- > 0;) StartSum(block);
}

Status Trainer::SumCounts(StepReport& report, int64_t& out_frames) {
  double counts[] = {static_cast<double>(report.frames), static_cast<double>(report.tokens),
                     static_cast<double>(out_frames)};
  MASR_RETURN_IF_ERROR(collective_->Sum(counts));
  report.frames = static_cast<int64_t>(counts[0]);
  report.tokens = static_cast<int64_t>(counts[1]);
  out_frames = static_cast<int64_t>(counts[2]);
  return {};
}

Status Trainer::SumGradients(Result<double>& loss) {
  if (!loss.has_value()) {
    // Its loss was not finite, so that it began no sum. The others wait for one, and must not learn
    // from it either.
    Fill(*threads_, gradient_storage_, std::numeric_limits<float>::quiet_NaN());
    StartAllSums();
  }
  MASR_RETURN_IF_ERROR(collective_->FinishSums());
  double sum = loss.value_or(0);
  MASR_RETURN_IF_ERROR(collective_->Sum({&sum, 1}));
  if (loss.has_value()) loss = sum;
  return {};
}

Result<double> Trainer::Accumulate(const Batch& batch, double total_frames, uint64_t key,
                                   const ChildDone& block_done) {
  const Encoder& encoder = model_->encoder;
  MASR_TRY(
      const StepPlan step,
      PlanStep(encoder, trainable_,
               {.first_block = batch.first_block, .frames = batch.frames, .targets = batch.targets},
               options_.parts));
  MASR_RETURN_IF_ERROR(arena_.Reserve(static_cast<size_t>(step.arena_bytes)));
  const auto at = [&](int64_t offset) {
    return offset < 0 ? nullptr : reinterpret_cast<float*>(arena_.data() + offset);
  };
  const auto input = [&](size_t part) {
    return part == 0 ? batch.features.data() : at(step.parts[part].input);
  };
  const auto run_of = [&](const BlocksPlan& blocks) {
    return LayerRun{.kernels = {*threads_, options_.precision},
                    .parameters = model_->weights.views(),
                    .gradients = {gradients_},
                    .memory = blocks.memory,
                    .arena = arena_.data() + blocks.offset,
                    .step_key = key};
  };
  const auto forward = [&](const BlocksPlan& blocks, size_t part, float* to) {
    encoder.Forward(run_of(blocks), blocks.layers, blocks.planner, input(part), to);
  };
  const auto backward = [&](size_t part, const float* y, const float* dy) {
    const BlocksPlan& blocks = *step.parts[part].backward;
    encoder.Backward(run_of(blocks), blocks.layers, input(part), y, dy,
                     at(step.parts[part].input_gradient), block_done);
  };
  const size_t last = step.parts.size() - 1;
  for (size_t part = 0; part < last; ++part) {
    forward(*step.parts[part].forward, part, at(step.parts[part + 1].input));
  }
  float* logits = at(step.logits);
  float* dlogits = at(step.dlogits);
  forward(*step.parts[last].backward, last, logits);

  const std::vector<float> scales(batch.frames.size(), static_cast<float>(1.0 / total_frames));
  std::vector<float> losses(batch.frames.size());
  CtcLoss({*threads_, options_.precision}, step.out().offsets, encoder.tokens(), Vocabulary::kBlank,
          logits, batch.targets, scales, losses.data(), dlogits, at(step.ctc_scratch));
  double sum = 0;
  for (float loss : losses) sum += loss;
  if (!std::isfinite(sum)) {
    return Fail(ErrorCode::kDiverged,
                "the loss is not a finite number; lower the learning rate or check the audio");
  }
  backward(last, logits, dlogits);
  for (size_t part = last; part-- > 0 && step.parts[part].backward.has_value();) {
    float* output = at(step.parts[part + 1].input);
    forward(*step.parts[part].backward, part, output);
    backward(part, output, at(step.parts[part + 1].input_gradient));
  }
  return sum;
}

Result<double> Trainer::AccumulateAll(std::span<const Batch> micro_batches, double total_frames,
                                      uint64_t key) {
  size_t mine = 0;
  for (const Batch& batch : micro_batches) mine += batch.frames.empty() ? 0 : 1;
  double loss = 0;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    if (micro_batches[i].frames.empty()) continue;
    if (cancel_ != nullptr && cancel_->load()) {
      return Fail(ErrorCode::kCancelled, "the step was stopped by its owner; nothing has changed");
    }
    ChildDone block_done;
    if (--mine == 0 && collective_ != nullptr) block_done = [this](size_t b) { StartSum(b); };
    MASR_TRY(const double sum, Accumulate(micro_batches[i], total_frames,
                                          MixKeys(key, static_cast<uint64_t>(i)), block_done));
    loss += sum;
  }
  return loss;
}

Result<StepReport> Trainer::Step(std::span<const Batch> micro_batches, float learning_rate,
                                 uint64_t key) {
  StepReport report;
  for (const Batch& batch : micro_batches) {
    for (int64_t f : batch.frames) report.frames += f;
    for (const auto& target : batch.targets) report.tokens += static_cast<int64_t>(target.size());
  }
  int64_t out_frames = OutputFrames(model_->encoder, micro_batches);
  const bool idle = out_frames == 0;
  if (collective_ != nullptr) MASR_RETURN_IF_ERROR(SumCounts(report, out_frames));
  if (out_frames == 0) return report;

  const KernelContext kernels{*threads_};
  Fill(*threads_, gradient_storage_, 0.0f);
  Result<double> loss = AccumulateAll(micro_batches, static_cast<double>(out_frames), key);
  if (collective_ != nullptr) {
    // Any other error is this process's alone, and ends it.
    if (!loss.has_value() && loss.error().code != ErrorCode::kDiverged) {
      return tl::unexpected(std::move(loss.error()));
    }
    if (idle) StartAllSums();
    MASR_RETURN_IF_ERROR(SumGradients(loss));
  }
  if (!loss.has_value()) return tl::unexpected(std::move(loss.error()));
  report.loss = *loss / static_cast<double>(std::max<int64_t>(report.tokens, 1));
  report.gradient_norm = std::sqrt(SumOfSquares(
      kernels, static_cast<int64_t>(gradient_storage_.size()), gradient_storage_.data()));
  if (!std::isfinite(report.gradient_norm)) {
    return Fail(ErrorCode::kDiverged,
                "the gradient is not finite; lower the learning rate or check the audio");
  }
  ++step_;
  const float clip = ClipScale(report.gradient_norm, options_.clip_norm);
  const ParameterTable& table = model_->encoder.parameters();
  for (ParameterId id : ids_) {
    // Norms and biases are not decayed.
    optimizer_->Step(kernels, step_, learning_rate, clip, /*decay=*/table[id].matrix,
                     table[id].elements(), gradients_[id], model_->weights.Writable(id).data(),
                     reinterpret_cast<std::byte*>(states_[id].data()));
  }
  return report;
}

}  // namespace masr

// Times one training step in libtorch of the network that step_bench.cc times: forward, CTC,
// backward, AdamW. Prints one JSON line.
//
// Frozen blocks run without a graph, their weights in f32. Gradients are not clipped, which ours
// does.
#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <cstdio>
#include <vector>

#include "step_options.h"
#include "torch_network.h"

int main(int argc, char** argv) {
  const masr_bench::StepOptions options = masr_bench::ParseStepOptions(argc, argv);
  const nlohmann::json description = masr_bench::ReadJson(options.model);
  at::set_num_threads(options.threads);
  torch::manual_seed(1);

  const auto blocks = masr_bench::MakeBlocks(description);
  const int64_t tokens = description.at("tokens");
  const int64_t mels = description.at("mels");
  torch::nn::Linear head(blocks.back()->out_dim(), tokens);
  masr_bench::StepResult result;
  result.side = "libtorch";
  std::vector<torch::Tensor> trainable;
  const auto add = [&](const torch::nn::Module& module, bool learns) {
    for (torch::Tensor parameter : module.parameters()) {
      result.parameters += parameter.numel();
      parameter.set_requires_grad(learns);
      if (learns) trainable.push_back(parameter);
    }
  };
  const auto frozen = static_cast<size_t>(options.frozen_blocks);
  for (size_t b = 0; b < blocks.size(); ++b) add(*blocks[b], b >= frozen);
  add(*head, true);
  for (const torch::Tensor& parameter : trainable) result.trainable += parameter.numel();
  torch::optim::AdamW optimizer(
      trainable, torch::optim::AdamWOptions(1e-4).betas({0.9, 0.98}).weight_decay(1e-2));

  const std::vector<int64_t> frames = masr_bench::UtteranceFrames(options);
  const auto batch = static_cast<int64_t>(frames.size());
  torch::Tensor features = torch::zeros({batch, frames[0], mels});
  for (int64_t u = 0; u < batch; ++u) {
    std::vector<float> values = masr_bench::SyntheticFeatures(frames[u] * mels);
    features[u].narrow(0, 0, frames[u]).copy_(torch::from_blob(values.data(), {frames[u], mels}));
  }

  // Targets one after the other, made once the first pass has told the numbers of frames.
  std::vector<int64_t> target_values, target_lengths;
  torch::Tensor targets;
  result.seconds = masr_bench::TimeSteps(options.steps, [&] {
    masr_bench::Activations a{features, frames, mels};
    {
      const torch::NoGradGuard no_grad;
      for (size_t b = 0; b < std::min(frozen, blocks.size()); ++b) blocks[b]->Forward(a);
    }
    for (size_t b = frozen; b < blocks.size(); ++b) blocks[b]->Forward(a);
    const torch::Tensor log_probabilities =
        torch::log_softmax(head(a.Sequence()), -1).transpose(0, 1);
    int64_t out_frames = 0;
    for (int64_t f : a.frames) out_frames += f;
    if (!targets.defined()) {
      for (size_t u = 0; u < a.frames.size(); ++u) {
        const auto target = masr_bench::SyntheticTarget(a.frames[u], tokens, u + 1);
        target_values.insert(target_values.end(), target.begin(), target.end());
        target_lengths.push_back(static_cast<int64_t>(target.size()));
      }
      targets = torch::tensor(target_values);
    }
    const torch::Tensor sum = torch::ctc_loss(log_probabilities, targets, a.frames, target_lengths,
                                              /*blank=*/0, torch::Reduction::Sum);
    (sum / out_frames).backward();
    optimizer.step();
    for (torch::Tensor& parameter : trainable) parameter.mutable_grad().reset();
    result.loss = sum.item<double>() / static_cast<double>(target_values.size());
  });
  masr_bench::PrintResult(options, description, result);
}

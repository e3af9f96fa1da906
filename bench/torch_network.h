// The networks of bench/models/*.json in libtorch, as its users write them.
#ifndef MOBILEASR_BENCH_TORCH_NETWORK_H_
#define MOBILEASR_BENCH_TORCH_NETWORK_H_

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

namespace masr_bench {

// What goes from block to block. Utterances are padded to the longest with zeros.
struct Activations {
  torch::Tensor x;  // [batch, frames, dim], or [batch, channels, frames, bins] between 2-D
                    // convolutions
  std::vector<int64_t> frames;  // of each utterance
  int64_t dim = 0;              // features per frame
  torch::Tensor positions;      // sinusoids of relative positions, once a block has made them

  bool padded() const;
  // [batch, frames] of bool, true beyond an utterance's end.
  torch::Tensor PaddingMask() const;
  // x as [batch, frames, dim].
  torch::Tensor Sequence() const;
};

class Block : public torch::nn::Module {
 public:
  virtual void Forward(Activations& a) = 0;
  virtual int64_t out_dim() const = 0;
};

// One per layer of the encoder, repetitions counted.
std::vector<std::shared_ptr<Block>> MakeBlocks(const nlohmann::json& model);

}  // namespace masr_bench

#endif  // MOBILEASR_BENCH_TORCH_NETWORK_H_

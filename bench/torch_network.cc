#include "torch_network.h"

#include <algorithm>
#include <cmath>

#include "step_options.h"
#include "torch_conformer.h"

namespace masr_bench {

using torch::Tensor;
namespace nn = torch::nn;

bool Activations::padded() const {
  return std::any_of(frames.begin(), frames.end(), [&](int64_t f) { return f != frames[0]; });
}

Tensor Activations::PaddingMask() const {
  const int64_t longest = *std::max_element(frames.begin(), frames.end());
  return torch::arange(longest).unsqueeze(0) >= torch::tensor(frames).unsqueeze(1);
}

Tensor Activations::Sequence() const {
  // As ours: the bins of a frame outermost, then channels.
  return x.dim() == 4 ? x.permute({0, 2, 3, 1}).flatten(2) : x;
}

namespace {

void Subsample(std::vector<int64_t>& frames, int64_t kernel, int64_t stride, int64_t padding,
               int64_t dilation) {
  for (int64_t& f : frames) f = (f + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

class Conv2dBlock : public Block {
 public:
  Conv2dBlock(const nlohmann::json& layer, int64_t in_dim)
      : in_channels_(layer.value("in_channels", int64_t{1})), channels_(layer.at("channels")) {
    const Axis time = ReadAxis(layer, "time_");
    const Axis frequency = ReadAxis(layer, "frequency_");
    time_ = time;
    bins_ =
        (in_dim / in_channels_ + 2 * frequency.padding - frequency.kernel) / frequency.stride + 1;
    conv_ = register_module("conv", nn::Conv2d(nn::Conv2dOptions(in_channels_, channels_,
                                                                 {time.kernel, frequency.kernel})
                                                   .stride({time.stride, frequency.stride})
                                                   .padding({time.padding, frequency.padding})));
  }
  int64_t out_dim() const override { return bins_ * channels_; }
  void Forward(Activations& a) override {
    Tensor x = a.x.dim() == 4 ? a.x : a.x.unsqueeze(1);
    if (a.padded()) x = x.masked_fill(a.PaddingMask().unsqueeze(1).unsqueeze(3), 0);
    a.x = conv_(x);
    Subsample(a.frames, time_.kernel, time_.stride, time_.padding, 1);
    a.dim = out_dim();
  }

 private:
  struct Axis {
    int64_t kernel;
    int64_t stride;
    int64_t padding;
  };
  static Axis ReadAxis(const nlohmann::json& layer, const std::string& prefix) {
    const int64_t kernel = layer.at(prefix + "kernel");
    return {kernel, layer.value(prefix + "stride", int64_t{1}),
            layer.value(prefix + "padding", (kernel - 1) / 2)};
  }

  int64_t in_channels_;
  int64_t channels_;
  int64_t bins_ = 0;
  Axis time_{};
  nn::Conv2d conv_{nullptr};
};

class ClippedRelu : public Block {
 public:
  explicit ClippedRelu(int64_t dim) : dim_(dim) {}
  int64_t out_dim() const override { return dim_; }
  void Forward(Activations& a) override { a.x = torch::hardtanh(a.x, 0, 20); }

 private:
  int64_t dim_;
};

class Lstm : public Block {
 public:
  Lstm(const nlohmann::json& layer, int64_t in_dim)
      : dim_(layer.at("hidden").get<int64_t>() * (layer.value("bidirectional", false) ? 2 : 1)) {
    lstm_ =
        register_module("lstm", nn::LSTM(nn::LSTMOptions(in_dim, layer.at("hidden"))
                                             .batch_first(true)
                                             .bidirectional(layer.value("bidirectional", false))));
  }
  int64_t out_dim() const override { return dim_; }
  void Forward(Activations& a) override {
    const Tensor x = a.Sequence();
    if (a.padded()) {
      // Longest first: what packing wants.
      const auto packed =
          nn::utils::rnn::pack_padded_sequence(x, torch::tensor(a.frames), /*batch_first=*/true);
      a.x = std::get<0>(nn::utils::rnn::pad_packed_sequence(
          std::get<0>(lstm_->forward_with_packed_input(packed)), /*batch_first=*/true));
    } else {
      a.x = std::get<0>(lstm_(x));
    }
    a.dim = dim_;
  }

 private:
  int64_t dim_;
  nn::LSTM lstm_{nullptr};
};

class QuartzNet : public Block {
 public:
  QuartzNet(const nlohmann::json& layer, int64_t in_dim)
      : channels_(layer.at("channels")),
        kernel_(layer.at("kernel")),
        stride_(layer.value("stride", int64_t{1})),
        dilation_(layer.value("dilation", int64_t{1})) {
    if (layer.value("residual", true)) {
      shortcut_ = register_module("shortcut", Pointwise(in_dim));
      shortcut_norm_ = register_module("shortcut_norm", Norm());
    }
    for (int64_t i = 0; i < layer.value("convolutions", int64_t{5}); ++i) {
      const int64_t in = i == 0 ? in_dim : channels_;
      const std::string name = std::to_string(i);
      depthwise_.push_back(
          register_module(name + "_depthwise", nn::Conv1d(nn::Conv1dOptions(in, in, kernel_)
                                                              .stride(i == 0 ? stride_ : 1)
                                                              .padding(Padding())
                                                              .dilation(dilation_)
                                                              .groups(in)
                                                              .bias(false))));
      pointwise_.push_back(register_module(name + "_pointwise", Pointwise(in)));
      norm_.push_back(register_module(name + "_norm", Norm()));
    }
  }
  int64_t out_dim() const override { return channels_; }
  void Forward(Activations& a) override {
    // Between blocks [batch, frames, channels] is a view: nothing is copied here.
    const Tensor in = a.x.transpose(1, 2);
    Tensor x = in;
    for (size_t i = 0; i < depthwise_.size(); ++i) {
      if (i > 0) x = torch::relu(x);
      if (a.padded()) x = x.masked_fill(a.PaddingMask().unsqueeze(1), 0);
      x = norm_[i](pointwise_[i](depthwise_[i](x)));
      Subsample(a.frames, kernel_, i == 0 ? stride_ : 1, Padding(), dilation_);
    }
    if (shortcut_) x = x + shortcut_norm_(shortcut_(in));
    a.x = torch::relu(x).transpose(1, 2);
    a.dim = channels_;
  }

 private:
  int64_t Padding() const { return dilation_ * (kernel_ - 1) / 2; }
  nn::Conv1d Pointwise(int64_t in) const {
    return nn::Conv1d(nn::Conv1dOptions(in, channels_, 1).bias(false));
  }
  // Frozen statistics, as ours.
  nn::BatchNorm1d Norm() const {
    nn::BatchNorm1d norm(nn::BatchNorm1dOptions(channels_).eps(1e-3));
    norm->eval();
    return norm;
  }

  int64_t channels_;
  int64_t kernel_;
  int64_t stride_;
  int64_t dilation_;
  nn::Conv1d shortcut_{nullptr};
  nn::BatchNorm1d shortcut_norm_{nullptr};
  std::vector<nn::Conv1d> depthwise_;
  std::vector<nn::Conv1d> pointwise_;
  std::vector<nn::BatchNorm1d> norm_;
};

}  // namespace

std::vector<std::shared_ptr<Block>> MakeBlocks(const nlohmann::json& model) {
  std::vector<std::shared_ptr<Block>> blocks;
  int64_t dim = model.at("mels");
  for (const nlohmann::json& layer : EncoderLayers(model)) {
    const std::string kind = layer.at("layer");
    std::shared_ptr<Block> block;
    if (kind == "conv_subsampling") block = MakeConvSubsampling(layer, dim);
    if (kind == "conformer_block") block = MakeConformerBlock(layer, dim);
    if (kind == "quartznet_block") block = std::make_shared<QuartzNet>(layer, dim);
    if (kind == "conv2d") block = std::make_shared<Conv2dBlock>(layer, dim);
    if (kind == "activation" && layer.at("function") == "clipped_relu") {
      block = std::make_shared<ClippedRelu>(dim);
    }
    if (kind == "recurrent" && layer.value("cell", "lstm") == "lstm") {
      block = std::make_shared<Lstm>(layer, dim);
    }
    TORCH_CHECK(block != nullptr, "this side has no layer '", kind, "'");
    dim = block->out_dim();
    blocks.push_back(std::move(block));
  }
  return blocks;
}

}  // namespace masr_bench

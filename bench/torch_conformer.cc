#include "torch_conformer.h"

#include <cmath>
#include <limits>

namespace masr_bench {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

class ConvSubsampling : public Block {
 public:
  ConvSubsampling(const nlohmann::json& layer, int64_t mels)
      : dim_(layer.at("dim")), dropout_(layer.value("dropout", 0.1)) {
    const int64_t channels = layer.at("channels");
    const int64_t bins = Half(Half(mels));
    conv1_ = register_module("conv1",
                             nn::Conv2d(nn::Conv2dOptions(1, channels, 3).stride(2).padding(1)));
    conv2_ = register_module(
        "conv2", nn::Conv2d(nn::Conv2dOptions(channels, channels, 3).stride(2).padding(1)));
    linear_ = register_module("linear", nn::Linear(channels * bins, dim_));
  }
  int64_t out_dim() const override { return dim_; }
  void Forward(Activations& a) override {
    Tensor x = torch::relu(conv1_(a.x.unsqueeze(1)));
    for (int64_t& f : a.frames) f = Half(f);
    if (a.padded()) x = x.masked_fill(a.PaddingMask().unsqueeze(1).unsqueeze(3), 0);
    x = torch::relu(conv2_(x));
    for (int64_t& f : a.frames) f = Half(f);
    a.x = torch::dropout(linear_(x.transpose(1, 2).flatten(2)), dropout_, /*train=*/true);
    a.dim = dim_;
  }

 private:
  static int64_t Half(int64_t n) { return (n - 1) / 2 + 1; }

  int64_t dim_;
  double dropout_;
  nn::Conv2d conv1_{nullptr};
  nn::Conv2d conv2_{nullptr};
  nn::Linear linear_{nullptr};
};

// Sinusoids of the distances longest - 1 down to 1 - longest.
Tensor RelativePositions(int64_t longest, int64_t dim) {
  const Tensor distance = torch::arange(longest - 1, -longest, -1, torch::kFloat).unsqueeze(1);
  const Tensor rate = torch::exp(torch::arange(0, dim, 2, torch::kFloat) *
                                 (-std::log(10000.0) / static_cast<double>(dim)));
  return torch::stack({torch::sin(distance * rate), torch::cos(distance * rate)}, 2).flatten(1);
}

class ConformerBlock : public Block {
 public:
  ConformerBlock(const nlohmann::json& layer, int64_t dim)
      : dim_(dim),
        heads_(layer.value("heads", int64_t{4})),
        batch_norm_(layer.value("conv_norm", "layer") == "batch"),
        dropout_(layer.value("dropout", 0.1)) {
    const int64_t inner = layer.value("feed_forward", 4 * dim);
    const int64_t kernel = layer.value("conv_kernel", int64_t{31});
    for (int i = 0; i < 2; ++i) {
      const std::string name = "ff" + std::to_string(i + 1);
      ff_norm_[i] = register_module(name + "_norm", Norm());
      ff_in_[i] = register_module(name + "_linear1", nn::Linear(dim, inner));
      ff_out_[i] = register_module(name + "_linear2", nn::Linear(inner, dim));
    }
    attention_norm_ = register_module("attention_norm", Norm());
    qkv_ = register_module("qkv", nn::Linear(dim, 3 * dim));
    position_ = register_module("position", nn::Linear(nn::LinearOptions(dim, dim).bias(false)));
    u_ = register_parameter("u", torch::zeros({heads_, dim / heads_}));
    v_ = register_parameter("v", torch::zeros({heads_, dim / heads_}));
    out_ = register_module("out", nn::Linear(dim, dim));
    conv_norm_ = register_module("conv_norm", Norm());
    pointwise1_ = register_module("pointwise1", nn::Linear(dim, 2 * dim));
    depthwise_ = register_module(
        "depthwise",
        nn::Conv1d(nn::Conv1dOptions(dim, dim, kernel).padding((kernel - 1) / 2).groups(dim)));
    if (batch_norm_) {
      inner_batch_norm_ = register_module("inner_norm", nn::BatchNorm1d(dim));
      inner_batch_norm_->eval();  // frozen statistics, as ours
    } else {
      inner_layer_norm_ = register_module("inner_norm", Norm());
    }
    pointwise2_ = register_module("pointwise2", nn::Linear(dim, dim));
    norm_ = register_module("norm", Norm());
  }
  int64_t out_dim() const override { return dim_; }
  void Forward(Activations& a) override {
    if (!a.positions.defined()) a.positions = RelativePositions(a.x.size(1), dim_);
    a.x = a.x + 0.5 * FeedForward(0, a.x);
    a.x = a.x + Attention(a);
    a.x = a.x + Convolution(a);
    a.x = norm_(a.x + 0.5 * FeedForward(1, a.x));
  }

 private:
  nn::LayerNorm Norm() const { return nn::LayerNorm(nn::LayerNormOptions({dim_})); }
  Tensor Dropout(const Tensor& x) const { return torch::dropout(x, dropout_, /*train=*/true); }

  Tensor FeedForward(int i, const Tensor& x) {
    return Dropout(ff_out_[i](torch::silu(ff_in_[i](ff_norm_[i](x)))));
  }

  Tensor Attention(const Activations& a) {
    const int64_t batch = a.x.size(0);
    const int64_t frames = a.x.size(1);
    const int64_t width = dim_ / heads_;
    const Tensor qkv = qkv_(attention_norm_(a.x)).view({batch, frames, 3, heads_, width});
    const Tensor q = qkv.select(2, 0);
    const Tensor k = qkv.select(2, 1).permute({0, 2, 3, 1});  // [batch, heads, width, frames]
    const Tensor v = qkv.select(2, 2).transpose(1, 2);
    const Tensor r = position_(a.positions).view({2 * frames - 1, heads_, width});
    // The scale on the smaller factor.
    const double scale = 1 / std::sqrt(static_cast<double>(width));
    const Tensor content = torch::matmul(((q + u_) * scale).transpose(1, 2), k);
    const Tensor shifted =
        Shift(torch::matmul(((q + v_) * scale).transpose(1, 2), r.permute({1, 2, 0})));
    Tensor scores = content + shifted;
    if (a.padded()) {
      scores = scores.masked_fill(a.PaddingMask().unsqueeze(1).unsqueeze(1),
                                  -std::numeric_limits<float>::infinity());
    }
    const Tensor context = torch::matmul(torch::softmax(scores, -1), v);
    return Dropout(out_(context.transpose(1, 2).reshape({batch, frames, dim_})));
  }

  // [.., t, 2t - 1] by distance -> [.., t, t] by key (Dai et al., 2019, appendix B).
  static Tensor Shift(const Tensor& x) {
    const int64_t frames = x.size(2);
    const int64_t positions = x.size(3);
    const Tensor padded = torch::constant_pad_nd(x, {1, 0});
    return padded.view({x.size(0), x.size(1), positions + 1, frames})
        .narrow(2, 1, positions)
        .view({x.size(0), x.size(1), frames, positions})
        .narrow(3, 0, frames);
  }

  Tensor Convolution(const Activations& a) {
    Tensor x = torch::glu(pointwise1_(conv_norm_(a.x)), -1);
    if (a.padded()) x = x.masked_fill(a.PaddingMask().unsqueeze(2), 0);
    x = depthwise_(x.transpose(1, 2));
    x = batch_norm_ ? torch::silu(inner_batch_norm_(x)).transpose(1, 2)
                    : torch::silu(inner_layer_norm_(x.transpose(1, 2)));
    return Dropout(pointwise2_(x));
  }

  int64_t dim_;
  int64_t heads_;
  bool batch_norm_;
  double dropout_;
  nn::LayerNorm ff_norm_[2] = {nullptr, nullptr};
  nn::Linear ff_in_[2] = {nullptr, nullptr};
  nn::Linear ff_out_[2] = {nullptr, nullptr};
  nn::LayerNorm attention_norm_{nullptr};
  nn::Linear qkv_{nullptr};
  nn::Linear position_{nullptr};
  Tensor u_;
  Tensor v_;
  nn::Linear out_{nullptr};
  nn::LayerNorm conv_norm_{nullptr};
  nn::Linear pointwise1_{nullptr};
  nn::Conv1d depthwise_{nullptr};
  nn::BatchNorm1d inner_batch_norm_{nullptr};
  nn::LayerNorm inner_layer_norm_{nullptr};
  nn::Linear pointwise2_{nullptr};
  nn::LayerNorm norm_{nullptr};
};

}  // namespace

std::shared_ptr<Block> MakeConvSubsampling(const nlohmann::json& layer, int64_t mels) {
  return std::make_shared<ConvSubsampling>(layer, mels);
}

std::shared_ptr<Block> MakeConformerBlock(const nlohmann::json& layer, int64_t dim) {
  return std::make_shared<ConformerBlock>(layer, dim);
}

}  // namespace masr_bench

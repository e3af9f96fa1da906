#include <algorithm>

#include "step_options.h"

namespace masr_bench {
namespace {

// One product: its cost forward, and what it needs backward.
struct Product {
  double forward = 0;
  double weight_gradient = 0;
  double input_gradient = 0;
};

int64_t ConvOutput(int64_t length, int64_t kernel, int64_t stride, int64_t padding,
                   int64_t dilation) {
  return (length + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}

// Follows the shape of a batch through the layers.
class Counter {
 public:
  Counter(const StepOptions& options, int64_t mels)
      : frames_(UtteranceFrames(options)), dim_(mels) {}

  void Add(const nlohmann::json& layer) {
    const std::string kind = layer.at("layer");
    if (kind == "conv_subsampling") {
      const int64_t channels = layer.at("channels");
      Conv2d(1, channels, {3, 2, 1}, {3, 2, 1});
      Conv2d(channels, channels, {3, 2, 1}, {3, 2, 1});
      Linear(layer.at("dim"));
    } else if (kind == "conformer_block") {
      Conformer(layer);
    } else if (kind == "quartznet_block") {
      QuartzNet(layer);
    } else if (kind == "conv2d") {
      const Axis time = ReadAxis(layer, "time_");
      Conv2d(layer.value("in_channels", 1), layer.at("channels"), time,
             ReadAxis(layer, "frequency_"));
    } else if (kind == "recurrent") {
      const int64_t hidden = layer.at("hidden");
      const int64_t gates = (layer.value("cell", "lstm") == "lstm" ? 4 : 3) * hidden;
      const int64_t directions = layer.value("bidirectional", false) ? 2 : 1;
      Weights(2.0 * Rows() * static_cast<double>(directions * gates * (dim_ + hidden)));
      dim_ = directions * hidden;
    } else if (kind == "linear") {
      Linear(layer.at("dim"));
    }
  }
  void Linear(int64_t out) {
    Weights(2.0 * Rows() * static_cast<double>(dim_ * out));
    dim_ = out;
  }

  // What was added since the last call.
  std::vector<Product> Take() { return std::move(products_); }

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

  double Rows() const {
    double rows = 0;
    for (int64_t f : frames_) rows += static_cast<double>(f);
    return rows;
  }

  void Weights(double flops) { products_.push_back({flops, flops, flops}); }

  void Subsample(int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
    for (int64_t& f : frames_) f = ConvOutput(f, kernel, stride, padding, dilation);
  }

  void Conv2d(int64_t in_channels, int64_t channels, const Axis& time, const Axis& frequency) {
    Subsample(time.kernel, time.stride, time.padding, 1);
    const int64_t bins =
        ConvOutput(dim_ / in_channels, frequency.kernel, frequency.stride, frequency.padding, 1);
    dim_ = bins * channels;
    Weights(2.0 * Rows() *
            static_cast<double>(dim_ * in_channels * time.kernel * frequency.kernel));
  }

  void Conformer(const nlohmann::json& layer) {
    const int64_t dim = dim_;
    const int64_t inner = layer.value("feed_forward", 4 * dim);
    Linear(inner);
    Linear(dim);
    Linear(3 * dim);
    dim_ = dim;
    const auto d = static_cast<double>(dim);
    const auto longest = static_cast<double>(*std::max_element(frames_.begin(), frames_.end()));
    const double positions = 2.0 * (2 * longest - 1) * d * d;
    products_.push_back({positions, positions, 0});
    // Scores of contents and of positions, and the weighted sum: each needs two products backward.
    double scores = 0;
    for (int64_t f : frames_) scores += 3 * 2.0 * static_cast<double>(f * f) * d;
    products_.push_back({scores, 0, 2 * scores});
    Linear(dim);
    Linear(2 * dim);
    dim_ = dim;
    Weights(2.0 * Rows() * d * static_cast<double>(layer.value("conv_kernel", int64_t{31})));
    Linear(dim);
    Linear(inner);
    Linear(dim);
  }

  void QuartzNet(const nlohmann::json& layer) {
    const int64_t channels = layer.at("channels");
    const int64_t kernel = layer.at("kernel");
    const int64_t dilation = layer.value("dilation", int64_t{1});
    if (layer.value("residual", true)) {
      const int64_t dim = dim_;
      Linear(channels);
      dim_ = dim;
    }
    for (int64_t i = 0; i < layer.value("convolutions", int64_t{5}); ++i) {
      const int64_t stride = i == 0 ? layer.value("stride", int64_t{1}) : 1;
      Subsample(kernel, stride, dilation * (kernel - 1) / 2, dilation);
      Weights(2.0 * Rows() * static_cast<double>(dim_ * kernel));
      Linear(channels);
    }
  }

  std::vector<int64_t> frames_;
  int64_t dim_;
  std::vector<Product> products_;
};

}  // namespace

double StepFlops(const nlohmann::json& model, const StepOptions& options) {
  Counter counter(options, model.at("mels"));
  const std::vector<nlohmann::json> layers = EncoderLayers(model);
  double flops = 0;
  bool trains_below = false;  // nothing below the first layer that learns needs a gradient
  for (size_t block = 0; block <= layers.size(); ++block) {
    if (block < layers.size()) {
      counter.Add(layers[block]);
    } else {
      counter.Linear(model.at("tokens"));
    }
    const bool learns = static_cast<int64_t>(block) >= options.frozen_blocks;
    for (const Product& product : counter.Take()) {
      flops += product.forward;
      if (learns) flops += product.weight_gradient;
      if (learns && trains_below) flops += product.input_gradient;
      trains_below |= learns;
    }
  }
  return flops;
}

}  // namespace masr_bench

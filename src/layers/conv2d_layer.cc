#include "layers/convolution.h"

namespace masr {
namespace {

class Conv2d final : public Layer {
 public:
  Conv2d(const Conv2dOptions& options, ParameterTable& table)
      : options_(options), out_dim_(options.shape.out_bins() * options.shape.out_channels) {
    const Conv2dShape& shape = options.shape;
    const int64_t fan_in = shape.taps() * (options.depthwise ? 1 : shape.in_channels);
    const ParameterId first = table.size();
    if (options.depthwise) {
      weight_ = table.Add({.name = "weight",
                           .shape = {shape.taps(), shape.out_channels},
                           .init = options.init,
                           .fan_in = fan_in});
    } else {
      weight_ = table.Add({.name = "weight",
                           .shape = {shape.out_channels, fan_in},
                           .init = options.init,
                           .fan_in = fan_in,
                           .matrix = true});
    }
    if (options.bias) bias_ = table.Add({.name = "bias", .shape = {shape.out_channels}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return out_dim_; }
  int64_t OutputFrames(int64_t frames) const override {
    return ConvOutputLength(frames, options_.shape.time);
  }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    SequenceShape out{{0}, out_dim_};
    for (int64_t u = 0; u < in.utterances(); ++u) {
      out.offsets.push_back(out.offsets.back() + OutputFrames(in.offsets[u + 1] - in.offsets[u]));
    }
    LayerPlan plan = LeafPlan(in, std::move(out), mode, planner);
    plan.backward_needs_input = mode.backward && planner.IsTrainable(weight_);
    if (!options_.depthwise) {
      const int64_t scratch = Conv2dScratchFloats(options_.shape, plan.out.rows());
      plan.buffers = {planner.ForwardScratch(scratch, plan.first_tick),
                      planner.BackwardScratch(scratch, plan.first_tick, mode)};
    }
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const float* bias = run.parameters.Vector(bias_);
    if (options_.depthwise) {
      DepthwiseConv2dForward(run.kernels, plan.in.offsets, plan.out.offsets, options_.shape, x,
                             run.parameters.Vector(weight_), bias, y);
    } else {
      Conv2dForward(run.kernels, plan.in.offsets, plan.out.offsets, options_.shape, x,
                    run.parameters.Matrix(weight_), bias, y, run.Buffer(plan.buffers[0]));
    }
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    if (options_.depthwise) {
      DepthwiseConv2dBackward(run.kernels, plan.in.offsets, plan.out.offsets, options_.shape, x,
                              run.parameters.Vector(weight_), dy, dx, run.gradients[weight_],
                              run.gradients[bias_]);
    } else {
      Conv2dBackward(run.kernels, plan.in.offsets, plan.out.offsets, options_.shape, x,
                     run.parameters.Matrix(weight_), dy, dx, run.gradients[weight_],
                     run.gradients[bias_], run.Buffer(plan.buffers[1]));
    }
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(Conv2dMath{options_.shape, options_.depthwise, weight_, bias_});
  }

 private:
  Conv2dOptions options_;
  int64_t out_dim_;
  ParameterId weight_ = kNoParameter;
  ParameterId bias_ = kNoParameter;
};

}  // namespace

LayerPtr MakeConv2d(const Conv2dOptions& options, ParameterTable& table) {
  return std::make_unique<Conv2d>(options, table);
}

}  // namespace masr

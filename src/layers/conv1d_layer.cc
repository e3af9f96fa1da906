#include "kernels/grouped_conv1d.h"
#include "layers/convolution.h"

namespace masr {
namespace {

class Conv1d final : public Layer {
 public:
  Conv1d(int64_t in_dim, const Conv1dOptions& options, ParameterTable& table)
      : in_dim_(in_dim),
        out_dim_(options.depthwise ? in_dim : options.out_channels),
        options_(options) {
    const int64_t taps = options.shape.kernel;
    const int64_t fan_in = options.depthwise ? taps : taps * in_dim / options.groups;
    const ParameterId first = table.size();
    weight_ = table.Add({.name = "weight",
                         .shape = {out_dim_, fan_in},
                         .init = Init::kUniformFanIn,
                         .fan_in = fan_in,
                         .matrix = !options.depthwise});
    if (options.bias) bias_ = table.Add({.name = "bias", .shape = {out_dim_}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return out_dim_; }
  int64_t OutputFrames(int64_t frames) const override {
    const int64_t length = ConvOutputLength(frames, options_.shape);
    return options_.drop_last_frame && length > 0 ? length - 1 : length;
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
      const int64_t scratch =
          options_.groups > 1
              ? GroupedConv1dScratchFloats(in_dim_, out_dim_, options_.groups, options_.shape,
                                           in.rows(), plan.out.rows())
              : Conv1dScratchFloats(in_dim_, options_.shape, plan.out.rows());
      plan.buffers = {planner.ForwardScratch(scratch, plan.first_tick),
                      planner.BackwardScratch(scratch, plan.first_tick, mode)};
    }
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const float* bias = run.parameters.Vector(bias_);
    if (options_.depthwise) {
      DepthwiseConv1dForward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_,
                             options_.shape, x, run.parameters.Vector(weight_), bias, y);
    } else if (options_.groups > 1) {
      GroupedConv1dForward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_, options_.groups,
                           options_.shape, x, run.parameters.Matrix(weight_), bias, y,
                           run.Buffer(plan.buffers[0]));
    } else {
      Conv1dForward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_, options_.shape, x,
                    run.parameters.Matrix(weight_), bias, y, run.Buffer(plan.buffers[0]));
    }
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    if (options_.depthwise) {
      DepthwiseConv1dBackward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_,
                              options_.shape, x, run.parameters.Vector(weight_), dy, dx,
                              run.gradients[weight_], run.gradients[bias_]);
    } else if (options_.groups > 1) {
      GroupedConv1dBackward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_,
                            options_.groups, options_.shape, x, run.parameters.Matrix(weight_), dy,
                            dx, run.gradients[weight_], run.gradients[bias_],
                            run.Buffer(plan.buffers[1]));
    } else {
      Conv1dBackward(run.kernels, plan.in.offsets, plan.out.offsets, in_dim_, options_.shape, x,
                     run.parameters.Matrix(weight_), dy, dx, run.gradients[weight_],
                     run.gradients[bias_], run.Buffer(plan.buffers[1]));
    }
  }

  void Accept(LayerVisitor& visitor) const override {
    visitor.Visit(Conv1dMath{.in_dim = in_dim_,
                             .out_dim = out_dim_,
                             .shape = options_.shape,
                             .groups = options_.depthwise ? in_dim_ : options_.groups,
                             .drop_last_frame = options_.drop_last_frame,
                             .weight = weight_,
                             .bias = bias_});
  }

 private:
  int64_t in_dim_;
  int64_t out_dim_;
  Conv1dOptions options_;
  ParameterId weight_ = kNoParameter;
  ParameterId bias_ = kNoParameter;
};

}  // namespace

LayerPtr MakeConv1d(int64_t in_dim, const Conv1dOptions& options, ParameterTable& table) {
  return std::make_unique<Conv1d>(in_dim, options, table);
}

}  // namespace masr

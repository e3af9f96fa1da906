#include "layers/self_attention.h"

#include <algorithm>

#include "kernels/attention.h"
#include "layers/product.h"

namespace masr {
namespace {

class SelfAttention final : public Layer {
 public:
  SelfAttention(int64_t dim, const SelfAttentionOptions& options, ParameterTable& table)
      : dim_(dim), heads_(options.heads), relative_(options.positions == Positions::kRelative) {
    const ParameterId first = table.size();
    const auto matrix = [&](const char* name, int64_t rows, Init init) {
      return Product({.name = name, .shape = {rows, dim}, .init = init, .fan_in = dim}, table);
    };
    qkv_ = matrix("qkv.weight", 3 * dim, Init::kUniformFanIn);
    if (options.bias) qkv_bias_ = table.Add({.name = "qkv.bias", .shape = {3 * dim}});
    if (relative_) {
      position_ = matrix("position.weight", dim, Init::kUniformFanIn);
      u_ = table.Add({.name = "position.u", .shape = {dim}});
      v_ = table.Add({.name = "position.v", .shape = {dim}});
    }
    out_ = matrix("out.weight", dim, Init::kBranchOut);
    if (options.bias) out_bias_ = table.Add({.name = "out.bias", .shape = {dim}});
    set_parameters(first, table.size());
  }

  int64_t out_dim() const override { return dim_; }

  Result<LayerPlan> Plan(const SequenceShape& in, const Mode& mode,
                         LayerPlanner& planner) const override {
    LayerPlan plan = LeafPlan(in, in, mode, planner);
    const int64_t tick = plan.first_tick;
    const AttentionShape shape = Shape(plan);
    plan.backward_needs_input = qkv_.NeedsInput(mode, planner, /*has_activation=*/false);
    plan.buffers.resize(kBuffers, kNoBuffer);
    if (relative_) plan.buffers[kTable] = planner.Positions(shape.max_frames, dim_);
    plan.buffers[kQkv] = planner.Saved(3 * in.floats(), tick, mode);
    if (relative_) plan.buffers[kR] = planner.Saved(shape.positions() * dim_, tick, mode);
    plan.buffers[kProbabilities] =
        planner.Saved(AttentionProbabilityFloats(in.offsets, heads_), tick, mode);
    plan.buffers[kContext] = planner.Saved(in.floats(), tick, mode);
    plan.buffers[kDContext] = planner.BackwardScratch(in.floats(), tick, mode);
    plan.buffers[kDQkv] = planner.BackwardScratch(3 * in.floats(), tick, mode);
    if (relative_) {
      plan.buffers[kDR] = planner.BackwardScratch(shape.positions() * dim_, tick, mode);
    }
    plan.buffers[kScratch] =
        planner.BackwardScratch(AttentionBackwardScratchFloats(in.offsets, shape), tick, mode);
    const auto keep = [&](const Product& product, int64_t rows, size_t place) {
      const Product::Buffers buffers = product.Plan(rows, tick, mode, planner);
      std::copy(buffers.begin(), buffers.end(), plan.buffers.begin() + place);
    };
    keep(qkv_, in.rows(), kQkvPair);
    if (relative_) keep(position_, shape.positions(), kPositionPair);
    keep(out_, in.rows(), kOutPair);
    return plan;
  }

  void Forward(const LayerRun& run, const LayerPlan& plan, const float* x,
               float* y) const override {
    const ParameterViews& p = run.parameters;
    const AttentionShape shape = Shape(plan);
    const int64_t rows = plan.in.rows();
    float* qkv = run.Buffer(plan.buffers[kQkv]);
    float* r = run.Buffer(plan.buffers[kR]);
    float* context = run.Buffer(plan.buffers[kContext]);
    qkv_.Forward(run, &plan.buffers[kQkvPair], rows, x, p.Vector(qkv_bias_), qkv);
    if (relative_) {
      position_.Forward(run, &plan.buffers[kPositionPair], shape.positions(),
                        run.Buffer(plan.buffers[kTable]), nullptr, r);
    }
    RelativeAttentionForward(run.kernels, plan.in.offsets, shape, qkv, qkv + dim_, qkv + 2 * dim_,
                             3 * dim_, r, p.Vector(u_), p.Vector(v_),
                             run.Buffer(plan.buffers[kProbabilities]), context);
    out_.Forward(run, &plan.buffers[kOutPair], rows, context, p.Vector(out_bias_), y);
  }

  void Backward(const LayerRun& run, const LayerPlan& plan, const float* x, const float*,
                const float* dy, float* dx) const override {
    const ParameterViews& p = run.parameters;
    const GradientViews& g = run.gradients;
    const AttentionShape shape = Shape(plan);
    const int64_t rows = plan.in.rows();
    const float* qkv = run.Buffer(plan.buffers[kQkv]);
    float* dcontext = run.Buffer(plan.buffers[kDContext]);
    float* dqkv = run.Buffer(plan.buffers[kDQkv]);
    float* dr = run.Buffer(plan.buffers[kDR]);

    AddBiasGradient(run, out_bias_, rows, dim_, dy);
    out_.Backward(run, &plan.buffers[kOutPair], rows, run.Buffer(plan.buffers[kContext]), dy,
                  dcontext);
    RelativeAttentionBackward(run.kernels, plan.in.offsets, shape, qkv, qkv + dim_, qkv + 2 * dim_,
                              3 * dim_, run.Buffer(plan.buffers[kR]), p.Vector(u_), p.Vector(v_),
                              run.Buffer(plan.buffers[kProbabilities]), dcontext, dqkv, dqkv + dim_,
                              dqkv + 2 * dim_, dr, g[u_], g[v_],
                              run.Buffer(plan.buffers[kScratch]));
    if (relative_) {
      position_.Backward(run, &plan.buffers[kPositionPair], shape.positions(),
                         run.Buffer(plan.buffers[kTable]), dr, /*dx=*/nullptr);
    }
    AddBiasGradient(run, qkv_bias_, rows, 3 * dim_, dqkv);
    qkv_.Backward(run, &plan.buffers[kQkvPair], rows, x, dqkv, dx);
  }

  void Accept(LayerVisitor& visitor) const override {
    AttentionMath math = {.dim = dim_,
                          .heads = heads_,
                          .qkv = qkv_.weight(),
                          .qkv_bias = qkv_bias_,
                          .u = u_,
                          .v = v_,
                          .out = out_.weight(),
                          .out_bias = out_bias_};
    if (relative_) math.position = position_.weight();
    visitor.Visit(math);
  }

 private:
  enum BufferIndex {
    kTable,
    kQkv,
    kR,
    kProbabilities,
    kContext,
    kDContext,
    kDQkv,
    kDR,
    kScratch,
    kQkvPair,  // two each
    kPositionPair = kQkvPair + 2,
    kOutPair = kPositionPair + 2,
    kBuffers = kOutPair + 2
  };

  AttentionShape Shape(const LayerPlan& plan) const {
    return {.dim = dim_, .heads = heads_, .max_frames = plan.in.max_frames()};
  }

  static void AddBiasGradient(const LayerRun& run, ParameterId bias, int64_t rows, int64_t out,
                              const float* dy) {
    if (float* db = run.gradients[bias]; db != nullptr) {
      AddColumnSums(run.kernels, rows, out, dy, db);
    }
  }

  int64_t dim_;
  int64_t heads_;
  bool relative_;
  Product qkv_;
  ParameterId qkv_bias_ = kNoParameter;
  Product position_;
  ParameterId u_ = kNoParameter;
  ParameterId v_ = kNoParameter;
  Product out_;
  ParameterId out_bias_ = kNoParameter;
};

}  // namespace

LayerPtr MakeSelfAttention(int64_t dim, const SelfAttentionOptions& options,
                           ParameterTable& table) {
  return std::make_unique<SelfAttention>(dim, options, table);
}

}  // namespace masr

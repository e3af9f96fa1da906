#include "convert/onnx_layers.h"

#include <cmath>
#include <numbers>
#include <span>

namespace masr {
namespace {

// [a, b, c] to [a, c, b].
std::vector<float> SwapLast(std::span<const float> x, int64_t a, int64_t b, int64_t c) {
  std::vector<float> y(x.size());
  for (int64_t i = 0; i < a; ++i) {
    for (int64_t j = 0; j < b; ++j) {
      for (int64_t k = 0; k < c; ++k) y[(i * c + k) * b + j] = x[(i * b + j) * c + k];
    }
  }
  return y;
}

// Blocks of `size` numbers in another order.
void AppendBlocks(const std::vector<float>& x, std::span<const int> order, int64_t size,
                  std::vector<float>& y) {
  for (const int block : order) {
    y.insert(y.end(), x.begin() + block * size, x.begin() + (block + 1) * size);
  }
}

}  // namespace

void OnnxLayers::Apply(const std::string& op, const Values& more,
                       const OnnxGraph::Attributes& attributes) {
  Values inputs = {x_};
  inputs.insert(inputs.end(), more.begin(), more.end());
  x_ = graph_.Add(op, inputs, attributes);
}

std::string OnnxLayers::Parameter(ParameterId id, const std::vector<int64_t>& shape) {
  return graph_.Floats(table_[id].name, shape, values_(id));
}

std::string OnnxLayers::Turned(ParameterId id) {
  const int64_t rows = table_[id].rows(), cols = table_[id].cols();
  return graph_.Floats(table_[id].name, {cols, rows}, SwapLast(values_(id), 1, rows, cols));
}

std::string OnnxLayers::Bias(ParameterId id) {
  return id == kNoParameter ? "" : Parameter(id, {table_[id].elements()});
}

void OnnxLayers::Visit(const LinearMath& math) {
  if (math.input_activation) Visit(*math.input_activation);
  Apply("MatMul", {Turned(math.weight)});
  if (math.bias != kNoParameter) Apply("Add", {Bias(math.bias)});
}

void OnnxLayers::Visit(const Conv1dMath& math) {
  const Conv1dShape& s = math.shape;
  const int64_t in = math.in_dim / math.groups;
  const std::string weight =
      graph_.Floats(table_[math.weight].name, {math.out_dim, in, s.kernel},
                    SwapLast(values_(math.weight), math.out_dim, s.kernel, in));
  Transpose({0, 2, 1});
  Apply("Conv", {weight, Bias(math.bias)},
        {{"kernel_shape", std::vector{s.kernel}},
         {"strides", std::vector{s.stride}},
         {"pads", std::vector{s.padding, s.padding}},
         {"dilations", std::vector{s.dilation}},
         {"group", math.groups}});
  if (math.drop_last_frame) {
    Apply("Slice", {graph_.Ints({0}), graph_.Ints({-1}), graph_.Ints({2})});
  }
  Transpose({0, 2, 1});
}

void OnnxLayers::Visit(const Conv2dMath& math) {
  const Conv2dShape& s = math.shape;
  const Conv1dShape& t = s.time;
  const Conv1dShape& f = s.frequency;
  const int64_t in = math.depthwise ? 1 : s.in_channels;
  // Ours: [out, time, frequency, in], or of a depthwise one [time, frequency, channels].
  const std::vector<float> values = values_(math.weight);
  const std::string weight =
      graph_.Floats(table_[math.weight].name, {s.out_channels, in, t.kernel, f.kernel},
                    math.depthwise ? SwapLast(values, 1, s.taps(), s.out_channels)
                                   : SwapLast(values, s.out_channels, s.taps(), in));
  Reshape({0, 0, s.in_bins, s.in_channels});
  Transpose({0, 3, 1, 2});
  Apply("Conv", {weight, Bias(math.bias)},
        {{"kernel_shape", std::vector{t.kernel, f.kernel}},
         {"strides", std::vector{t.stride, f.stride}},
         {"pads", std::vector{t.padding, f.padding, t.padding, f.padding}},
         {"dilations", std::vector{t.dilation, f.dilation}},
         {"group", math.depthwise ? s.in_channels : int64_t{1}}});
  Transpose({0, 2, 3, 1});
  Reshape({0, 0, s.out_bins() * s.out_channels});
}

void OnnxLayers::Visit(const NormMath& math) {
  const int64_t dim = table_[math.gamma].elements();
  if (math.over == NormOver::kNothing) {
    std::vector<float> scale = values_(math.gamma), shift = values_(math.beta);
    const std::vector<float> mean = values_(math.mean), variance = values_(math.variance);
    for (int64_t c = 0; c < dim; ++c) {
      scale[c] /= std::sqrt(variance[c] + math.epsilon);
      shift[c] -= mean[c] * scale[c];
    }
    Apply("Mul", {graph_.Floats(table_[math.gamma].name, {dim}, scale)});
    Apply("Add", {graph_.Floats(table_[math.beta].name, {dim}, shift)});
    return;
  }
  const Values affine = {Bias(math.gamma), Bias(math.beta)};
  if (math.over == NormOver::kRow) {
    Apply("LayerNormalization", affine, {{"axis", int64_t{-1}}, {"epsilon", math.epsilon}});
    return;
  }
  Transpose({0, 2, 1});
  Apply("InstanceNormalization", affine, {{"epsilon", math.epsilon}});
  Transpose({0, 2, 1});
}

void OnnxLayers::Visit(const SqueezeExciteMath& math) {
  const std::string x = x_;
  Apply("ReduceMean", {}, {{"axes", std::vector<int64_t>{1}}});  // [batch, 1, channels]
  Apply("MatMul", {Turned(math.squeeze)});
  Apply("Relu");
  Apply("MatMul", {Turned(math.excite)});
  Apply("Sigmoid");
  Apply("Mul", {x});
}

void OnnxLayers::Visit(const RecurrentMath& math) {
  // PyTorch's order, which is ours, to ONNX's: i f g o to i o f c, and r z n to z r h.
  static constexpr int kLstmOrder[] = {0, 3, 1, 2};
  static constexpr int kGruOrder[] = {1, 0, 2};
  const bool lstm = math.cell == Cell::kLstm;
  const std::span<const int> order = lstm ? std::span<const int>(kLstmOrder) : kGruOrder;
  const auto gates = static_cast<int64_t>(order.size()) * math.hidden;
  const auto directions = static_cast<int64_t>(math.directions.size());
  std::vector<float> w, r, b;
  for (const RecurrentMath::Direction& d : math.directions) {
    AppendBlocks(values_(d.w_ih), order, math.hidden * math.in_dim, w);
    AppendBlocks(values_(d.w_hh), order, math.hidden * math.hidden, r);
    AppendBlocks(values_(d.b_ih), order, math.hidden, b);
    AppendBlocks(values_(d.b_hh), order, math.hidden, b);
  }
  const RecurrentMath::Direction& first = math.directions.front();
  const Values parameters = {
      graph_.Floats(table_[first.w_ih].name, {directions, gates, math.in_dim}, w),
      graph_.Floats(table_[first.w_hh].name, {directions, gates, math.hidden}, r),
      graph_.Floats(table_[first.b_ih].name, {directions, 2 * gates}, b)};
  OnnxGraph::Attributes attributes = {
      {"hidden_size", math.hidden},
      {"direction", std::string(directions == 2 ? "bidirectional" : "forward")}};
  if (!lstm) attributes.push_back({"linear_before_reset", int64_t{1}});
  Transpose({1, 0, 2});
  Apply(lstm ? "LSTM" : "GRU", parameters, attributes);
  Transpose({2, 0, 1, 3});
  Reshape({0, 0, directions * math.hidden});
}

void OnnxLayers::Visit(const AttentionMath& math) {
  const int64_t head_dim = math.dim / math.heads;
  const std::string input = x_;
  Apply("MatMul", {Turned(math.qkv)});
  if (math.qkv_bias != kNoParameter) Apply("Add", {Bias(math.qkv_bias)});
  const Values qkv = graph_.AddMany("Split", {x_}, 3, {{"axis", int64_t{-1}}});
  // [batch, heads, frames, head_dim]; keys the other way round.
  const auto heads_of = [&](const std::string& x, const std::vector<int64_t>& order) {
    x_ = x;
    Reshape({0, 0, math.heads, head_dim});
    Transpose(order);
    return x_;
  };
  const std::string query = heads_of(qkv[0], {0, 2, 1, 3});
  const std::string key = heads_of(qkv[1], {0, 2, 3, 1});
  const std::string value = heads_of(qkv[2], {0, 2, 1, 3});
  std::string scores;
  if (math.position == kNoParameter) {
    scores = graph_.Add("MatMul", {query, key});
  } else {
    const std::string frames = graph_.Add("Gather", {graph_.Add("Shape", {input}), graph_.Int(1)});
    const auto with = [&](ParameterId bias) {
      return graph_.Add("Add", {query, Parameter(bias, {math.heads, 1, head_dim})});
    };
    scores = graph_.Add("Add", {graph_.Add("MatMul", {with(math.u), key}),
                                RelativeScores(math, with(math.v), frames)});
  }
  x_ = graph_.Add("Mul", {scores, graph_.Float(1.0f / std::sqrt(static_cast<float>(head_dim)))});
  Apply("Softmax", {}, {{"axis", int64_t{-1}}});
  Apply("MatMul", {value});
  Transpose({0, 2, 1, 3});
  Reshape({0, 0, math.dim});
  Apply("MatMul", {Turned(math.out)});
  if (math.out_bias != kNoParameter) Apply("Add", {Bias(math.out_bias)});
}

// query . r_{i-j}, [batch, heads, i, j]. The sinusoids are those of kernels/attention.h; columns of
// distances are brought to columns of keys as in Transformer-XL (Dai et al., 2019, appendix B).
std::string OnnxLayers::RelativeScores(const AttentionMath& math, const std::string& query,
                                       const std::string& frames) {
  const int64_t head_dim = math.dim / math.heads;
  OnnxGraph& g = graph_;
  std::vector<float> rates;
  for (int64_t c = 0; c < math.dim / 2; ++c) {
    rates.push_back(static_cast<float>(
        std::pow(10000.0, -2.0 * static_cast<double>(c) / static_cast<double>(math.dim))));
  }
  // Distances frames - 1 down to -(frames - 1).
  x_ = g.Add("Range", {g.Add("Sub", {frames, g.Int(1)}), g.Add("Neg", {frames}), g.Int(-1)});
  Apply("Cast", {}, {{"to", int64_t{1}}});
  Apply("Unsqueeze", {g.Ints({1})});
  Apply("Mul", {g.Floats("position.rates", {1, math.dim / 2}, rates)});
  const std::string angles = x_;
  const auto column = [&](const char* op) {
    return g.Add("Unsqueeze", {g.Add(op, {angles}), g.Ints({2})});
  };
  x_ = g.Add("Concat", {column("Sin"), column("Cos")}, {{"axis", int64_t{2}}});
  Reshape({-1, math.dim});
  Apply("MatMul", {Turned(math.position)});
  Reshape({-1, math.heads, head_dim});
  Transpose({1, 2, 0});
  x_ = g.Add("MatMul", {query, x_});  // [batch, heads, frames, 2 * frames - 1]

  const std::string one_frames = g.Add("Unsqueeze", {frames, g.Ints({0})});
  Apply("Pad", {g.Ints({0, 0, 0, 1, 0, 0, 0, 0})});
  Apply("Reshape", {g.Add("Concat", {g.Ints({0, 0, -1}), one_frames}, {{"axis", int64_t{0}}})});
  Apply("Slice", {g.Ints({1}), g.Ints({INT64_MAX}), g.Ints({2})});
  Apply("Reshape",
        {g.Add("Concat", {g.Ints({0, 0}), one_frames, g.Ints({-1})}, {{"axis", int64_t{0}}})});
  Apply("Slice", {g.Ints({0}), one_frames, g.Ints({3})});
  return x_;
}

void OnnxLayers::Visit(Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      Apply("Relu");
      return;
    case Activation::kClippedRelu:
      Apply("Clip", {graph_.Float(0), graph_.Float(20)});
      return;
    case Activation::kSilu:
      x_ = graph_.Add("Mul", {x_, graph_.Add("Sigmoid", {x_})});
      return;
    case Activation::kGelu: {
      const std::string x = x_;
      Apply("Mul", {graph_.Float(static_cast<float>(1 / std::numbers::sqrt2))});
      Apply("Erf");
      Apply("Add", {graph_.Float(1)});
      Apply("Mul", {x});
      Apply("Mul", {graph_.Float(0.5f)});
      return;
    }
  }
}

void OnnxLayers::VisitGlu() {
  const Values halves = graph_.AddMany("Split", {x_}, 2, {{"axis", int64_t{-1}}});
  x_ = graph_.Add("Mul", {halves[0], graph_.Add("Sigmoid", {halves[1]})});
}

void OnnxLayers::VisitResidual(float scale, const Layer* shortcut, const Layer& branch) {
  const std::string input = x_;
  if (shortcut != nullptr) shortcut->Accept(*this);
  const std::string kept = x_;
  x_ = input;
  branch.Accept(*this);
  if (scale != 1.0f) Apply("Mul", {graph_.Float(scale)});
  Apply("Add", {kept});
}

}  // namespace masr

// The layers of an encoder as ONNX operators, on activations [batch, frames, channels].
#ifndef MOBILEASR_CONVERT_ONNX_LAYERS_H_
#define MOBILEASR_CONVERT_ONNX_LAYERS_H_

#include <functional>
#include <string>
#include <vector>

#include "convert/onnx_graph.h"
#include "layers/layer.h"

namespace masr {

// Tell an encoder to Accept() it, and value() is what the encoder makes of what was given.
class OnnxLayers final : public LayerVisitor {
 public:
  using Parameters = std::function<std::vector<float>(ParameterId)>;

  OnnxLayers(const ParameterTable& table, Parameters values, std::string input, OnnxGraph& graph)
      : table_(table), values_(std::move(values)), x_(std::move(input)), graph_(graph) {}

  const std::string& value() const { return x_; }

  void Visit(const LinearMath& math) override;
  void Visit(const Conv1dMath& math) override;
  void Visit(const Conv2dMath& math) override;
  void Visit(const NormMath& math) override;
  void Visit(const SqueezeExciteMath& math) override;
  void Visit(const RecurrentMath& math) override;
  void Visit(const AttentionMath& math) override;
  void Visit(Activation activation) override;
  void VisitGlu() override;
  void VisitResidual(float scale, const Layer* shortcut, const Layer& branch) override;

 private:
  using Values = OnnxGraph::Values;

  // x_ becomes the operator's result; x_ is its first input.
  void Apply(const std::string& op, const Values& more = {},
             const OnnxGraph::Attributes& attributes = {});
  void Transpose(const std::vector<int64_t>& order) { Apply("Transpose", {}, {{"perm", order}}); }
  void Reshape(const std::vector<int64_t>& shape) { Apply("Reshape", {graph_.Ints(shape)}); }

  // A parameter as it is, under another shape; a matrix [out, in] turned round; and b or nothing.
  std::string Parameter(ParameterId id, const std::vector<int64_t>& shape);
  std::string Turned(ParameterId id);
  std::string Bias(ParameterId id);
  std::string RelativeScores(const AttentionMath& math, const std::string& query,
                             const std::string& frames);

  const ParameterTable& table_;
  Parameters values_;
  std::string x_;
  OnnxGraph& graph_;
};

}  // namespace masr

#endif  // MOBILEASR_CONVERT_ONNX_LAYERS_H_

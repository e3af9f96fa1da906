// An ONNX graph in the making (onnx.ai, onnx.proto3, operator set 17): nodes and constants go to
// its bytes as they come.
#ifndef MOBILEASR_CONVERT_ONNX_GRAPH_H_
#define MOBILEASR_CONVERT_ONNX_GRAPH_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace masr {

class OnnxGraph {
 public:
  using Values = std::vector<std::string>;  // names
  using Attributes = std::vector<
      std::pair<std::string, std::variant<int64_t, float, std::vector<int64_t>, std::string>>>;
  // A number, or the name of a size that is not known before it runs.
  using Dim = std::variant<int64_t, std::string>;

  // An operator's result, or several. An empty name among the inputs leaves that one out.
  std::string Add(const std::string& op, const Values& inputs, const Attributes& attributes = {});
  Values AddMany(const std::string& op, const Values& inputs, size_t results,
                 const Attributes& attributes = {});

  // Constants. `name` is kept for those who look into the file; a number is added where it is
  // taken.
  std::string Floats(const std::string& name, const std::vector<int64_t>& shape,
                     const std::vector<float>& values);
  std::string Ints(const std::vector<int64_t>& values);  // [n]
  std::string Int(int64_t value);                        // no dimension
  std::string Float(float value);                        // no dimension

  // f32.
  void Input(const std::string& name, const std::vector<Dim>& shape);
  // Gives `value` the name that it has outside.
  void Output(const std::string& value, const std::string& name, const std::vector<Dim>& shape);

  size_t bytes() const { return graph_.size(); }
  // The model's file. The graph can be added to no more.
  std::string Finish(const std::string& name, const std::map<std::string, std::string>& metadata);

 private:
  std::string Constant(const std::string& name, int type, const std::vector<int64_t>& shape,
                       const void* values, size_t bytes);
  void AddNode(const std::string& op, const Values& inputs, const Values& outputs,
               const Attributes& attributes);

  std::string graph_;  // the message's fields
  std::map<std::string, int64_t> taken_;
};

}  // namespace masr

#endif  // MOBILEASR_CONVERT_ONNX_GRAPH_H_

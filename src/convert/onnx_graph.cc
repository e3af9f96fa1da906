#include "convert/onnx_graph.h"

#include <bit>
#include <protozero/pbf_writer.hpp>
#include <utility>

namespace masr {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie");

constexpr int64_t kIrVersion = 8;  // the one that goes with operator set 17
constexpr int64_t kOperatorSet = 17;
constexpr int kFloat = 1;
constexpr int kInt64 = 7;

// The fields' numbers, of onnx.proto3.
namespace model {
enum : uint32_t { kIr = 1, kProducer = 2, kGraph = 7, kOperators = 8, kMetadata = 14 };
}
namespace graph {
enum : uint32_t { kNode = 1, kName = 2, kConstant = 5, kInput = 11, kOutput = 12 };
}
namespace node {
enum : uint32_t { kInput = 1, kOutput = 2, kName = 3, kOperator = 4, kAttribute = 5 };
}
namespace attribute {
enum : uint32_t { kName = 1, kFloat = 2, kInt = 3, kString = 4, kInts = 8, kType = 20 };
enum Type : int32_t { kIsFloat = 1, kIsInt = 2, kIsString = 3, kIsInts = 7 };
}  // namespace attribute
namespace tensor {
enum : uint32_t { kDims = 1, kType = 2, kName = 8, kBytes = 9 };
}
namespace value {
enum : uint32_t { kName = 1, kType = 2 };                             // ValueInfoProto
enum : uint32_t { kTensor = 1, kElement = 1, kShape = 2, kDim = 1 };  // TypeProto and below
enum : uint32_t { kSize = 1, kSizeName = 2 };                         // of a dimension
}  // namespace value

struct AttributeWriter {
  protozero::pbf_writer& to;

  void operator()(int64_t x) const {
    to.add_int64(attribute::kInt, x);
    to.add_enum(attribute::kType, attribute::kIsInt);
  }
  void operator()(float x) const {
    to.add_float(attribute::kFloat, x);
    to.add_enum(attribute::kType, attribute::kIsFloat);
  }
  void operator()(const std::string& x) const {
    to.add_bytes(attribute::kString, x);
    to.add_enum(attribute::kType, attribute::kIsString);
  }
  void operator()(const std::vector<int64_t>& x) const {
    to.add_packed_int64(attribute::kInts, x.begin(), x.end());
    to.add_enum(attribute::kType, attribute::kIsInts);
  }
};

std::string ValueInfo(const std::string& name, const std::vector<OnnxGraph::Dim>& shape) {
  std::string info;
  protozero::pbf_writer to(info);
  to.add_string(value::kName, name);
  protozero::pbf_writer type(to, value::kType);
  protozero::pbf_writer of(type, value::kTensor);
  of.add_int32(value::kElement, kFloat);
  protozero::pbf_writer dims(of, value::kShape);
  for (const OnnxGraph::Dim& dim : shape) {
    protozero::pbf_writer one(dims, value::kDim);
    if (const auto* size = std::get_if<int64_t>(&dim)) {
      one.add_int64(value::kSize, *size);
    } else {
      one.add_string(value::kSizeName, std::get<std::string>(dim));
    }
  }
  return info;
}

}  // namespace

void OnnxGraph::AddNode(const std::string& op, const Values& inputs, const Values& outputs,
                        const Attributes& attributes) {
  protozero::pbf_writer to(graph_);
  protozero::pbf_writer n(to, graph::kNode);
  for (const std::string& input : inputs) n.add_string(node::kInput, input);
  for (const std::string& output : outputs) n.add_string(node::kOutput, output);
  n.add_string(node::kName, outputs.front());
  n.add_string(node::kOperator, op);
  for (const auto& [name, x] : attributes) {
    protozero::pbf_writer a(n, node::kAttribute);
    a.add_string(attribute::kName, name);
    std::visit(AttributeWriter{a}, x);
  }
}

OnnxGraph::Values OnnxGraph::AddMany(const std::string& op, const Values& inputs, size_t results,
                                     const Attributes& attributes) {
  const std::string stem = op + "_" + std::to_string(taken_[op]++);
  Values outputs;
  for (size_t i = 0; i < results; ++i) {
    outputs.push_back(results == 1 ? stem : stem + "." + std::to_string(i));
  }
  AddNode(op, inputs, outputs, attributes);
  return outputs;
}

std::string OnnxGraph::Add(const std::string& op, const Values& inputs,
                           const Attributes& attributes) {
  return AddMany(op, inputs, 1, attributes).front();
}

std::string OnnxGraph::Constant(const std::string& name, int type,
                                const std::vector<int64_t>& shape, const void* values,
                                size_t bytes) {
  const int64_t before = taken_[name]++;
  const std::string own = before == 0 ? name : name + "_" + std::to_string(before);
  protozero::pbf_writer to(graph_);
  protozero::pbf_writer t(to, graph::kConstant);
  t.add_packed_int64(tensor::kDims, shape.begin(), shape.end());
  t.add_int32(tensor::kType, type);
  t.add_string(tensor::kName, own);
  t.add_bytes(tensor::kBytes, static_cast<const char*>(values), bytes);
  return own;
}

std::string OnnxGraph::Floats(const std::string& name, const std::vector<int64_t>& shape,
                              const std::vector<float>& values) {
  return Constant(name, kFloat, shape, values.data(), values.size() * sizeof(float));
}

std::string OnnxGraph::Ints(const std::vector<int64_t>& values) {
  return Constant("ints", kInt64, {static_cast<int64_t>(values.size())}, values.data(),
                  values.size() * sizeof(int64_t));
}

std::string OnnxGraph::Int(int64_t value) {
  return Constant("int", kInt64, {}, &value, sizeof(value));
}

std::string OnnxGraph::Float(float value) {
  return Constant("float", kFloat, {}, &value, sizeof(value));
}

void OnnxGraph::Input(const std::string& name, const std::vector<Dim>& shape) {
  protozero::pbf_writer(graph_).add_message(graph::kInput, ValueInfo(name, shape));
}

void OnnxGraph::Output(const std::string& value, const std::string& name,
                       const std::vector<Dim>& shape) {
  AddNode("Identity", {value}, {name}, {});
  protozero::pbf_writer(graph_).add_message(graph::kOutput, ValueInfo(name, shape));
}

std::string OnnxGraph::Finish(const std::string& name,
                              const std::map<std::string, std::string>& metadata) {
  protozero::pbf_writer(graph_).add_string(graph::kName, name);
  std::string file;
  file.reserve(graph_.size() + 4096);
  protozero::pbf_writer to(file);
  to.add_int64(model::kIr, kIrVersion);
  to.add_string(model::kProducer, "mobileasr");
  {
    protozero::pbf_writer set(to, model::kOperators);
    set.add_string(1, "");
    set.add_int64(2, kOperatorSet);
  }
  for (const auto& [key, text] : metadata) {
    protozero::pbf_writer entry(to, model::kMetadata);
    entry.add_string(1, key);
    entry.add_string(2, text);
  }
  to.add_message(model::kGraph, std::exchange(graph_, {}));
  return file;
}

}  // namespace masr
